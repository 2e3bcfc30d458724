// SocketPermissions: the mode, owner and group of the file of a UNIX socket. Control thread; looks
// up names of users and groups.
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

// A change of the permissions of an existing socket file. prepare() looks up the names and tries
// whether the change is permitted; apply() makes it. A descriptor holds the file, so that apply()
// never changes another file that has taken its path.
class PermissionChange {
 public:
  // Does not follow a symbolic link. The error names the path and the fix.
  static Result<PermissionChange> prepare(const std::string& path,
                                          const SocketPermissions& permissions);
  int file() const { return file_.get(); }  // O_PATH
  Result<void> apply() const;

 private:
  bool changes_owner() const;  // or the group

  std::string path_;  // for messages
  UniqueFd file_;
  uid_t owner_ = 0;
  gid_t group_ = 0;
  mode_t mode_ = 0;
};

}  // namespace weir
