#include "world/books.h"

#include <fmt/format.h>

#include <charconv>

namespace weir::sim {

std::string log_field(std::string_view line, std::string_view key) {
  const std::string start = fmt::format(" {}=", key);
  const size_t at = line.find(start);
  if (at == std::string_view::npos) return "";
  const std::string_view value = line.substr(at + start.size());
  return std::string(value.substr(0, value.find(' ')));
}

uint64_t log_number(std::string_view line, std::string_view key) {
  const std::string text = log_field(line, key);
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<EndReason> end_reason(std::string_view name) {
  for (size_t i = 0; i < kListSize<EndReason>; ++i)
    if (kListNames<EndReason>[i] == name) return static_cast<EndReason>(i);
  return std::nullopt;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    lines.push_back(" " + std::string(line));
  }
  return lines;
}

void check_listeners(const Evidence& evidence, std::vector<std::string>& failures) {
  uint64_t ended_in_all = 0;
  for (const auto& [id, cells] : evidence.report.listeners) {
    const uint64_t ended = cells.ended_total.sum();
    ended_in_all += ended;
    if (cells.active.sum() != 0)
      failures.push_back(fmt::format("listener {}: {} still active", id, cells.active.sum()));
    if (cells.connections_total.value != ended)
      failures.push_back(fmt::format("listener {}: {} accepted, {} ended", id,
                                     cells.connections_total.value, ended));
  }
  const uint64_t accepted = evidence.kernel.counts().accepted;
  if (ended_in_all != accepted)
    failures.push_back(fmt::format("{} accepted by the kernel, {} ended", accepted, ended_in_all));
}

}  // namespace weir::sim
