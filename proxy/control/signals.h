// Signals as events of the control loop, through a signalfd.
//
// The process calls block_signals() first: a signal that arrives before the loop runs waits in the
// kernel, and is neither lost nor kills the process. Threads inherit the mask.
#pragma once

#include <functional>
#include <initializer_list>

#include "event/event_loop.h"

namespace weir {

// Blocks TERM, INT, QUIT, HUP, USR1 and USR2 and ignores PIPE and XFSZ.
void block_signals();
// TERM, INT and QUIT end the process at once, until block_signals(): weir serves no client yet, and
// the first load may wait for name servers and files. This includes process 1 of a container, for
// which the kernel ignores signals without a handler.
void end_on_signals();

// A signal and its sender; pid 0 is the kernel, as for Ctrl-C.
struct ReceivedSignal {
  int number = 0;
  pid_t pid = 0;
  uid_t uid = 0;
};

class Signals {
 public:
  using OnSignal = std::function<void(const ReceivedSignal&)>;

  Signals(EventLoop& loop, OnSignal on_signal);
  ~Signals();

 private:
  static void on_readable(void* owner, Readiness) noexcept;
  OnSignal on_signal_;
  UniqueFd fd_;
  IoWatch watch_;
};

}  // namespace weir
