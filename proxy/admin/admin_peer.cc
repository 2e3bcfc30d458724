#include "admin/admin_peer.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

namespace weir {

AdminPeer AdminPeer::of(int fd, bool over_unix_socket) {
  AdminPeer peer;
  peer.over_unix_socket = over_unix_socket;
  if (over_unix_socket) {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return peer;
    peer.pid = credentials.pid;
    peer.uid = credentials.uid;
    return peer;
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getpeername(fd, address, &size) == 0) peer.address = Address::from(address, size).text();
  return peer;
}

bool AdminPeer::may_read_files_of_weir() const {
  return over_unix_socket && (uid == 0 || uid == ::geteuid());
}

std::string AdminPeer::text() const {
  return over_unix_socket ? fmt::format("uid={} pid={}", uid, pid) : address;
}

}  // namespace weir
