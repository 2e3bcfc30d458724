// Diagnostic: a problem of a configuration, and its place. A value. Three functions print any
// number of diagnostics in the order given; they show values of the configuration only as part of
// the source line of a diagnostic.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace weir::config {

struct Diagnostic {
  enum class Severity : uint8_t { error, warning };
  Severity severity = Severity::error;
  std::string code;     // "E103", of codes.def
  std::string file;     // as it was named to weir
  uint32_t line = 0;    // from 1; 0: the file as a whole
  uint32_t column = 0;  // from 1, in bytes
  uint32_t length = 0;  // of the marked part, in bytes
  std::string message;  // what is wrong
  std::string hint;     // how to fix it; may be empty
  std::string source;   // the line

  bool is_error() const { return severity == Severity::error; }
  std::string where() const;  // "file:line:column", or the file alone
};

const char* text(Diagnostic::Severity);

// For people: one line for each, then its source line with the place marked.
std::string format_text(std::span<const Diagnostic>, bool color);
// "3 errors, 1 warning."
std::string summary(std::span<const Diagnostic>);
// A JSON array of {severity, code, file, line, column, length, message, hint}.
std::string format_json(std::span<const Diagnostic>);
// Workflow commands, which GitHub shows beside the line.
std::string format_github(std::span<const Diagnostic>);

}  // namespace weir::config
