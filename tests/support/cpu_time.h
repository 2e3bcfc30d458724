// What this thread has worked so far. A bound on it says how much work something is, however busy
// the machine is.
#pragma once

#include <ctime>

#include "base/time.h"

namespace weir::test {

inline Duration cpu_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace weir::test
