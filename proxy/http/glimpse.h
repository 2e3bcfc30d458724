// The parts of a refused request head that could be read, for the log only. A pure function over
// the received bytes; bounded for any input.
#pragma once

#include <string_view>

namespace weir {

struct HeadGlimpse {  // views of the bytes; empty where unknown
  std::string_view method, target, host;
};

// Texts are cut at kMostGlimpsed bytes. Without a valid method there is no target either; control
// bytes end a target.
inline constexpr size_t kMostGlimpsed = 1024;
HeadGlimpse glimpse(std::string_view bytes);

}  // namespace weir
