// Reads big-endian numbers and parts of given sizes from the front of untrusted bytes. Beyond the
// end it returns zeros and empty parts and stays !ok(), so that a group of reads needs one check
// after it. No allocation; take() returns views of the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  bool ok() const { return ok_; }
  bool done() const {
    return ok_ && left_.empty();
  }  // all bytes were read, and none beyond the end
  bool more() const { return ok_ && !left_.empty(); }
  std::string_view rest() const { return left_; }

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return number(4); }
  std::string_view take(size_t size) {
    if (!ok_ || size > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::string_view stretch = left_.substr(0, size);
    left_.remove_prefix(size);
    return stretch;
  }

 private:
  uint32_t number(size_t size) {
    uint32_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }

  std::string_view left_;
  bool ok_ = true;
};

}  // namespace weir
