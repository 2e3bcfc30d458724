#include "config/suggest.h"

#include <algorithm>
#include <vector>

namespace weir::config {

// Only cells less than `limit` from the diagonal can be below it: the others stay at `limit`.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) return limit;
  std::vector<size_t> before(b.size() + 1, limit), row(before), next(before);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = std::min(j, limit);
  for (size_t i = 1; i <= a.size(); ++i) {
    const size_t first = i < limit ? 1 : i - limit + 1;
    const size_t last = std::min(b.size(), i + limit - 1);
    next[first - 1] = first == 1 ? std::min(i, limit) : limit;
    size_t least = next[first - 1];
    for (size_t j = first; j <= last; ++j) {
      const size_t replaced = row[j - 1] + (a[i - 1] != b[j - 1]);
      next[j] = std::min({limit, row[j] + 1, next[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) next[j] = std::min(next[j], before[j - 2] + 1);
      least = std::min(least, next[j]);
    }
    if (last < b.size()) next[last + 1] = limit;
    // A swap uses the row before this one: both rows must have reached the limit.
    if (least >= limit && *std::min_element(row.begin(), row.end()) >= limit) return limit;
    std::swap(before, row);
    std::swap(row, next);
  }
  return std::min(row[b.size()], limit);
}

std::string nearest(std::string_view word, std::span<const std::string_view> candidates) {
  constexpr size_t kLongest = 64;  // a longer word is no typing error
  if (word.size() > kLongest) return "";
  const size_t allowed = word.size() <= 3 ? 1 : 2;
  size_t best = allowed + 1;
  std::string_view result;
  for (std::string_view candidate : candidates) {
    const size_t distance = edit_distance(word, candidate, best);
    if (distance < best) best = distance, result = candidate;
  }
  return std::string(result);
}

}  // namespace weir::config
