// Who may connect to a UNIX socket: the mode, owner and group of its file. Control thread; looks up
// names of users and groups.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"

namespace weir {

struct SocketPermissions {
  mode_t mode = 0666;
  std::string owner, group;  // names or numbers; empty: the process's
  friend bool operator==(const SocketPermissions&, const SocketPermissions&) = default;
};

// Applies them to the file. The error names the path and the fix.
Result<void> set_permissions(const std::string& path, const SocketPermissions& permissions);

}  // namespace weir
