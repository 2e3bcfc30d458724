// weir: opens closed standard streams and blocks its signals first, so that no other descriptor
// gets the number of a stream and no signal is lost during the start. Then it runs the command
// line.
#include <pthread.h>

#include "cli/command_line.h"
#include "control/signals.h"

int main(int argc, char** argv) {
  const weir::ClosedStreams closed = weir::open_standard_streams();
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  weir::block_signals();
  return weir::cli::run_command_line(argc, argv, before, closed);
}
