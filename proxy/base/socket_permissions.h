// Who may connect to a UNIX socket: the mode, owner and group of its file. Control thread; looks up
// names of users and groups.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir {

struct SocketPermissions {
  mode_t mode = 0666;
  std::string owner, group;  // names or numbers; empty: the process's
  friend bool operator==(const SocketPermissions&, const SocketPermissions&) = default;
};

// Applies them to the file. The error names the path and the fix.
Result<void> set_permissions(const std::string& path, const SocketPermissions& permissions);

// New permissions of a socket's file that exists: looked up and tried, not in effect before
// apply(). A descriptor holds the file, so that apply() changes no other one, whatever the path
// leads to by then.
class PermissionChange {
 public:
  // Does not follow a symbolic link. The error names the path and the fix.
  static Result<PermissionChange> prepare(const std::string& path,
                                          const SocketPermissions& permissions);
  int file() const { return file_.get(); }  // O_PATH
  Result<void> apply() const;

 private:
  std::string path_;  // for messages
  UniqueFd file_;
  uid_t owner_ = 0;
  gid_t group_ = 0;
  mode_t mode_ = 0;
};

}  // namespace weir
