// What the machine, the service manager and the user's limits leave for this process. Checked
// before anything depends on it, so that a limit that is too low is a message and no abort. Control
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "config/model.h"

namespace weir {

// Raises the soft limit of open files to the hard one. The limit in force.
uint64_t raise_descriptor_limit();

// What reading a configuration takes; then what serving it takes, with one session.
Result<void> check_descriptors_to_start(uint64_t limit);
Result<void> check_descriptors(uint64_t limit, const config::Model& model, uint32_t workers);

// Whether so many threads can be started.
Result<void> check_threads(size_t count);

struct WorkerCount {
  uint32_t count = 1;
  const char* by = "configuration";  // what it follows; or "cpus", "cpu_quota"
};
// `auto`: one for each CPU that this process may run on, and no more than its cgroup gives it time
// for, rounded up. `root`: as of cpu_quota().
WorkerCount worker_count(uint32_t configured, const std::string& root = "");

// CPUs by the quota of the cgroup of this process and of those around it: the least of them;
// nothing where there is none. `root` is before the paths of /proc and /sys.
std::optional<double> cpu_quota(const std::string& root = "");

}  // namespace weir
