// A queue of bytes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace weir::sim {

class ByteQueue {
 public:
  size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }
  std::string_view view() const { return std::string_view(bytes_).substr(begin_); }
  void push(std::string_view more) { bytes_.append(more); }
  void pop(size_t n) {
    begin_ += n;
    if (begin_ < 65536 && begin_ < bytes_.size()) return;
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  size_t pop_into(char* to, size_t size) {
    const size_t n = std::min(size, this->size());
    view().copy(to, n);
    pop(n);
    return n;
  }
  void clear() {
    bytes_.clear();
    begin_ = 0;
  }

 private:
  std::string bytes_;
  size_t begin_ = 0;
};

}  // namespace weir::sim
