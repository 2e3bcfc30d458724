#include "cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weir::cli {
namespace {

std::string_view escape_of(Style style) {
  switch (style) {
    case Style::plain: return "";
    case Style::bold: return "\033[1m";
    case Style::dim: return "\033[2m";
    case Style::good: return "\033[32m";
    case Style::warning: return "\033[33m";
    case Style::bad: return "\033[31m";
  }
  return "";
}

// Columns of `text` on a terminal: none for escape sequences, one per UTF-8 character.
size_t width(std::string_view text) {
  size_t columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      i = std::min(text.find('m', i), text.size());
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++columns;
    }
  }
  return columns;
}

}  // namespace

Console::Console(std::string_view color, bool quiet, const ClosedStreams& closed)
    : closed_(closed), quiet_(quiet) {
  const char* no_color = std::getenv("NO_COLOR");
  terminal_ = ::isatty(STDOUT_FILENO) == 1;
  color_ = terminal_ && color != "never" && (no_color == nullptr || *no_color == '\0');
}

void Console::print(std::string_view data) const {
  write(data);
}

void Console::write(std::string_view text) const {
  if (broken_) return;
  errno = EBADF;
  const bool whole =
      !closed_.out && std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (whole && std::fflush(stdout) == 0) return;
  broken_ = true;
  report(fmt::format("cannot write to the standard output: {}", std::strerror(errno)));
}

void Console::say(std::string_view message) const {
  if (!quiet_) report(message);
}

void Console::report(std::string_view message) const {
  const std::string line = fmt::format("weir: {}\n", message);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

void Console::clear_screen() const {
  if (terminal_) write("\033[H\033[2J");
}

std::string Console::styled(Style style, std::string_view text) const {
  if (!color_ || style == Style::plain) return std::string(text);
  return fmt::format("{}{}\033[0m", escape_of(style), text);
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) bytes /= 1024, ++unit;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 10) return fmt::format("{:.1f}s", seconds);
  auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string count_text(double count, std::string_view noun) {
  return fmt::format("{:.0f} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace weir::cli
