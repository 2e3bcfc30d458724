// A network of the test's own: a loopback interface and nothing else, so that a test may listen on
// all addresses without being reachable. Where the user may not have one (no root, no user
// namespaces), the machine's stays in use.
#pragma once

namespace weir {

// For this thread, the processes it starts, and the sockets it opens from now on.
void enter_own_network();

}  // namespace weir
