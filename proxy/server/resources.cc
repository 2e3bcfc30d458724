#include "server/resources.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <future>
#include <thread>
#include <vector>

#include "base/thread.h"

namespace weir {
namespace {

// Standard streams, the configuration file, the files that it includes, and a name server.
constexpr uint64_t kToRead = 12;
// Besides the workers: loop, log, signals, watch, admin, a reload and a health check.
constexpr uint64_t kOfProcess = 28;
constexpr uint64_t kOfWorker = 5;   // its loop, and one in reserve
constexpr uint64_t kOfSession = 4;  // two sockets, or two ends of a kernel pipe more

Error too_low(uint64_t limit, uint64_t need, const std::string& what) {
  return {fmt::format("the limit of open files is {}, and {} needs at least {}: raise it "
                      "(LimitNOFILE= of the unit, ulimit -n)",
                      limit, what, need),
          ""};
}

uint32_t usable_cpus() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return static_cast<uint32_t>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

Result<void> check_descriptors_to_start(uint64_t limit) {
  if (limit >= kToRead) return {};
  return too_low(limit, kOfProcess + kOfWorker + kOfSession, "weir with one worker");
}

Result<void> check_descriptors(uint64_t limit, const config::Model& model, uint32_t workers) {
  uint64_t sockets = 0;
  for (const config::Listener& listener : model.listeners)
    for (const std::string& bind : listener.bind)
      sockets += bind.starts_with("unix:") ? 1 : workers;
  const uint64_t need = kOfProcess + workers * kOfWorker + sockets + kOfSession;
  if (limit >= need) return {};
  Error error =
      too_low(limit, need,
              fmt::format("this configuration with {} worker{}", workers, workers == 1 ? "" : "s"));
  if (workers > 1) error.message += ", or lower global.workers";
  return error;
}

Result<void> check_threads(size_t count) {
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  std::vector<pthread_t> threads;
  int error = 0;
  while (threads.size() < count && error == 0) {
    pthread_t thread{};
    error = start_thread(thread, [ended] { ended.wait(); });
    if (error == 0) threads.push_back(thread);
  }
  end.set_value();
  for (pthread_t thread : threads) ::pthread_join(thread, nullptr);
  if (error == 0) return {};
  return Error{fmt::format("cannot start {} threads, but {}: {}; raise the limit (TasksMax= and "
                           "LimitNPROC= of the unit, ulimit -u), or lower global.workers",
                           count, threads.size(), std::strerror(error)),
               ""};
}

WorkerCount worker_count(uint32_t configured, const std::string& root) {
  if (configured != 0) return {configured, "configuration"};
  const uint32_t cpus = usable_cpus();
  const std::optional<double> quota = cpu_quota(root);
  if (!quota || *quota >= cpus) return {cpus, "cpus"};
  return {static_cast<uint32_t>(std::max(1.0, std::ceil(*quota))), "cpu_quota"};
}

}  // namespace weir
