// ComingPriorities: the priorities of streams that have not begun, from PRIORITY_UPDATE frames that
// came before their heads. RFC 9218 7.1: a server may limit how many it keeps.
//
// Owner: an Http2Client; thread: the worker's. No allocation before the first one is kept, and none
// afterwards. Every call looks through at most kMost entries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "http/h2_priority.h"

namespace weir {

class ComingPriorities {
 public:
  static constexpr size_t kMost = 16;

  // The last one of a stream counts. A further stream than kMost is ignored.
  void keep(uint32_t stream, H2Priority priority) {
    const auto known = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.stream == stream; });
    if (known != entries_.end()) {
      known->priority = priority;
    } else if (entries_.size() < kMost) {
      entries_.reserve(kMost);
      entries_.push_back({stream, priority});
    }
  }
  // The stream begins: streams with lower ids, which have not begun, never will (RFC 9113 5.1.1).
  std::optional<H2Priority> take(uint32_t stream) {
    std::optional<H2Priority> found;
    std::erase_if(entries_, [&](const Entry& entry) {
      if (entry.stream == stream) found = entry.priority;
      return entry.stream <= stream;
    });
    return found;
  }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t stream;
    H2Priority priority;
  };
  std::vector<Entry> entries_;
};

}  // namespace weir
