// AdminPeer: the client of an admin connection, for the log and for its rights.
#pragma once

#include <sys/types.h>

#include <string>

namespace weir {

struct AdminPeer {
  bool over_unix_socket = false;
  // Of the process at the other end of the UNIX socket when it connected (SO_PEERCRED).
  pid_t pid = 0;
  uid_t uid = static_cast<uid_t>(-1);
  std::string address;  // of a TCP client

  // Of a connected socket.
  static AdminPeer of(int fd, bool over_unix_socket);
  // root, or the user that weir runs as: the peer can read whatever weir can.
  bool may_read_files_of_weir() const;
  // "127.0.0.1:40312", or "uid=0 pid=4711".
  std::string text() const;
};

}  // namespace weir
