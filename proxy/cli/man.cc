#include "cli/man.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

namespace weir::cli {
namespace {

// roff reads a leading dot or quote as a request, and an unescaped '-' as a hyphen.
std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (out.empty() && (c == '.' || c == '\'')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

void print_options(const CommandDescription& command, std::string& out) {
  for (const OptionDescription& option : command.options) {
    std::vector<std::string> names;
    for (const std::string& name : option.names) names.push_back("\\fB" + escaped(name) + "\\fR");
    std::string value = option.takes_value() ? " \\fI" + escaped(option.value) + "\\fR" : "";
    if (names.empty()) value = value.empty() ? value : value.substr(1);
    fmt::format_to(std::back_inserter(out), ".TP\n{}{}\n{}.\n", fmt::join(names, ", "), value,
                   escaped(option.help));
    if (!option.choices.empty()) {
      fmt::format_to(std::back_inserter(out), "One of {}.\n",
                     escaped(fmt::format("{}", fmt::join(option.choices, ", "))));
    }
  }
}

void print_command(const CommandDescription& command, const std::string& path, std::string& out) {
  std::string name = path + " " + command.name;
  if (command.commands.empty()) {
    fmt::format_to(std::back_inserter(out), ".SS {}\n{}\n", escaped(name), escaped(command.help));
    print_options(command, out);
  }
  for (const CommandDescription& sub : command.commands) print_command(sub, name, out);
}

constexpr std::string_view kTail =
    ".SH EXIT STATUS\n"
    ".TP\n0\nsuccess\n.TP\n1\nfailed\n.TP\n2\nwrong command line\n"
    ".TP\n3\ncannot connect to a running weir at its admin address\n"
    ".TP\n4\nfinished, but sessions were cut, or weir did not answer in time\n"
    ".TP\n5\nnot ready (healthcheck)\n.TP\n78\nthe configuration is invalid\n"
    ".SH SIGNALS\n"
    ".TP\nSIGTERM, SIGINT, SIGQUIT\nDrain, then exit. A second SIGTERM or SIGINT: exit at once.\n"
    ".TP\nSIGHUP\nReload the configuration.\n"
    ".TP\nSIGUSR1\nReopen the log files.\n"
    ".SH ENVIRONMENT\n"
    ".TP\nWEIR_CONFIG\nThe configuration file, when \\-c is not given.\n"
    ".TP\nWEIR_ADMIN\nThe admin address, when \\-\\-admin is not given.\n"
    ".TP\nWEIR_RUNTIME_DIR\nThe directory of the default admin socket, instead of /run/weir.\n"
    ".TP\nNO_COLOR\nPrint no colours.\n"
    ".SH FILES\n"
    ".TP\n/etc/weir/weir.yaml, ./weir.yaml\nThe configuration, when neither \\-c nor WEIR_CONFIG "
    "is given.\n"
    ".TP\n/run/weir/admin.sock\nThe admin socket when the "
    "configuration has no admin section; served only if /run/weir exists and is writable. "
    "Under systemd weir always serves $RUNTIME_DIRECTORY/admin.sock, too.\n";

}  // namespace

std::string man_page(const CommandDescription& program, const std::string& version) {
  std::string out = fmt::format(
      ".TH {0} 1 \"\" \"{0} {1}\" \"User Commands\"\n.SH NAME\n{0} \\- {2}\n.SH SYNOPSIS\n"
      ".B {0}\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n",
      program.name, escaped(version), escaped(program.help));
  for (const CommandDescription& command : program.commands) {
    print_command(command, program.name, out);
  }
  out += ".SH OPTIONS OF EVERY COMMAND\n";
  print_options(program, out);
  out += kTail;
  return out;
}

}  // namespace weir::cli
