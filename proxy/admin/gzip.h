// gzip for admin replies: one call, whole body, fastest level. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir {

inline constexpr int kGzipLevel = 1;  // metrics text shrinks to about a tenth already

std::string gzip(std::string_view text);

}  // namespace weir
