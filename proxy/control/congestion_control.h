// Asks the kernel for a TCP congestion control. Control thread: what a configuration names is tried
// before it is in force, because a connection that cannot have it goes on without.
#pragma once

#include <string_view>

namespace weir {

// 0, or the errno: ENOENT: there is none of that name; EPERM: not for this user.
int try_congestion_control(std::string_view algorithm);

}  // namespace weir
