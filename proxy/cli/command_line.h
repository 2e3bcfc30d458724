// The command line: declared once with CLI11, in command_line.cc, the only file that includes it
// (it costs seconds to compile). Main thread.
#pragma once

#include <csignal>

#include "base/standard_streams.h"
#include "cli/description.h"

namespace weir::cli {

// Parses the command line and runs the command. Returns the exit code. `before`: the signal mask of
// the process at its start. main() blocks weir's signals first; only `run` and `proxy` keep them
// blocked.
int run_command_line(int argc, char** argv, const sigset_t& before, const ClosedStreams& closed);

// The declared commands and options, without the hidden ones.
CommandDescription describe_command_line();

}  // namespace weir::cli
