#include "budget/system_calls.h"

#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/socket.h"

namespace weir {
namespace {

bool is_wait(long call) {
#ifdef SYS_epoll_wait
  if (call == SYS_epoll_wait) return true;
#endif
  return call == SYS_epoll_pwait;
}

}  // namespace

SystemCalls::SystemCalls(pid_t process, pid_t thread)
    : process_(process), thread_(thread), tracer_([this] { trace(); }) {}

// The signal wakes waitpid(); it is not passed on.
SystemCalls::~SystemCalls() {
  ending_ = true;
  ::syscall(SYS_tgkill, process_, thread_, SIGURG);
  tracer_.join();
}

void SystemCalls::trace() {
  const long wanted = PTRACE_O_TRACESYSGOOD;
  if (::ptrace(PTRACE_SEIZE, thread_, 0, wanted) != 0 ||
      ::ptrace(PTRACE_INTERRUPT, thread_, 0, 0) != 0) {
    failed_ = true;
    return;
  }
  for (;;) {
    int status = 0;
    if (::waitpid(thread_, &status, __WALL) < 0 && errno == EINTR) continue;
    if (!WIFSTOPPED(status)) return;  // it has ended
    if (ending_) {
      ::ptrace(PTRACE_DETACH, thread_, 0, 0);
      return;
    }
    const bool of_a_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
    const bool of_a_signal = !of_a_call && status >> 16 == 0;
    if (of_a_call) note();
    ::ptrace(PTRACE_SYSCALL, thread_, 0, of_a_signal ? WSTOPSIG(status) : 0);
  }
}

void SystemCalls::note() {
  __ptrace_syscall_info info{};
  ::ptrace(PTRACE_GET_SYSCALL_INFO, thread_, sizeof(info), &info);
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) {
    asleep_ = false;
    return;
  }
  const long call = static_cast<long>(info.entry.nr);
  if (static_cast<size_t>(call) < kCalls) ++counts_[static_cast<size_t>(call)];
  asleep_ = is_wait(call);
}

CallCounts SystemCalls::at_rest() const {
  const TimePoint until = std::chrono::steady_clock::now() + kPatience;
  while (!asleep_) {
    if (failed_ || std::chrono::steady_clock::now() > until) return {};
    ::poll(nullptr, 0, 1);
  }
  CallCounts counts;
  for (size_t call = 0; call < kCalls; ++call) {
    const auto number = static_cast<long>(call);
    if (counts_[call] > 0) counts[is_wait(number) ? kWait : number] += counts_[call];
  }
  return counts;
}

pid_t thread_named(pid_t process, const std::string& name) {
  const std::string folder = "/proc/" + std::to_string(process) + "/task";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::string found;
    std::getline(std::ifstream(entry.path() / "comm"), found);
    if (found == name) return std::stoi(entry.path().filename().string());
  }
  return 0;
}

}  // namespace weir
