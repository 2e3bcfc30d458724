#include "control/loader.h"

#include <fmt/format.h>
#include <pthread.h>

#include <cstring>

#include "base/thread.h"
#include "control/background.h"

namespace weir {

void Loader::stop() {
  {
    std::lock_guard lock(way_->mutex);
    way_->control = nullptr;
    way_->loader = nullptr;
  }
  jobs_.clear();
}

LoadResult Loader::load_now(const Load& load, const Resolve& resolve, const TlsInForce* before) {
  LoadResult result;
  config::Loaded& loaded = result.candidate.loaded = load();
  if (!loaded.valid()) return result;
  result.candidate.tls = load_tls(loaded, before);
  if (!loaded.valid()) return result;
  result.candidate.addresses = resolve(loaded.model);
  return result;
}

void Loader::request(Done done) {
  enqueue("", std::move(done));
}

void Loader::request_file(std::string path, Done done) {
  enqueue(std::move(path), std::move(done));
}

void Loader::request_text(std::string text, Done done) {
  if (stopped()) return;
  jobs_.push_back({"", std::make_shared<const std::string>(std::move(text)), {std::move(done)}});
  if (!busy()) start_next();
}

void Loader::enqueue(std::string path, Done done) {
  if (stopped()) return;
  // The running job may have read its file before the change that this request is about.
  const size_t first = busy() ? 1 : 0;
  for (size_t i = first; i < jobs_.size(); ++i)
    if (jobs_[i].path == path && !jobs_[i].text) return jobs_[i].waiting.push_back(std::move(done));
  const size_t at = path.empty() ? first : jobs_.size();
  jobs_.insert(jobs_.begin() + static_cast<ptrdiff_t>(at),
               {std::move(path), nullptr, {std::move(done)}});
  if (!busy()) start_next();
}

// What the loader's thread runs for the first job.
std::function<LoadResult()> Loader::work() const {
  const Job& job = jobs_.front();
  if (job.text)
    return [text = job.text] {
      LoadResult result;
      result.candidate.loaded = config::load_sent_text(*text);
      result.candidate.only_text = true;
      return result;
    };
  Load load = load_;
  if (const std::string& path = job.path; !path.empty())
    load = [path] { return config::load(path, config::process_environment()); };
  return [load, resolve = resolve_, before = in_force_ ? in_force_() : nullptr] {
    return load_now(load, resolve, before.get());
  };
}

void Loader::start_next() {
  if (jobs_.empty()) return;
  busy_ = true;
  const auto run = [way = way_, work = work()] {
    pthread_setname_np(pthread_self(), "loader");
    lower_priority();
    auto result = std::make_shared<LoadResult>(work());
    std::lock_guard lock(way->mutex);
    if (way->control == nullptr) return;
    way->control->post([way, result] {
      if (way->loader != nullptr) way->loader->finish(result);
    });
  };
  pthread_t thread{};
  const int error = start_thread(thread, run);
  if (error == 0) return void(::pthread_detach(thread));
  auto failed = std::make_shared<LoadResult>();
  failed->failure =
      Error{fmt::format("cannot start a thread to read the configuration: {}; raise TasksMax= of "
                        "the unit, or ulimit -u",
                        std::strerror(error)),
            ""};
  way_->control->post([way = way_, failed] {
    if (way->loader != nullptr) way->loader->finish(failed);
  });
}

void Loader::finish(std::shared_ptr<LoadResult> result) {
  busy_ = false;
  const Job job = std::move(jobs_.front());
  jobs_.erase(jobs_.begin());
  for (const Done& done : job.waiting) done(result);
  if (!busy()) start_next();
}

}  // namespace weir
