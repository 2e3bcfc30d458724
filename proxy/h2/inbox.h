// Inbox: bytes of a stream's body that have come and were not read yet, in blocks of the worker's
// pool. Nothing bounds it but the window of the stream, which the reader opens. Owner: an H2Stream;
// holds nothing while it is empty. Thread: the worker's.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "net/buffer_pool.h"

namespace weir {

class Inbox {
 public:
  explicit Inbox(BufferPool& pool) : pool_(pool) {}
  ~Inbox() { clear(); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  size_t size() const { return size_; }
  void append(std::string_view bytes) {
    size_ += bytes.size();
    while (!bytes.empty()) {
      if (last_ == nullptr || end_ == kRoom) add_block();
      const size_t fits = std::min(bytes.size(), kRoom - end_);
      std::memcpy(last_->bytes + end_, bytes.data(), fits);
      end_ += fits;
      bytes.remove_prefix(fits);
    }
  }
  // Moves at most `to.size()` bytes out of it.
  size_t read(std::span<char> to) {
    size_t read = 0;
    while (read < to.size() && size_ > 0) {
      const size_t here = (first_ == last_ ? end_ : kRoom) - begin_;
      const size_t n = std::min(here, to.size() - read);
      std::memcpy(to.data() + read, first_->bytes + begin_, n);
      read += n;
      begin_ += n;
      size_ -= n;
      if (n == here) drop_block();
    }
    return read;
  }
  void clear() {
    while (first_ != nullptr) drop_block();
    size_ = 0;
  }

 private:
  struct Block {
    Block* next;
    char bytes[1];  // the rest of the block of the pool
  };
  static constexpr size_t kRoom = kBlockSize - sizeof(Block*);

  void add_block() {
    auto* block = reinterpret_cast<Block*>(pool_.lend());
    block->next = nullptr;
    (last_ != nullptr ? last_->next : first_) = block;
    last_ = block;
    end_ = 0;
  }
  void drop_block() {
    Block* const block = std::exchange(first_, first_->next);
    if (first_ == nullptr) last_ = nullptr;
    begin_ = 0;
    pool_.take_back(reinterpret_cast<char*>(block));
  }

  BufferPool& pool_;
  Block* first_ = nullptr;
  Block* last_ = nullptr;
  size_t begin_ = 0;  // of what is not read, in the first block
  size_t end_ = 0;    // of the bytes in the last one
  size_t size_ = 0;
};

}  // namespace weir
