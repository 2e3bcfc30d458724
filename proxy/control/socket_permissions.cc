#include "control/socket_permissions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

namespace weir {
namespace {

constexpr size_t kLongestEntry = 64 * 1024;

std::optional<uint32_t> number(const std::string& text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uid_t> user_id(const std::string& name) {
  if (const auto id = number(name)) return id;
  std::vector<char> memory(kLongestEntry);
  passwd entry{};
  passwd* found = nullptr;
  ::getpwnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found);
  return found ? std::optional(found->pw_uid) : std::nullopt;
}

std::optional<gid_t> group_id(const std::string& name) {
  if (const auto id = number(name)) return id;
  std::vector<char> memory(kLongestEntry);
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found);
  return found ? std::optional(found->gr_gid) : std::nullopt;
}

Error failure(const std::string& path, const std::string& what, int error) {
  const char* fix = error == EPERM
                        ? "; weir's user must be in that group, another owner needs "
                          "CAP_CHOWN, and SystemCallFilter= of the unit must allow @chown"
                        : "";
  return {fmt::format("cannot {} {}: {}{}", what, path, std::strerror(error), fix), ""};
}

constexpr auto kKeptOwner = static_cast<uid_t>(-1);
constexpr auto kKeptGroup = static_cast<gid_t>(-1);

struct Ids {
  uid_t owner = kKeptOwner;
  gid_t group = kKeptGroup;
};

Result<Ids> ids_of(const SocketPermissions& permissions) {
  std::optional<uid_t> owner = kKeptOwner;
  std::optional<gid_t> group = kKeptGroup;
  if (!permissions.owner.empty()) owner = user_id(permissions.owner);
  if (!owner) return Error{fmt::format("there is no user '{}'", permissions.owner), ""};
  if (!permissions.group.empty()) group = group_id(permissions.group);
  if (!group) return Error{fmt::format("there is no group '{}'", permissions.group), ""};
  return Ids{*owner, *group};
}

constexpr const char* kChangeOwner = "change the owner or group of";
constexpr const char* kChangeMode = "change the mode of";

}  // namespace

Result<void> set_permissions(const std::string& path, const SocketPermissions& permissions) {
  const Result<Ids> ids = ids_of(permissions);
  if (!ids) return ids.error();
  // Owner and group first: the new mode must not apply to the old group for a moment.
  if ((ids->owner != kKeptOwner || ids->group != kKeptGroup) &&
      ::chown(path.c_str(), ids->owner, ids->group) != 0)
    return failure(path, kChangeOwner, errno);
  if (::chmod(path.c_str(), permissions.mode) != 0) return failure(path, kChangeMode, errno);
  return {};
}

Result<PermissionChange> PermissionChange::prepare(const std::string& path,
                                                   const SocketPermissions& permissions) {
  const Result<Ids> ids = ids_of(permissions);
  if (!ids) return ids.error();
  PermissionChange change;
  change.path_ = path;
  change.owner_ = ids->owner;
  change.group_ = ids->group;
  change.mode_ = permissions.mode;
  change.file_.reset(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat now {};
  if (!change.file_ || ::fstat(change.file_.get(), &now) != 0) return failure(path, "open", errno);
  // A new mode alone must work where a filter of system calls forbids chown(2).
  if (change.owner_ == now.st_uid) change.owner_ = kKeptOwner;
  if (change.group_ == now.st_gid) change.group_ = kKeptGroup;
  if (!change.changes_owner()) return change;
  // The kernel checks the owner and group of a socket without a path by the same rules, so that a
  // change that is not permitted is an error before anything is changed.
  const UniqueFd trial(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (trial && ::fchown(trial.get(), change.owner_, change.group_) != 0 && errno == EPERM)
    return failure(path, kChangeOwner, EPERM);
  return change;
}

bool PermissionChange::changes_owner() const {
  return owner_ != kKeptOwner || group_ != kKeptGroup;
}

Result<void> PermissionChange::apply() const {
  // The group first: see set_permissions().
  if (changes_owner() && ::fchownat(file_.get(), "", owner_, group_, AT_EMPTY_PATH) != 0)
    return failure(path_, kChangeOwner, errno);
  // fchmod(2) does not take a descriptor of O_PATH.
  const std::string by_descriptor = fmt::format("/proc/self/fd/{}", file_.get());
  if (::chmod(by_descriptor.c_str(), mode_) != 0) return failure(path_, kChangeMode, errno);
  return {};
}

}  // namespace weir
