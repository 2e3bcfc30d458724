// weir: opens the standard streams that are closed and blocks its signals before anything else, so
// that no descriptor is mistaken for a stream and no signal is lost while it starts, and hands over
// to the command line.
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
