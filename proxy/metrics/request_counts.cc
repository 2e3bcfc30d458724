#include "metrics/request_counts.h"

#include <algorithm>
#include <tuple>

namespace weir {

RequestMethod request_method(std::string_view method) {
  for (size_t i = 0; i < list_index(RequestMethod::other); ++i)
    if (method == kListNames<RequestMethod>[i]) return static_cast<RequestMethod>(i);
  return RequestMethod::other;
}

std::vector<RequestCounts::Entry>::iterator RequestCounts::find(RequestMethod method,
                                                                uint16_t code) {
  const auto before = [](const Entry& entry, const std::pair<RequestMethod, uint16_t>& key) {
    return std::tie(entry.method, entry.code) < std::tie(key.first, key.second);
  };
  return std::lower_bound(entries.begin(), entries.end(), std::pair(method, code), before);
}

uint64_t& RequestCounts::value_of(RequestMethod method, uint16_t code) {
  auto it = find(method, code);
  if (it == entries.end() || it->method != method || it->code != code)
    it = entries.insert(it, {method, code});
  return it->value;
}

void RequestCounts::add(RequestMethod method, unsigned status, uint64_t n) {
  auto code = static_cast<uint16_t>(std::min<unsigned>(status, kOtherCode));
  if (entries.size() >= kMostPairs) {
    const auto it = find(method, code);
    const bool known = it != entries.end() && it->method == method && it->code == code;
    if (!known) method = RequestMethod::other, code = kOtherCode;
  }
  value_of(method, code) += n;
}

uint64_t RequestCounts::sum() const {
  uint64_t total = 0;
  for (const Entry& entry : entries) total += entry.value;
  return total;
}

RequestCounts& RequestCounts::operator+=(const RequestCounts& other) {
  for (const Entry& entry : other.entries) value_of(entry.method, entry.code) += entry.value;
  return *this;
}

std::string RequestCounts::code_text(uint16_t code) {
  if (code == kNoCode) return "none";
  if (code == kOtherCode) return "other";
  return std::to_string(code);
}

}  // namespace weir
