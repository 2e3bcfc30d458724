// The command line as plain data, for completions, the man page and suggestions. Built from the
// declared CLI::App by command_line.cc, the only file that includes CLI11. Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct OptionDescription {
  std::vector<std::string> names;    // "-c", "--config"; empty for a positional
  std::string positional;            // "FILE"; empty for an option
  std::string value;                 // name of the value; empty for a flag
  std::vector<std::string> choices;  // values to complete with
  std::string help;

  bool takes_value() const { return !value.empty(); }
};

struct CommandDescription {
  std::string name;  // one word
  std::string help;
  std::vector<OptionDescription> options;
  std::vector<CommandDescription> commands;  // without the hidden ones
  std::vector<std::string> hidden;           // names of hidden commands: accepted, not suggested

  const CommandDescription* command(std::string_view name) const;
};

}  // namespace weir::cli
