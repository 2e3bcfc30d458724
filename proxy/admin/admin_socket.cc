#include "admin/admin_socket.h"

#include <fmt/format.h>

#include <utility>

namespace weir {

AdminSocket::AdminSocket(AdminSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      address_(std::move(other.address_)),
      file_(std::exchange(other.file_, {})) {}

Result<AdminSocket> AdminSocket::open(const Address& address,
                                      const SocketPermissions& permissions) {
  if (address.is_unix() && (address.path().empty() || address.path().front() == '@'))
    return Error{fmt::format("cannot bind {}: an abstract socket has no permissions; give a path",
                             address.text()),
                 ""};
  // No SO_REUSEPORT: two processes on one admin port would each get a part of the requests.
  auto fd = open_listening_socket(address, {.backlog = kAdminBacklog,
                                            .congestion_control = {},
                                            .reuse_port = false,
                                            .permissions = permissions});
  if (!fd) return fd.error();
  if (address.is_unix()) return AdminSocket(std::move(*fd), address, socket_file(address));
  Address bound = local_address(fd->get());
  return AdminSocket(std::move(*fd), std::move(bound), {});
}

}  // namespace weir
