#include "control/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace weir {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  return set;
}

// By the default action of the signal, which is set again: a process that waits for weir sees the
// signal. Process 1 has no default action; it exits with the status that a shell would report.
void end_process(int signal) {
  ::raise(signal);
  ::_exit(128 + signal);
}

}  // namespace

void block_signals() {
  const sigset_t set = handled_signals();
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  std::signal(SIGPIPE, SIG_IGN);  // splice(2) has no MSG_NOSIGNAL
  std::signal(SIGXFSZ, SIG_IGN);  // a log that may not grow (ulimit -f) is a failed write
}

void end_on_signals() {
  struct sigaction action {};
  action.sa_handler = end_process;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGQUIT}) {
    CHECK(::sigaction(signal, &action, nullptr) == 0);
    sigaddset(&set, signal);
  }
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

Signals::Signals(EventLoop& loop, OnSignal on_signal) : on_signal_(std::move(on_signal)) {
  const sigset_t set = handled_signals();
  fd_.reset(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  CHECK(fd_);
  CHECK(watch_.start<&Signals::on_readable>(loop.poller(), fd_.get(), IoWatch::Mode::level_read,
                                            this));
}

Signals::~Signals() {
  watch_.stop();
}

void Signals::on_readable(void* owner, Readiness) noexcept {
  auto& self = *static_cast<Signals*>(owner);
  signalfd_siginfo info;
  while (::read(self.fd_.get(), &info, sizeof(info)) == sizeof(info))
    self.on_signal_({static_cast<int>(info.ssi_signo), static_cast<pid_t>(info.ssi_pid),
                     static_cast<uid_t>(info.ssi_uid)});
}

}  // namespace weir
