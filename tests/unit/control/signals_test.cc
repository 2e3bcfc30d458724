#include "control/signals.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace weir::test {
namespace {

constexpr int kEnding[] = {SIGTERM, SIGINT, SIGQUIT};

// For process 1 of a container the kernel ignores signals without a handler.
[[noreturn]] void exit_with_missing_handlers() {
  end_on_signals();
  int missing = 0;
  for (const int signal : kEnding) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    missing += action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN;
  }
  std::_Exit(missing);
}

[[noreturn]] void end_by(int signal) {
  block_signals();
  end_on_signals();
  ::raise(signal);
  std::_Exit(0);
}

TEST(SignalsDeathTest, EndAStartingProcessAlsoAsProcessOne) {
  EXPECT_EXIT(exit_with_missing_handlers(), testing::ExitedWithCode(0), "");
}

TEST(SignalsDeathTest, EndAStartingProcessWithTheSignalAsItsStatus) {
  for (const int signal : kEnding)
    EXPECT_EXIT(end_by(signal), testing::KilledBySignal(signal), "") << signal;
}

}  // namespace
}  // namespace weir::test
