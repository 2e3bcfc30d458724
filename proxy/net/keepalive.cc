#include "net/keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "net/sys.h"

namespace weir {
namespace {

bool set(int fd, int level, int name, int value) {
  return sys::set_option(fd, level, name, &value, sizeof(value)) == 0;
}
bool set(int fd, int name, Duration value) {
  return set(fd, IPPROTO_TCP, name, static_cast<int>(value / std::chrono::seconds(1)));
}

}  // namespace

// The times come first: SO_KEEPALIVE starts a timer with those that the socket has.
bool set_keepalive(int fd, const TcpKeepalive& keepalive) {
  if (!keepalive.enabled()) return set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
  return set(fd, TCP_KEEPIDLE, keepalive.idle) && set(fd, TCP_KEEPINTVL, keepalive.interval) &&
         set(fd, IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(keepalive.probes)) &&
         set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace weir
