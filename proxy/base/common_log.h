// Lines in the formats of Apache httpd and nginx, which every log analyser reads:
//
//   common:   host - - [day/Mon/year:hh:mm:ss +0000] "METHOD target HTTP/1.1" status bytes
//   combined: the same and "referer" "user agent"
//
// Text of clients is escaped, so that a line is always one line and a field one field: `"` and `\`
// get a backslash, control bytes and other non-ASCII bytes become \xHH. A text that is too long
// ends with "..."; the fields after it are always written.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "base/log_line.h"

namespace weir {

struct CommonLogEntry {
  std::string_view client;
  // Empty parts could not be read; no method: "-".
  std::string_view method, target, version;
  unsigned status = 0;
  uint64_t body_bytes = 0;  // of the response
  std::string_view referer, user_agent;
};

class CommonLogLine {
 public:
  // With its newline; valid until the next call. `format`: common or combined.
  std::string_view format(LogFormat format, std::time_t time, const CommonLogEntry& entry);

 private:
  static constexpr size_t kMostTarget = 2048;  // of the escaped text
  static constexpr size_t kMostField = 512;

  void raw(std::string_view text);
  void number(uint64_t value);
  void escaped(std::string_view text, size_t most);
  void quoted(std::string_view text, size_t most);
  void time(std::time_t at);

  std::array<char, LogLine::kMaxLength> buffer_;
  size_t length_ = 0;
};

}  // namespace weir
