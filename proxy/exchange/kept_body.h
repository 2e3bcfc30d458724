// KeptBody: the first bytes that were read of a stream's body, so that another attempt sends them
// again. Of a connection the exchange has them anyway, in the buffer of the head. Owner: a
// BodyRelay, by value; one block at most, until forget(). Thread: the worker's.
#pragma once

#include <cstring>
#include <string_view>

#include "exchange/head_buffer.h"

namespace weir {

class KeptBody {
 public:
  explicit KeptBody(BufferPool& pool) : bytes_(pool) {}

  void begin() {
    bytes_.clear();
    whole_ = more_ = true;
  }
  // `data` was read. More than a block is not kept.
  void add(std::string_view data) {
    more_ = more_ && bytes_.view().size() + data.size() <= kBlockSize - HeadBuffer::kReserve;
    if (!more_) {
      whole_ = false;
      return bytes_.clear();
    }
    std::memcpy(bytes_.room(kBlockSize).data(), data.data(), data.size());
    bytes_.add(data.size());
  }
  void forget() {
    bytes_.clear();
    whole_ = more_ = false;
  }
  // Since begin(): every byte that was read is here.
  bool is_whole() const { return whole_; }
  bool empty() const { return bytes_.empty(); }
  BytesWithRoom bytes() { return bytes_.bytes_from(0); }

 private:
  HeadBuffer bytes_;
  bool whole_ = false;
  bool more_ = false;  // what is read next is kept, if there is room
};

}  // namespace weir
