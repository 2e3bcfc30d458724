// TextBuffer: text that one owner writes repeatedly. It keeps its memory, so that after the first
// few times nothing is allocated. Consumed text is dropped at the front.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace weir {

class TextBuffer {
 public:
  std::string_view view() const { return {bytes_.data() + begin_, bytes_.size() - begin_}; }
  char* data() { return bytes_.data() + begin_; }
  size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }

  void assign(std::string_view text) {
    clear();
    append(text);
  }
  TextBuffer& append(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  // Reserves memory after the text.
  void reserve(size_t more) { bytes_.reserve(bytes_.size() + more); }
  void drop_front(size_t size) {
    begin_ += std::min(size, this->size());
    if (empty()) clear();
  }
  void drop_back(size_t size) { bytes_.resize(bytes_.size() - std::min(size, this->size())); }
  // Frees the memory, and the text, if the capacity is larger than `most`.
  void release_above(size_t most) {
    if (bytes_.capacity() <= most) return;
    bytes_ = {};
    begin_ = 0;
  }
  void clear() {
    bytes_.clear();
    begin_ = 0;
  }

 private:
  std::vector<char> bytes_;
  size_t begin_ = 0;
};

}  // namespace weir
