// KernelPipePool: kernel pipes for splice(2), lent to a HalfPipe only while there are bytes in
// them. One pool per worker.
//
// A pipe that is returned with bytes in it is closed; so are pipes that were not needed for half a
// second. The number is bounded: beyond 64 MiB per user the kernel makes pipes of one or two slots
// (pipe-user-pages-soft).
#pragma once

#include <cstddef>
#include <vector>

#include "event/spares.h"

namespace weir {

struct KernelPipe {
  int read_end = -1;
  int write_end = -1;
  size_t held = 0;  // bytes in it
};

inline constexpr int kKernelPipeSize = 1 << 20;

class KernelPipePool final : public Spares {
 public:
  explicit KernelPipePool(EventLoop& loop) : Spares(loop) {
    free_.reserve(kKept);  // taking back never allocates
  }
  ~KernelPipePool();

  // Null: too many are lent, or the kernel gives none; the caller copies.
  KernelPipe* lend();
  void take_back(KernelPipe* pipe);

 private:
  static constexpr size_t kMaxLent = 32;
  static constexpr size_t kKept = 8;

  size_t keep_spares(size_t most) override;

  std::vector<KernelPipe*> free_;
};

}  // namespace weir
