// The file of a listening UNIX socket: bind_unix_socket() makes it, and replaces a file that no
// process listens on; weir removes only the file that it has made. Control thread.
#pragma once

#include <sys/types.h>

#include "base/address.h"
#include "base/result.h"
#include "control/socket_permissions.h"

namespace weir {

// Identifies the file: a successor may have replaced it under the same path.
struct SocketFile {
  dev_t device = 0;
  ino_t inode = 0;  // 0: none
  friend bool operator==(const SocketFile&, const SocketFile&) = default;
};
// None for an address without a file, such as that of an abstract socket. Does not follow a
// symbolic link.
SocketFile socket_file(const Address& address);
void unlink_if_same(const Address& address, const SocketFile& ours);

// Binds the socket `fd` to the path, and gives the file its permissions before a process can
// connect: nothing listens before listen(2). The file of a socket that no process listens on is
// replaced; one with a listener, and a file that is not a socket, are errors. After an error there
// is no new file. The error names the path and the fix.
Result<void> bind_unix_socket(int fd, const Address& address, const SocketPermissions& permissions);

// "; create its directory first": how to fix the error of a call for this address; "": the text of
// the error is enough.
const char* unix_socket_advice(const Address& address, int error);

}  // namespace weir
