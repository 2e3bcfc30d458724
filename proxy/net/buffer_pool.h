// The blocks that bytes pass through, lent to a HalfPipe only while it has bytes in hand: an idle
// connection holds none. Of each size one pool per worker; last returned, first lent, so the block
// is still in the cache. What nobody has needed for half a second goes back to the kernel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/page_blocks.h"
#include "event/event_loop.h"

namespace weir {

inline constexpr size_t kBlockSize = 16 * 1024;
inline constexpr size_t kLargeBlockSize = 64 * 1024;
inline constexpr size_t kMostLargeBlocks = 64;

class BufferPool : private Deadline {
 public:
  explicit BufferPool(EventLoop& loop, size_t block_size = kBlockSize, size_t most = SIZE_MAX)
      : loop_(loop), block_size_(block_size), most_(most), blocks_(block_size) {}
  // Null when so many are lent already.
  char* lend() {
    if (lent_ == most_) return nullptr;
    most_lent_ = std::max(most_lent_, ++lent_);
    return static_cast<char*>(blocks_.take());
  }
  void take_back(char* block) {
    --lent_;
    blocks_.give_back(block);
    if (!pending()) loop_.deadlines().set(*this, loop_.now() + kUnneeded);
  }

  size_t lent() const { return lent_; }
  size_t bytes() const { return (lent_ + blocks_.spare()) * block_size_; }

 private:
  static constexpr Duration kUnneeded = 500ms;

  void on_deadline() override {
    blocks_.trim(std::exchange(most_lent_, lent_) - lent_);
    if (blocks_.spare() > 0) loop_.deadlines().set(*this, loop_.now() + kUnneeded);
  }

  EventLoop& loop_;
  const size_t block_size_;
  const size_t most_;
  PageBlocks blocks_;
  size_t lent_ = 0;
  size_t most_lent_ = 0;
};

}  // namespace weir
