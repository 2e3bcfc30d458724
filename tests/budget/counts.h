// The allocations and locks of each thread, counted by budget_counting.cc inside the process, in a
// table in a file that both processes map.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::budget {

inline constexpr char kFileVariable[] = "WEIR_BUDGET_COUNTS";
inline constexpr int kThreads = 64;

struct ThreadCounts {
  std::atomic<int> thread;  // its number for the kernel; 0: a free row
  std::atomic<uint64_t> allocations, locks;
};
struct Counts {
  ThreadCounts threads[kThreads];
};

}  // namespace weir::budget
