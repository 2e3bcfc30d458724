// A listening socket of the admin server, TCP or UNIX. Control thread.
//
// The file of a UNIX socket has its permissions, by default 0600, before a client can connect
// (control/unix_socket_file.h). The destructor removes the file if it is still the one that was
// made here.
#pragma once

#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "control/listen_socket.h"

namespace weir {

inline constexpr int kAdminBacklog = 128;
inline const SocketPermissions kAdminPermissions{.mode = 0600, .owner = {}, .group = {}};

class AdminSocket {
 public:
  // The error names the address and the fix.
  static Result<AdminSocket> open(const Address& address,
                                  const SocketPermissions& permissions = kAdminPermissions);

  AdminSocket(AdminSocket&& other) noexcept;
  AdminSocket& operator=(AdminSocket&&) = delete;
  ~AdminSocket() { unlink_file(); }

  int release() { return fd_.release(); }  // to a Listener
  void unlink_file() { unlink_if_same(address_, std::exchange(file_, {})); }
  const Address& address() const { return address_; }  // with the port the kernel chose

 private:
  AdminSocket(UniqueFd fd, Address address, SocketFile file)
      : fd_(std::move(fd)), address_(std::move(address)), file_(file) {}

  UniqueFd fd_;
  Address address_;
  SocketFile file_;
};

}  // namespace weir
