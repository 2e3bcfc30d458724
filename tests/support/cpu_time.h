// The CPU time of this thread. A bound on it is a bound on work, whatever the load of the machine.
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
