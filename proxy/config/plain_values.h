// Values of the model that are more than a number or a text. No behaviour but queries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace weir::config {

// Where a value was written. `file` is an index into Model::files.
struct Location {
  uint32_t file = 0;
  uint32_t line = 0;    // from 1; 0: not written, a default
  uint32_t column = 0;  // from 1
  friend bool operator==(const Location&, const Location&) = default;
};

// A value that may be the cause of the end of a session: the log then names the line of the value.
struct Timeout {
  Duration value{};
  Location location;
  bool enabled() const { return value > Duration::zero(); }
  friend bool operator==(const Timeout&, const Timeout&) = default;
};

// An entry of a map whose names the user chooses: header fields, query parameters. In their order.
struct NamedValue {
  std::string name;
  std::string value;
  friend bool operator==(const NamedValue&, const NamedValue&) = default;
};
using NamedValues = std::vector<NamedValue>;

// HTTP statuses: "200-299, 304". Ranges as the file has them.
struct StatusSet {
  struct Range {
    uint16_t first = 0, last = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };
  std::vector<Range> ranges;

  bool contains(uint32_t status) const {
    for (const Range& range : ranges)
      if (status >= range.first && status <= range.last) return true;
    return false;
  }
  friend bool operator==(const StatusSet&, const StatusSet&) = default;
};

}  // namespace weir::config
