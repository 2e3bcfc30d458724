#include "metrics/process.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "metrics/process_state.h"

namespace weir {

namespace {

// Fields of /proc/self/stat by their number in proc(5). The second, the name, may have blanks and
// parentheses in it, so counting begins after the last ')'.
class Stat {
 public:
  Stat() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    const size_t end_of_name = line.rfind(')');
    if (end_of_name == std::string::npos) return;
    std::istringstream rest(line.substr(end_of_name + 1));
    for (size_t i = 3; i < fields_.size() && rest >> fields_[i]; ++i) {
    }
  }
  int64_t number(size_t field) const { return std::strtoll(fields_[field].c_str(), nullptr, 10); }

 private:
  std::array<std::string, 25> fields_;
};

constexpr size_t kUserTime = 14, kSystemTime = 15, kThreads = 20, kStartTime = 22,
                 kVirtualSize = 23, kResidentPages = 24;

// When the machine started, as UNIX time.
int64_t boot_time() {
  std::ifstream file("/proc/stat");
  std::string key;
  int64_t value = 0;
  for (std::string line; std::getline(file, line);) {
    if (std::istringstream(line) >> key >> value && key == "btime") return value;
  }
  return 0;
}

int64_t open_descriptors() {
  DIR* dir = ::opendir("/proc/self/fd");
  if (!dir) return 0;
  int64_t count = -1;  // without the descriptor that reads the directory
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(dir);
  return count;
}

double limit(__rlimit_resource resource) {
  rlimit value{};
  if (::getrlimit(resource, &value) != 0) return 0;
  if (value.rlim_cur == RLIM_INFINITY) return std::numeric_limits<double>::infinity();
  return static_cast<double>(value.rlim_cur);
}

}  // namespace

void read_process(ProcessState& state) {
  const Stat stat;
  const double tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto ticks = [&](size_t field) { return static_cast<double>(stat.number(field)) / tick; };
  static const int64_t boot = boot_time();  // read once, because the clock may be set later

  state.cpu_seconds.value = ticks(kUserTime) + ticks(kSystemTime);
  state.resident_memory.set(stat.number(kResidentPages) * ::sysconf(_SC_PAGESIZE));
  state.virtual_memory.set(stat.number(kVirtualSize));
  state.virtual_memory_max.set(limit(RLIMIT_AS));
  const struct mallinfo2 heap = ::mallinfo2();
  state.heap.set(static_cast<int64_t>(heap.uordblks + heap.hblkhd));
  state.open_fds.set(open_descriptors());
  state.max_fds.set(limit(RLIMIT_NOFILE));
  state.start_time.set(static_cast<double>(boot) + ticks(kStartTime));
  state.threads.set(stat.number(kThreads));
}

}  // namespace weir
