// The CPU quota of cgroups, version 2 (cpu.max) and 1 (cpu.cfs_quota_us).
#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "server/resources.h"

namespace weir {
namespace {

// A hierarchy of cgroups as it is mounted, and this process's group in it.
struct Hierarchy {
  std::string mount_point;
  std::string mounted;  // the group that is at the mount point
  std::string group;
  bool version_2 = false;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool contains(const std::string& list, const char* word) {
  const std::vector<std::string> words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Lines "0::/system.slice/weir.service" (version 2) and "4:cpu,cpuacct:/docker/1234".
std::string group_of(const std::string& root, bool version_2) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version_2 ? controllers.empty() : contains(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return "";
}

// Lines "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw".
std::vector<Hierarchy> hierarchies(const std::string& root) {
  std::vector<Hierarchy> found;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> before = split(line.substr(0, dash), ' ');
    const std::vector<std::string> after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3) continue;
    const bool version_2 = after[0] == "cgroup2";
    if (!version_2 && (after[0] != "cgroup" || !contains(after[2], "cpu"))) continue;
    found.push_back({before[4], before[3], group_of(root, version_2), version_2});
  }
  return found;
}

// Period and quota in microseconds. "max", or a negative quota: no limit.
std::optional<double> quota_in(const std::string& folder, bool version_2) {
  double quota = -1, period = 0;
  if (version_2) {
    std::ifstream(folder + "/cpu.max") >> quota >> period;
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

void lower(std::optional<double>& least, std::optional<double> value) {
  if (value && (!least || *value < *least)) least = value;
}

}  // namespace

std::optional<double> cpu_quota(const std::string& root) {
  std::optional<double> least;
  for (const Hierarchy& hierarchy : hierarchies(root)) {
    // Relative to the mount point; a group outside of it (of another namespace) is not visible.
    std::string below = hierarchy.group;
    const std::string& mounted = hierarchy.mounted;
    if (mounted != "/" && (below == mounted || below.starts_with(mounted + "/")))
      below = below.substr(mounted.size());
    if (below == "/" || below.find("/..") != std::string::npos) below.clear();
    const std::string top = root + hierarchy.mount_point;
    for (std::string at = below; !at.empty(); at.resize(at.rfind('/')))
      lower(least, quota_in(top + at, hierarchy.version_2));
    lower(least, quota_in(top, hierarchy.version_2));
  }
  return least;
}

}  // namespace weir
