#include "server/loader.h"

#include <pthread.h>

namespace weir {

Loader::~Loader() {
  if (thread_.joinable()) thread_.join();  // what it posts is dropped with the loop
}

LoadResult Loader::load_now(const Load& load, const Resolve& resolve) {
  LoadResult result;
  result.candidate.loaded = load();
  if (!result.candidate.loaded.valid()) return result;
  Result<ResolvedAddresses> addresses = resolve(result.candidate.loaded.model);
  if (addresses)
    result.candidate.addresses = std::move(*addresses);
  else
    result.failure = addresses.error();
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
  thread_ = std::thread([this, load] {
    pthread_setname_np(pthread_self(), "loader");
    auto result = std::make_shared<LoadResult>(load_now(load, resolve_));
    control_.post([this, result] {
      thread_.join();
      const Job job = std::move(jobs_.front());
      jobs_.erase(jobs_.begin());
      for (const Done& done : job.waiting) done(result);
      if (!busy()) start_next();
    });
  });
}

}  // namespace weir
