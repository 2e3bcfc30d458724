#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

namespace weir::cli {
namespace {

std::vector<std::string> names_of(const CommandDescription& command) {
  std::vector<std::string> names;
  for (const OptionDescription& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::vector<std::string> commands_of(const CommandDescription& command) {
  std::vector<std::string> names;
  for (const CommandDescription& sub : command.commands) names.push_back(sub.name);
  return names;
}

bool is_file(const OptionDescription& option) {
  return option.value == "FILE";
}

// In single quotes, for any of the three shells.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Bash: a case per command path lists the words, a case per option lists its values.
void bash_words(const CommandDescription& command, const std::string& path, std::string& out) {
  std::vector<std::string> words = commands_of(command);
  for (std::string& name : names_of(command)) words.push_back(std::move(name));
  bool files = false;
  for (const OptionDescription& option : command.options) {
    files |= option.names.empty() && is_file(option);
    if (option.names.empty())
      words.insert(words.end(), option.choices.begin(), option.choices.end());
  }
  fmt::format_to(std::back_inserter(out), "    {}) words='{}'; files={} ;;\n", in_quotes(path),
                 fmt::join(words, " "), files ? 1 : 0);
  for (const CommandDescription& sub : command.commands)
    bash_words(sub, path + " " + sub.name, out);
}

void bash_values(const CommandDescription& command, std::string& out) {
  for (const OptionDescription& option : command.options) {
    if (option.names.empty() || !option.takes_value()) continue;
    std::string values = is_file(option) ? "compgen -f -- \"$current\""
                                         : fmt::format("compgen -W '{}' -- \"$current\"",
                                                       fmt::join(option.choices, " "));
    fmt::format_to(std::back_inserter(out), "    {}) mapfile -t COMPREPLY < <({}); return ;;\n",
                   fmt::join(option.names, "|"), values);
  }
  for (const CommandDescription& sub : command.commands) bash_values(sub, out);
}

void bash_paths(const CommandDescription& command, const std::string& path, std::string& out) {
  for (const CommandDescription& sub : command.commands) {
    std::string longer = path + " " + sub.name;
    fmt::format_to(std::back_inserter(out), "      {}) path={} ;;\n",
                   in_quotes(path + "/" + sub.name), in_quotes(longer));
    bash_paths(sub, longer, out);
  }
}

void zsh_command(const CommandDescription& command, const std::string& function, std::string& out) {
  for (const CommandDescription& sub : command.commands) {
    zsh_command(sub, function + "_" + sub.name, out);
  }
  fmt::format_to(std::back_inserter(out), "{}() {{\n", function);
  std::string arguments;
  for (const OptionDescription& option : command.options) {
    std::string action =
        is_file(option) ? "_files" : fmt::format("({})", fmt::join(option.choices, " "));
    if (option.names.empty()) {
      arguments +=
          fmt::format(" \\\n    {}", in_quotes(fmt::format("::{}:{}", option.value, action)));
    }
    for (const std::string& name : option.names) {
      std::string help;
      for (char c : option.help) help += c == '[' || c == ']' || c == ':' ? ' ' : c;
      std::string spec = fmt::format("*{}[{}]", name, help);
      if (option.takes_value()) spec += fmt::format(":{}:{}", option.value, action);
      arguments += fmt::format(" \\\n    {}", in_quotes(spec));
    }
  }
  if (command.commands.empty()) {
    out += "  _arguments -s" + arguments + "\n}\n";
    return;
  }
  out += "  local -a commands=(";
  for (const CommandDescription& sub : command.commands) {
    out += "\n    " + in_quotes(sub.name + ":" + sub.help);
  }
  out += ")\n  local state line\n  _arguments -s -C" + arguments +
         " \\\n    '1: :->command' '*:: :->rest'\n  case $state in\n"
         "    command) _describe command commands ;;\n    rest)\n      case $line[1] in\n";
  for (const CommandDescription& sub : command.commands) {
    fmt::format_to(std::back_inserter(out), "        {0}) {1}_{0} ;;\n", sub.name, function);
  }
  out += "      esac ;;\n  esac\n}\n";
}

// `seen`: the fish condition under which the words of this command are offered.
void fish_command(const CommandDescription& command, const std::string& seen, std::string& out) {
  std::string open = seen;
  if (!command.commands.empty()) {
    open += fmt::format("; and not __fish_seen_subcommand_from {}",
                        fmt::join(commands_of(command), " "));
  }
  for (const CommandDescription& sub : command.commands) {
    fmt::format_to(std::back_inserter(out), "complete -c weir -f -n {} -a {} -d {}\n",
                   in_quotes(open), sub.name, in_quotes(sub.help));
    fish_command(sub, fmt::format("{}; and __fish_seen_subcommand_from {}", seen, sub.name), out);
  }
  for (const OptionDescription& option : command.options) {
    std::string line =
        fmt::format("complete -c weir -n {} -d {}", in_quotes(seen), in_quotes(option.help));
    for (const std::string& name : option.names) {
      line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (option.takes_value() && !is_file(option)) line += " -f";
    if (option.takes_value() && !option.names.empty()) line += " -r";
    if (!option.choices.empty()) line += fmt::format(" -a '{}'", fmt::join(option.choices, " "));
    if (!option.names.empty() || !option.choices.empty()) out += line + "\n";
  }
}

}  // namespace

std::string bash_completion(const CommandDescription& program) {
  std::string out = fmt::format(
      "# bash completion for {0}; load it with: source <({0} completion bash)\n"
      "_{0}() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  local path={0} words= files=0 i\n  COMPREPLY=()\n  case $previous in\n",
      program.name);
  bash_values(program, out);
  out += "  esac\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    case $path/${COMP_WORDS[i]} in\n";
  bash_paths(program, program.name, out);
  out += "    esac\n  done\n  case $path in\n";
  bash_words(program, program.name, out);
  fmt::format_to(std::back_inserter(out),
                 "  esac\n"
                 "  [[ $path != {0} && $current == -* ]] && words+=' {1}'\n"
                 "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                 "  ((files)) && mapfile -t -O ${{#COMPREPLY[@]}} COMPREPLY < <(compgen -f -- "
                 "\"$current\")\n  return 0\n}}\ncomplete -o filenames -F _{0} {0}\n",
                 program.name, fmt::join(names_of(program), " "));
  return out;
}

std::string zsh_completion(const CommandDescription& program) {
  std::string out = fmt::format(
      "#compdef {0}\n# zsh completion for {0}; put it in $fpath as _{0}\n", program.name);
  zsh_command(program, "_" + program.name, out);
  out +=
      fmt::format("if [[ $funcstack[1] == _{0} ]]; then _{0} \"$@\"; else compdef _{0} {0}; fi\n",
                  program.name);
  return out;
}

std::string fish_completion(const CommandDescription& program) {
  std::string out = fmt::format(
      "# fish completion for {0}; load it with: {0} completion fish | source\n", program.name);
  fish_command(program, "true", out);
  return out;
}

}  // namespace weir::cli
