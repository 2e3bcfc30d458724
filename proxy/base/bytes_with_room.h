// BytesWithRoom: bytes, and how many more may be written right behind them, so that what follows a
// message in its framing need not be written apart from it. A view: the memory is the caller's.
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
  // Without room: the bytes behind them are not part of them, but are still needed.
  BytesWithRoom first(size_t bytes) const { return {data, bytes, 0}; }
};

}  // namespace weir
