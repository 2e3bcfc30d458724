#include "base/common_log.h"

#include <charconv>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

constexpr size_t kMostMethod = 64;
constexpr std::string_view kCut = "...";
constexpr char kHex[] = "0123456789ABCDEF";

// At most four bytes.
size_t escape(char c, char* out) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') return out[0] = '\\', out[1] = c, 2;
  if (byte >= 0x20 && byte < 0x7F) return out[0] = c, 1;
  std::memcpy(out, "\\x", 2);
  out[2] = kHex[byte >> 4];
  out[3] = kHex[byte & 15];
  return 4;
}

}  // namespace

std::string_view CommonLogLine::format(LogFormat format, std::time_t at,
                                       const CommonLogEntry& entry) {
  length_ = 0;
  escaped(entry.client, kMostField);
  raw(" - - ");
  time(at);
  if (entry.method.empty()) {
    raw(" \"-");
  } else {
    raw(" \"");
    escaped(entry.method, kMostMethod);
    raw(" ");
    escaped(entry.target, kMostTarget);
    if (!entry.version.empty()) {
      raw(" ");
      raw(entry.version);
    }
  }
  raw("\" ");
  number(entry.status);
  raw(" ");
  number(entry.body_bytes);
  if (format == LogFormat::combined) {
    quoted(entry.referer, kMostField);
    quoted(entry.user_agent, kMostField);
  }
  raw("\n");
  return {buffer_.data(), length_};
}

void CommonLogLine::quoted(std::string_view text, size_t most) {
  raw(" \"");
  escaped(text.empty() ? "-" : text, most);
  raw("\"");
}

void CommonLogLine::time(std::time_t at) {
  tm parts;
  ::gmtime_r(&at, &parts);
  char text[40];
  raw({text, std::strftime(text, sizeof text, "[%d/%b/%Y:%H:%M:%S +0000]", &parts)});
}

void CommonLogLine::escaped(std::string_view text, size_t most) {
  const size_t end = length_ + most;
  for (char c : text) {
    char unit[4];
    const size_t size = escape(c, unit);
    if (length_ + size > end) return raw(kCut);
    raw({unit, size});
  }
}

void CommonLogLine::number(uint64_t value) {
  char digits[24];
  raw({digits,
       static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
}

void CommonLogLine::raw(std::string_view text) {
  CHECK(text.size() <= buffer_.size() - length_);
  std::memcpy(buffer_.data() + length_, text.data(), text.size());
  length_ += text.size();
}

}  // namespace weir
