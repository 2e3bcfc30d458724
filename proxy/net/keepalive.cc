#include "net/keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "os/sys.h"

namespace weir {
namespace {

bool set_tcp(int fd, int name, int value) {
  return sys::set_option(fd, IPPROTO_TCP, name, value) == 0;
}
bool set_tcp(int fd, int name, Duration value) {
  return set_tcp(fd, name, static_cast<int>(value / std::chrono::seconds(1)));
}
bool set_probing(int fd, int on) {
  return sys::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, on) == 0;
}

}  // namespace

// The times first: SO_KEEPALIVE starts a timer with the times that the socket has then.
bool set_keepalive(int fd, const TcpKeepalive& keepalive) {
  if (!keepalive.enabled()) return set_probing(fd, 0);
  return set_tcp(fd, TCP_KEEPIDLE, keepalive.idle) &&
         set_tcp(fd, TCP_KEEPINTVL, keepalive.interval) &&
         set_tcp(fd, TCP_KEEPCNT, static_cast<int>(keepalive.probes)) && set_probing(fd, 1);
}

}  // namespace weir
