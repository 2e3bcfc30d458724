#include "base/socket_permissions.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
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
                        ? "; weir's user must be in that group, and another owner needs CAP_CHOWN"
                        : "";
  return {fmt::format("cannot {} {}: {}{}", what, path, std::strerror(error), fix), ""};
}

}  // namespace

Result<void> set_permissions(const std::string& path, const SocketPermissions& permissions) {
  constexpr auto kKept = static_cast<uid_t>(-1);
  std::optional<uid_t> owner = kKept;
  std::optional<gid_t> group = kKept;
  if (!permissions.owner.empty()) owner = user_id(permissions.owner);
  if (!owner) return Error{fmt::format("there is no user '{}'", permissions.owner), ""};
  if (!permissions.group.empty()) group = group_id(permissions.group);
  if (!group) return Error{fmt::format("there is no group '{}'", permissions.group), ""};
  // The owner's group first: the new mode must not hold for the old group, not even for a moment.
  if ((*owner != kKept || *group != kKept) && ::chown(path.c_str(), *owner, *group) != 0)
    return failure(path, "change the owner or group of", errno);
  if (::chmod(path.c_str(), permissions.mode) != 0)
    return failure(path, "change the mode of", errno);
  return {};
}

}  // namespace weir
