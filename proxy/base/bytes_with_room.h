// BytesWithRoom: bytes, and the number of bytes that may be written directly after them, so that
// the framing after a body part need not be sent separately. A view: the memory is the caller's.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace weir {

struct BytesWithRoom {
  char* data = nullptr;
  size_t size = 0;
  size_t room = 0;

  bool empty() const { return size == 0; }
  char* end() const { return data + size; }
  std::string_view view() const { return {data, size}; }
  // Without room: the bytes after the first ones are still needed.
  BytesWithRoom first(size_t bytes) const { return {data, bytes, 0}; }
};

}  // namespace weir
