// What a configuration needs of the host that it will run on: directories for logs and sockets, a
// TCP algorithm of the kernel. `weir run` fails without them; `weir check` says so before, and
// changes nothing. Any thread.
#pragma once

#include <vector>

#include "config/load.h"

namespace weir {

// In the order of the file. Errors are what no user could start weir with; what only the user who
// checks may not do is a warning, since weir may run as another. The directories that the unit of
// systemd makes when it starts weir are not missed.
std::vector<config::Diagnostic> check_host(const config::Loaded& loaded);

}  // namespace weir
