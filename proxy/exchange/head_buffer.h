// HeadBuffer: where a message head is collected; ParsedHead: the same, with the head that was read
// from it. A block of the worker's pool, and memory of its own for a head that is larger. Bytes
// stand together from the first byte of the message on. Owner: an Exchange; holds nothing while it
// is empty.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes_with_room.h"
#include "http/message.h"
#include "net/buffer_pool.h"

namespace weir {

class HeadBuffer {
 public:
  explicit HeadBuffer(BufferPool& pool) : pool_(pool) {}
  ~HeadBuffer() { clear(); }
  HeadBuffer(const HeadBuffer&) = delete;
  HeadBuffer& operator=(const HeadBuffer&) = delete;

  std::string_view view() const { return {memory(), size_}; }
  BytesWithRoom bytes_from(size_t at) { return {memory() + at, size_ - at, kReserve}; }
  bool empty() const { return size_ == 0; }
  // Room for at least one byte and at most kBlockSize, when the head may become `limit` bytes;
  // empty: it is full. kReserve bytes after it are left alone. Memory doubles: growing costs no
  // more than the bytes, and a head that stays small needs no memory for what it might have become.
  // At most a block comes after a head of any size: these bytes are moved with each message.
  std::span<char> room(size_t limit) {
    if (size_ == capacity()) grow(std::min(limit + 1, std::max(2 * capacity(), kBlockSize)));
    return {memory() + size_, std::min(capacity() - size_, kBlockSize)};
  }
  void add(size_t bytes) { size_ += bytes; }
  // Puts `bytes`, which may be of another buffer, in the place of what is here.
  void assign(std::string_view bytes) {
    if (bytes.empty()) return clear();
    if (memory() == nullptr) block_ = pool_.lend();
    if (bytes.size() > capacity()) grow(bytes.size());
    std::memmove(memory(), bytes.data(), bytes.size());
    size_ = bytes.size();
  }
  void drop_front(size_t bytes) { assign(view().substr(bytes)); }
  // Keeps the first `bytes`, in memory of that size: for a head that is kept for long.
  void shrink(size_t bytes) {
    std::unique_ptr<char[]> exact(new char[bytes + kReserve]);
    std::memcpy(exact.get(), memory(), bytes);
    clear();
    large_ = std::move(exact);
    large_size_ = bytes + kReserve;
    size_ = bytes;
  }
  void clear() {
    if (block_ != nullptr) pool_.take_back(std::exchange(block_, nullptr));
    large_.reset();
    large_size_ = size_ = 0;
  }

  // Room after the bytes that are here, for the end of a chunk of a body.
  static constexpr size_t kReserve = 8;

 private:
  char* memory() const { return large_ != nullptr ? large_.get() : block_; }
  size_t capacity() const {
    if (large_ != nullptr) return large_size_ - kReserve;
    return block_ != nullptr ? kBlockSize - kReserve : 0;
  }
  // To `wanted` bytes, unless it has them.
  void grow(size_t wanted) {
    if (memory() == nullptr) {
      block_ = pool_.lend();
      return;
    }
    if (wanted <= capacity()) return;
    std::unique_ptr<char[]> larger(new char[wanted + kReserve]);
    std::memcpy(larger.get(), memory(), size_);
    if (block_ != nullptr) pool_.take_back(std::exchange(block_, nullptr));
    large_ = std::move(larger);
    large_size_ = wanted + kReserve;
  }

  BufferPool& pool_;
  char* block_ = nullptr;
  std::unique_ptr<char[]> large_;
  size_t large_size_ = 0;
  size_t size_ = 0;
};

// `Head`: RequestHead or ResponseHead.
template <typename Head>
class ParsedHead : public HeadBuffer {
 public:
  using HeadBuffer::HeadBuffer;
  // read_head() of a side fills this one.
  Head& to_fill() { return head_; }
  // The bytes may have moved since the last call.
  const Head& head() {
    head_.move_to(view().data());
    return head_;
  }

 private:
  Head head_;
};

}  // namespace weir
