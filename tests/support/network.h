// A network of the test's own: a loopback interface and nothing else, so that a test may listen on
// all addresses without being reachable. If the user may not create one (no root, no user
// namespaces), the network of the machine stays in use.
#pragma once

namespace weir {

// For this thread, the processes it starts, and the sockets it opens from now on.
void enter_own_network();

}  // namespace weir
