// Limit: one limit of the process, in places: how many are taken, and how many may be. All workers
// take and give on one word, so that the limit is exact; what it costs is that word's cache line.
//
// Owner: a Backend or a ClusterShared. Any thread. take and give are sequentially consistent: of a
// thread that gives a place and then looks for waiting requests, and one that waits and then looks
// for a place, one sees the other (WaitQueue).
#pragma once

#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace weir {

class alignas(64) Limit {
 public:
  using Word = std::atomic<int64_t>;

  // 0: without limit; places are counted all the same. What is taken already stays.
  void set_most(uint64_t most) {
    most_.store(static_cast<int64_t>(most), std::memory_order_relaxed);
  }
  int64_t taken() const { return taken_.load(std::memory_order_seq_cst); }
  bool limited() const { return most() != 0; }
  bool full() const { return limited() && taken() >= most(); }
  // What is taken above a limit that was lowered.
  int64_t excess() const {
    const int64_t most = this->most(), taken = this->taken();
    return most != 0 && taken > most ? taken - most : 0;
  }
  // What is taken, for balancers: they compare it, and need not see the last change.
  const Word& word() const { return taken_; }

  // Never above the limit, not even for a moment: another thread would find it full in vain.
  [[nodiscard]] bool try_take() {
    int64_t taken = taken_.load(std::memory_order_relaxed);
    do {
      const int64_t most = this->most();
      if (most != 0 && taken >= most) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_seq_cst));
    return true;
  }
  void give() {
    const int64_t before = taken_.fetch_sub(1, std::memory_order_seq_cst);
    DCHECK(before > 0);
    (void)before;
  }

 private:
  int64_t most() const { return most_.load(std::memory_order_relaxed); }

  Word taken_{0};
  std::atomic<int64_t> most_{0};
};

}  // namespace weir
