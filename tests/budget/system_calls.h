// SystemCalls: counts all system calls of one thread of a child process by ptrace(2). The thread
// keeps running, but slower.
//
// It has its own thread, because the kernel requires all calls from one tracer thread. Destroy it
// before the traced process ends or is killed.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "base/time.h"

namespace weir {

// By number: SYS_recvfrom and so on.
using CallCounts = std::map<long, uint64_t>;
// epoll_wait, in any of its forms.
inline constexpr long kWait = SYS_epoll_pwait;

class SystemCalls {
 public:
  SystemCalls(pid_t process, pid_t thread);
  ~SystemCalls();

  // The calls since the start. Waits until the thread sleeps in epoll_wait, when it has finished
  // its work. Empty: it did not become idle, or cannot be traced.
  CallCounts at_rest() const;

 private:
  static constexpr size_t kCalls = 512;
  void trace();
  void note();

  const pid_t process_, thread_;
  std::array<std::atomic<uint64_t>, kCalls> counts_{};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> ending_{false};
  std::atomic<bool> failed_{false};
  std::thread tracer_;
};

// The thread of `process` with that name; 0: none.
pid_t thread_named(pid_t process, const std::string& name);

}  // namespace weir
