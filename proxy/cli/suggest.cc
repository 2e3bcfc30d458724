#include "cli/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "config/suggest.h"

namespace weir::cli {
namespace {

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  std::string meant = config::nearest(word, known);
  return meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant);
}

// The commands entered so far, the program first: the options of all of them are valid.
struct Walk {
  std::vector<const CommandDescription*> path;
  std::string name;

  void enter(const CommandDescription& command) {
    path.push_back(&command);
    name += (name.empty() ? "" : " ") + command.name;
  }
  const OptionDescription* option(std::string_view word) const {
    for (const CommandDescription* command : path) {
      for (const OptionDescription& option : command->options) {
        if (std::ranges::find(option.names, word) != option.names.end()) return &option;
      }
    }
    return nullptr;
  }
  std::vector<std::string_view> option_names() const {
    std::vector<std::string_view> names;
    for (const CommandDescription* command : path) {
      for (const OptionDescription& option : command->options) {
        names.insert(names.end(), option.names.begin(), option.names.end());
      }
    }
    return names;
  }
  std::vector<std::string_view> command_names() const {
    std::vector<std::string_view> names;
    for (const CommandDescription& command : path.back()->commands) names.push_back(command.name);
    return names;
  }
};

bool is_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-';
}

}  // namespace

const CommandDescription* CommandDescription::command(std::string_view wanted) const {
  auto found = std::ranges::find(commands, wanted, &CommandDescription::name);
  return found == commands.end() ? nullptr : &*found;
}

std::optional<std::string> unknown_word(const CommandDescription& program,
                                        std::span<const std::string_view> arguments) {
  Walk walk;
  walk.enter(program);
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (word == "--") return std::nullopt;
    if (is_option(word)) {
      bool is_long = word.starts_with("--");
      std::string_view name = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2);
      const OptionDescription* option = walk.option(name);
      if (option == nullptr) {
        return fmt::format("'{}' has no option '{}'{}", walk.name, name,
                           did_you_mean(name, walk.option_names()));
      }
      bool value_follows = name.size() == word.size();
      if (option->takes_value() && value_follows) ++i;
    } else if (!walk.path.back()->commands.empty()) {
      const CommandDescription& here = *walk.path.back();
      if (std::ranges::find(here.hidden, word) != here.hidden.end()) return std::nullopt;
      const CommandDescription* command = here.command(word);
      if (command == nullptr) {
        return fmt::format("'{}' has no command '{}'{}", walk.name, word,
                           did_you_mean(word, walk.command_names()));
      }
      walk.enter(*command);
    }
  }
  return std::nullopt;
}

}  // namespace weir::cli
