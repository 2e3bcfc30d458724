// weir: blocks its signals before anything else, so that none is lost while it starts, and hands
// over to the command line.
#include <pthread.h>

#include "cli/command_line.h"
#include "event/signals.h"

int main(int argc, char** argv) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  weir::block_signals();
  return weir::cli::run_command_line(argc, argv, before);
}
