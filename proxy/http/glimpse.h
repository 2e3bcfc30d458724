// What can be told of a request head that was refused: for the log, and for nothing else. A pure
// function over the bytes that came; bounded whatever they are.
#pragma once

#include <string_view>

namespace weir {

struct HeadGlimpse {  // views of the bytes; empty where nothing can be told
  std::string_view method, target, host;
};

// Texts are cut at kMostGlimpsed bytes. A method that is no token, and a target behind it, is not
// one; control bytes end a target.
inline constexpr size_t kMostGlimpsed = 1024;
HeadGlimpse glimpse(std::string_view bytes);

}  // namespace weir
