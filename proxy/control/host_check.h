// Checks what a configuration needs from the host: directories for logs and sockets, a congestion
// control of the kernel. `weir run` fails without them; `weir check` reports them, and changes
// nothing. A plan reports the problems that a reload would have. Any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "config/load.h"

namespace weir {

// What opens the files and sockets: a start, or a reload, which does not open the admin socket.
enum class Opens : uint8_t { at_start, at_reload };

// In the order of the file. A problem of every user is an error; a missing permission of the user
// that runs the check is a warning, since weir may run as another user. Directories that the
// systemd unit creates may be missing.
std::vector<config::Diagnostic> check_host(const config::Loaded& loaded, Opens opens);

}  // namespace weir
