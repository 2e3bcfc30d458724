#include "config/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/visible.h"

namespace weir::config {
namespace {

struct CodeRow {
  const char* name;
  const char* title;
};
constexpr CodeRow kCodes[] = {
#define CODE(name, title) {#name, title},
#include "config/codes.def"
#undef CODE
};

}  // namespace

const char* text(Code code) {
  return kCodes[static_cast<size_t>(code)].name;
}
const char* title(Code code) {
  return kCodes[static_cast<size_t>(code)].title;
}

const char* title_of(std::string_view code) {
  for (const CodeRow& row : kCodes)
    if (row.name == code) return row.title;
  return "";
}

uint32_t Sources::add(std::string name, std::string text) {
  Source source{std::move(name), std::move(text), {0}};
  for (size_t i = 0; i < source.text.size(); ++i)
    if (source.text[i] == '\n') source.lines.push_back(i + 1);
  sources_.push_back(std::move(source));
  return static_cast<uint32_t>(sources_.size() - 1);
}

std::string_view Sources::line(uint32_t file, uint32_t number) const {
  if (file >= sources_.size() || number == 0 || number > sources_[file].lines.size()) return {};
  const std::vector<size_t>& lines = sources_[file].lines;
  const size_t end = number < lines.size() ? lines[number] - 1 : text(file).size();
  std::string_view result = text(file).substr(lines[number - 1], end - lines[number - 1]);
  if (!result.empty() && result.back() == '\r') result.remove_suffix(1);
  return result;
}

size_t Sources::offset(const Location& location) const {
  const Source& source = sources_[location.file];
  if (location.line == 0 || location.line > source.lines.size()) return source.text.size();
  return std::min(source.lines[location.line - 1] + location.column - 1, source.text.size());
}

std::string Sources::where(const Location& location) const {
  return fmt::format("{}:{}", name(location.file), location.line);
}

std::vector<std::string> Sources::names() const {
  std::vector<std::string> result;
  for (const Source& source : sources_) result.push_back(source.name);
  return result;
}

void Findings::add(Code code, const Place& place, std::string message, std::string hint) {
  const Location& at = place.location;
  const bool is_error = text(code)[0] == 'E';
  // However many warnings there are, errors are still added.
  if (is_error ? saturated() : full()) return;
  // A map may lack several keys, a value several variables.
  const std::string which = code == Code::E101 || code == Code::E140 ? message : "";
  if (!seen_.emplace(at.file, at.line, at.column, code, which).second) return;
  if (is_error) ++errors_;
  if (has_invisible(message)) {
    message = visible(message);
    hint += std::string(hint.empty() ? "" : "; ") + "<U+…> is an invisible character: delete it";
  }
  Diagnostic d{is_error ? Diagnostic::Severity::error : Diagnostic::Severity::warning,
               text(code),
               sources_.name(at.file),
               at.line,
               at.column,
               place.length,
               std::move(message),
               visible(hint),
               code == Code::E002 ? "" : std::string(sources_.line(at.file, at.line))};
  found_.push_back({at, std::move(d)});
}

std::vector<Diagnostic> Findings::finish() {
  std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
    return a.diagnostic.severity < b.diagnostic.severity;
  });
  const size_t unshown = found_.size() - std::min(found_.size(), kShownDiagnostics);
  found_.resize(found_.size() - unshown);
  std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
    return std::tie(a.location.file, a.location.line, a.location.column) <
           std::tie(b.location.file, b.location.line, b.location.column);
  });
  std::vector<Diagnostic> result;
  for (Found& found : found_) result.push_back(std::move(found.diagnostic));
  if (unshown > 0) {
    const char* more = full() ? " or more" : "";
    const auto severity = errors_ > 0 ? Diagnostic::Severity::error : Diagnostic::Severity::warning;
    result.push_back(
        {severity, text(Code::E099), sources_.name(0), 0, 0, 0,
         fmt::format("{}{} more problems are not shown; fix these first", unshown, more), "", ""});
  }
  return result;
}

}  // namespace weir::config
