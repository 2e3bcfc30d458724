#include "admin/admin_socket.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "os/sys.h"

namespace weir {
namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

const char* fix_for(int error) {
  switch (error) {
    case EADDRINUSE: return "; another process took the path just now";
    case EACCES:
    case EPERM: return "; its directory must be writable for the user that weir runs as";
    case ENOENT:
    case ENOTDIR: return "; create its directory first";
    default: return "";
  }
}

Error socket_failure(const Address& address, const char* what, int error) {
  return {
      fmt::format("cannot {} {}: {}{}", what, address.text(), std::strerror(error), fix_for(error)),
      ""};
}

int bind_and_listen(int fd, const Address& address) {
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0) return errno;
  return ::listen(fd, kAdminBacklog) == 0 ? 0 : errno;
}

// No process listens there: a connection is refused. Any other error, such as a full backlog, means
// that one does.
bool is_abandoned(const Address& address) {
  UniqueFd probe(sys::socket(AF_UNIX));
  if (!probe) return false;
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  return sys::connect(probe.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 &&
         errno == ECONNREFUSED;
}

Result<void> remove_stale_file(const Address& address) {
  const char* path = address.path().c_str();
  struct stat found {};
  if (::lstat(path, &found) != 0)
    return errno == ENOENT ? Result<void>() : socket_failure(address, "look at", errno);
  if (!S_ISSOCK(found.st_mode))
    return Error{
        fmt::format("cannot bind {}: the path exists and is not a socket; remove it or choose "
                    "another path",
                    address.text()),
        ""};
  const SocketFile before = socket_file(address);
  if (!is_abandoned(address))
    return Error{
        fmt::format("cannot bind {}: another process listens there; stop it or choose another "
                    "path",
                    address.text()),
        ""};
  unlink_if_same(address, before);  // it may have been replaced since
  return {};
}

}  // namespace

AdminSocket::AdminSocket(AdminSocket&& other) noexcept
    : fd_(std::move(other.fd_)), address_(other.address_), file_(std::exchange(other.file_, {})) {}

Result<AdminSocket> AdminSocket::open_unix(const Address& address,
                                           const SocketPermissions& permissions) {
  if (address.path().empty() || address.path().front() == '@')
    return Error{fmt::format("cannot bind {}: an abstract socket has no permissions; give a path",
                             address.text()),
                 ""};
  if (auto removed = remove_stale_file(address); !removed) return removed.error();
  UniqueFd fd(sys::socket(AF_UNIX));
  if (!fd) return socket_failure(address, "open a socket for", errno);
  // Linux creates the file with the mode of the unbound socket, less the umask: it is never open to
  // others.
  if (::fchmod(fd.get(), kOwnerOnly) != 0) return socket_failure(address, "protect", errno);
  if (int error = bind_and_listen(fd.get(), address)) return socket_failure(address, "bind", error);
  AdminSocket made(std::move(fd), address, socket_file(address));
  // The umask may have taken from the owner too.
  if (Result<void> set = set_permissions(address.path(), permissions); !set) return set.error();
  return made;
}

Result<AdminSocket> AdminSocket::open(const Address& address,
                                      const SocketPermissions& permissions) {
  if (address.is_unix()) return open_unix(address, permissions);
  // No SO_REUSEPORT: two processes on one admin port would each get a part of the requests.
  auto fd = open_listening_socket(
      address,
      {.backlog = kAdminBacklog, .congestion_control = {}, .reuse_port = false, .permissions = {}});
  if (!fd) return fd.error();
  Address bound = local_address(fd->get());
  return AdminSocket(std::move(*fd), std::move(bound), {});
}

}  // namespace weir
