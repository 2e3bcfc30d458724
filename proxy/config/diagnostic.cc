#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/ascii.h"

namespace weir::config {
namespace {

constexpr size_t kShownWidth = 160;  // of a source line; a longer line is cut around the place

// The part of the line that is shown, and the start of the place in it.
struct Excerpt {
  std::string text;
  size_t start = 0;
  size_t length = 1;
};

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

Excerpt excerpt(const Diagnostic& d) {
  const size_t column = std::min<size_t>(d.column > 0 ? d.column - 1 : 0, d.source.size());
  size_t from =
      column > kShownWidth / 2 && d.source.size() > kShownWidth ? column - kShownWidth / 2 : 0;
  while (from < column && continues_character(d.source[from])) ++from;
  Excerpt e{d.source.substr(from, kShownWidth), column - from, 1};
  while (!e.text.empty() && from + e.text.size() < d.source.size() &&
         continues_character(d.source[from + e.text.size()]))
    e.text.pop_back();
  for (char& c : e.text)
    if (is_control(c) && c != '\t') c = '?';
  e.start = std::min(e.start, e.text.size());
  e.length = std::clamp<size_t>(d.length, 1, std::max<size_t>(1, e.text.size() - e.start));
  return e;
}

// Blanks as wide as the text: tabs stay tabs, a character of several bytes is one.
std::string blanks(std::string_view text) {
  std::string result;
  for (char c : text)
    if (!continues_character(c)) result += c == '\t' ? '\t' : ' ';
  return result;
}

void append_source(std::string& out, const Diagnostic& d, bool color) {
  const Excerpt e = excerpt(d);
  const std::string_view marked = std::string_view(e.text).substr(e.start, e.length);
  const auto width = static_cast<size_t>(
      std::count_if(marked.begin(), marked.end(), [](char c) { return !continues_character(c); }));
  const std::string carets(std::max<size_t>(1, width), '^');
  out += fmt::format("{:>5} | {}\n", d.line, e.text);
  out += fmt::format("      | {}{}{}{}", blanks(std::string_view(e.text).substr(0, e.start)),
                     color ? "\033[1;32m" : "", carets, color ? "\033[0m" : "");
  out += d.hint.empty() ? "\n" : fmt::format(" {}\n", d.hint);
}

std::string plural(size_t count, const char* word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string github_escaped(std::string_view text, bool property) {
  std::string result;
  for (char c : text) {
    if (c == '%')
      result += "%25";
    else if (c == '\r')
      result += "%0D";
    else if (c == '\n')
      result += "%0A";
    else if (property && c == ':')
      result += "%3A";
    else if (property && c == ',')
      result += "%2C";
    else
      result += c;
  }
  return result;
}

}  // namespace

std::string Diagnostic::where() const {
  return line == 0 ? file : fmt::format("{}:{}:{}", file, line, column);
}

const char* text(Diagnostic::Severity severity) {
  return severity == Diagnostic::Severity::error ? "error" : "warning";
}

std::string format_text(std::span<const Diagnostic> diagnostics, bool color) {
  std::string out;
  for (const Diagnostic& d : diagnostics) {
    const char* paint = !color ? "" : d.is_error() ? "\033[1;31m" : "\033[1;33m";
    out += fmt::format("{}: {}{}[{}]{}: {}\n", d.where(), paint, text(d.severity), d.code,
                       color ? "\033[0m" : "", d.message);
    if (d.line > 0 && !d.source.empty())
      append_source(out, d, color);
    else if (!d.hint.empty())
      out += fmt::format("      {}\n", d.hint);
  }
  return out;
}

std::string summary(std::span<const Diagnostic> diagnostics) {
  const auto errors = static_cast<size_t>(
      std::count_if(diagnostics.begin(), diagnostics.end(), [](auto& d) { return d.is_error(); }));
  return fmt::format("{}, {}.", plural(errors, "error"),
                     plural(diagnostics.size() - errors, "warning"));
}

std::string format_json(std::span<const Diagnostic> diagnostics) {
  auto out = nlohmann::ordered_json::array();
  for (const Diagnostic& d : diagnostics) {
    out.push_back({{"severity", text(d.severity)},
                   {"code", d.code},
                   {"file", d.file},
                   {"line", d.line},
                   {"column", d.column},
                   {"length", d.length},
                   {"message", d.message},
                   {"hint", d.hint}});
  }
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string format_github(std::span<const Diagnostic> diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) {
    out += fmt::format("::{} file={}", text(d.severity), github_escaped(d.file, true));
    if (d.line > 0)
      out += fmt::format(",line={},col={},endColumn={}", d.line, d.column,
                         d.column + std::max(1u, d.length));
    const std::string hint = d.hint.empty() ? "" : "\n" + d.hint;
    out += fmt::format(",title={}::{}\n", d.code, github_escaped(d.message + hint, false));
  }
  return out;
}

}  // namespace weir::config
