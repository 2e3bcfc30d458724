// BufferPool: blocks for bytes in transit, lent to a HalfPipe only while it has bytes in hand: an
// idle connection holds none. A worker has one pool for each size. The block that was returned last
// is lent first, because it is in the cache. Blocks that were not needed for half a second go back
// to the kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/page_blocks.h"
#include "event/spares.h"

namespace weir {

inline constexpr size_t kBlockSize = 16 * 1024;
inline constexpr size_t kLargeBlockSize = 64 * 1024;
inline constexpr size_t kMostLargeBlocks = 64;

class BufferPool final : public Spares {
 public:
  explicit BufferPool(EventLoop& loop, size_t block_size = kBlockSize, size_t most = SIZE_MAX)
      : Spares(loop), block_size_(block_size), most_(most), blocks_(block_size) {}
  // Null: `most` blocks are lent.
  char* lend() {
    if (lent() == most_) return nullptr;
    note_lent();
    return static_cast<char*>(blocks_.take());
  }
  void take_back(char* block) {
    blocks_.give_back(block);
    note_taken_back();
  }

  size_t bytes() const { return (lent() + blocks_.spare()) * block_size_; }

 private:
  size_t keep_spares(size_t most) override {
    blocks_.trim(most);
    return blocks_.spare();
  }

  const size_t block_size_;
  const size_t most_;
  PageBlocks blocks_;
};

}  // namespace weir
