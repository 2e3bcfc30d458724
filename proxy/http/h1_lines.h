// Cuts a growing input into lines that end in CRLF. Shared by the head parsers; sans-I/O, one
// thread.
//
// Resumable: it keeps its position and scans no byte twice. The outcome depends on the bytes and
// the limits only, never on how the input was split.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/check.h"
#include "http/message.h"
#include "http/scan.h"

namespace weir {

class H1LineScanner {
 public:
  enum class Found : uint8_t { line, incomplete, too_long, forbidden };

  // `input` starts with the same byte in every call; the line and its CRLF end before `limit`.
  [[nodiscard]] Found next(std::string_view input, size_t limit) {
    DCHECK(input.size() >= scanned_);
    const size_t bound = std::min(input.size(), limit);
    if (scanned_ < bound) scanned_ = find_not_field_text({input.data(), bound}, scanned_);
    const size_t at = scanned_;
    // A CR needs room for its LF inside the limit, whether the LF has arrived or not.
    const bool ends = at < bound && input[at] == '\r';
    line_ = {line_begin_, at - line_begin_};
    if (at >= limit || (ends && at + 2 > limit)) return Found::too_long;
    if (at == input.size()) return Found::incomplete;
    if (!ends)
      return forbid(input[at] == '\n' ? "a line ends in LF without CR"
                                      : "a control byte in the head");
    if (at + 1 == input.size()) return Found::incomplete;
    if (input[at + 1] != '\n') return forbid("a CR is not followed by LF");
    line_begin_ = scanned_ = at + 2;
    return Found::line;
  }

  // After `line`: the line without its CRLF. After `too_long`: its bytes so far.
  std::string_view line(std::string_view input) const {
    return {input.data() + line_.begin, line_.size};
  }
  Fault fault() const { return {400, reason_}; }  // after `forbidden`
  size_t line_begin() const { return line_begin_; }
  size_t scanned() const { return scanned_; }

 private:
  Found forbid(const char* reason) {
    reason_ = reason;
    return Found::forbidden;
  }
  struct Line {
    size_t begin = 0, size = 0;
  };

  size_t line_begin_ = 0;
  size_t scanned_ = 0;
  Line line_;
  const char* reason_ = "";
};

// Parses field-name ":" OWS field-value OWS and adds it to the head, whose base is the line's
// buffer.
[[nodiscard]] Fault add_field(MessageHead& head, std::string_view line, size_t max_fields);

}  // namespace weir
