#include "server/loader.h"

#include <pthread.h>

#include <thread>

namespace weir {

Loader::~Loader() {
  std::lock_guard lock(way_->mutex);
  way_->control = nullptr;
  way_->loader = nullptr;
}

LoadResult Loader::load_now(const Load& load, const Resolve& resolve) {
  LoadResult result;
  result.candidate.loaded = load();
  if (!result.candidate.loaded.valid()) return result;
  Result<ResolvedAddresses> addresses = resolve(result.candidate.loaded.model);
  if (!addresses) return result.failure = addresses.error(), result;
  result.candidate.addresses = std::move(*addresses);
  config::Location at;
  Result<TlsContexts> tls = load_tls(result.candidate.loaded.model, at);
  if (!tls) return result.failure = tls.error(), result;
  result.candidate.tls = std::move(*tls);
  return result;
}

void Loader::request(Done done) {
  enqueue("", std::move(done));
}

void Loader::request_file(std::string path, Done done) {
  enqueue(std::move(path), std::move(done));
}

void Loader::enqueue(std::string path, Done done) {
  // The running job has read its file already, perhaps before the change this request is about.
  for (size_t i = busy() ? 1 : 0; i < jobs_.size(); ++i)
    if (jobs_[i].path == path) return jobs_[i].waiting.push_back(std::move(done));
  jobs_.push_back({std::move(path), {std::move(done)}});
  if (!busy()) start_next();
}

void Loader::start_next() {
  if (jobs_.empty()) return;
  Load load = load_;
  if (const std::string& path = jobs_.front().path; !path.empty())
    load = [path] { return config::load(path, config::process_environment()); };
  busy_ = true;
  std::thread([way = way_, load, resolve = resolve_] {
    pthread_setname_np(pthread_self(), "loader");
    auto result = std::make_shared<LoadResult>(load_now(load, resolve));
    std::lock_guard lock(way->mutex);
    if (way->control == nullptr) return;
    way->control->post([way, result] {
      if (way->loader != nullptr) way->loader->finish(result);
    });
  }).detach();
}

void Loader::finish(std::shared_ptr<LoadResult> result) {
  busy_ = false;
  const Job job = std::move(jobs_.front());
  jobs_.erase(jobs_.begin());
  for (const Done& done : job.waiting) done(result);
  if (!busy()) start_next();
}

}  // namespace weir
