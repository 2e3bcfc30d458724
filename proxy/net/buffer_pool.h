// The blocks that bytes pass through, lent to a HalfPipe only while it has bytes in hand: an idle
// connection holds none. One pool per worker; last returned, first lent, so the block is still in
// the cache.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace weir {

inline constexpr size_t kBlockSize = 16 * 1024;

class BufferPool {
 public:
  BufferPool() { free_.reserve(kKept); }  // taking back never allocates
  char* lend() {
    ++lent_;
    if (free_.empty()) return new char[kBlockSize];
    char* block = free_.back().release();
    free_.pop_back();
    return block;
  }
  void take_back(char* block) {
    --lent_;
    if (free_.size() < kKept)
      free_.emplace_back(block);
    else
      delete[] block;
  }
  // Gives the memory of unused blocks back; for when nothing is going on.
  void trim() { free_.clear(); }

  size_t lent() const { return lent_; }
  size_t bytes() const { return (lent_ + free_.size()) * kBlockSize; }

 private:
  static constexpr size_t kKept = 64;
  std::vector<std::unique_ptr<char[]>> free_;
  size_t lent_ = 0;
};

}  // namespace weir
