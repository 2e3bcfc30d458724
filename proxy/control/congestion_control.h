// Tries a TCP congestion control. Control thread: weir tries the algorithms of a configuration
// before it is in force, because a connection without its algorithm would use the default silently.
#pragma once

#include <string_view>

namespace weir {

// 0, or the errno: ENOENT: unknown algorithm; EPERM: not permitted for this user.
int try_congestion_control(std::string_view algorithm);

}  // namespace weir
