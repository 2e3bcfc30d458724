// The command line: declared once with CLI11, in command_line.cc, the only file that includes it
// (it costs seconds to compile). Main thread.
#pragma once

#include <csignal>

#include "base/standard_streams.h"
#include "cli/description.h"

namespace weir::cli {

// Parses and does what was asked; the exit code. `before` is the signal mask that the process was
// started with: main() blocks weir's signals first of all, and only `run` and `proxy` want them so.
int run_command_line(int argc, char** argv, const sigset_t& before, const ClosedStreams& closed);

// The declared commands and options, without the hidden ones.
CommandDescription describe_command_line();

}  // namespace weir::cli
