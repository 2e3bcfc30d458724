// Descriptors 0, 1 and 2 are always open: otherwise the next socket or file would get one of their
// numbers, and the output of the process would be written to it.
#pragma once

#include <string>

namespace weir {

// Those that were closed when the process began.
struct ClosedStreams {
  bool in = false, out = false, err = false;
  bool any() const { return in || out || err; }
  std::string text() const;  // "stdin, stderr"
};

// Opens /dev/null in place of each closed stream. Called first in main().
ClosedStreams open_standard_streams();

}  // namespace weir
