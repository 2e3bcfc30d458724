#include "control/unix_socket_file.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "os/sys.h"

namespace weir {
namespace {

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

bool has_file(const Address& address) {
  return address.is_unix() && address.path()[0] != '@';
}

Error bind_failure(const char* what, const Address& address, int error) {
  return Error{fmt::format("cannot {} {}: {}{}", what, address.text(), std::strerror(error),
                           unix_socket_advice(address, error)),
               ""};
}

// ECONNREFUSED: no process listens there. Any other error, such as that of a full backlog, means
// that a process listens.
bool is_refused(const Address& address) {
  const UniqueFd probe(sys::socket(AF_UNIX));
  if (!probe) return false;
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  return sys::connect(probe.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 &&
         errno == ECONNREFUSED;
}

// If a file remains, bind(2) fails with EADDRINUSE.
void remove_stale_file(const Address& address) {
  struct stat found {};
  if (::lstat(address.path().c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  // Another process may replace the file after the probe.
  if (is_refused(address)) unlink_if_same(address, {found.st_dev, found.st_ino});
}

}  // namespace

SocketFile socket_file(const Address& address) {
  struct stat status {};
  if (!has_file(address) || ::lstat(address.path().c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

void unlink_if_same(const Address& address, const SocketFile& ours) {
  if (ours.inode != 0 && socket_file(address) == ours) ::unlink(address.path().c_str());
}

Result<void> bind_unix_socket(int fd, const Address& address,
                              const SocketPermissions& permissions) {
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  const auto bind = [&] {
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) == 0;
  };
  if (!has_file(address)) return bind() ? Result<void>() : bind_failure("bind", address, errno);
  remove_stale_file(address);
  // Linux creates the file with the mode of the unbound socket, less the umask: no other user
  // can open it before it has its permissions.
  if (::fchmod(fd, kOwnerOnly) != 0) return bind_failure("protect", address, errno);
  if (!bind()) return bind_failure("bind", address, errno);
  const SocketFile made = socket_file(address);
  Result<void> set = set_permissions(address.path(), permissions);
  if (!set) unlink_if_same(address, made);
  return set;
}

const char* unix_socket_advice(const Address& address, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return "; create its directory first";
    case EACCES:
    case EPERM: return "; weir needs write permission on its directory";
    case EADDRINUSE: break;
    default: return "";
  }
  struct stat status {};
  if (has_file(address) && ::lstat(address.path().c_str(), &status) == 0 &&
      !S_ISSOCK(status.st_mode))
    return "; the path exists and is not a socket: remove it or choose another path";
  return "; another process listens there (see it with: ss -lxp)";
}

}  // namespace weir
