// Limits of descriptors, threads and CPUs for this process. They are checked before anything
// depends on them, so that a limit that is too low is an error message and no abort. Control
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "config/model.h"

namespace weir {

// Raises the soft limit of open files to the hard limit. Returns the new limit.
uint64_t raise_descriptor_limit();

// Whether the limit is enough to read a configuration; to serve it with one session.
Result<void> check_descriptors_to_start(uint64_t limit);
Result<void> check_descriptors(uint64_t limit, const config::Model& model, uint32_t workers);

// Whether `count` threads can be started.
Result<void> check_threads(size_t count);

struct WorkerCount {
  uint32_t count = 1;
  const char* by = "configuration";  // what sets it; or "cpus", "cpu_quota"
};
// `auto`: one for each CPU that this process may run on, at most the CPU quota of its cgroup,
// rounded up. `root`: see cpu_quota().
WorkerCount worker_count(uint32_t configured, const std::string& root = "");

// The lowest CPU quota of the cgroup of this process and of its parents, in CPUs; nullopt without a
// quota. `root` is a prefix for the paths of /proc and /sys.
std::optional<double> cpu_quota(const std::string& root = "");

}  // namespace weir
