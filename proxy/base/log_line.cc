#include "base/log_line.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/ascii.h"
#include "base/check.h"

namespace weir {
namespace {

using Byte = unsigned char;

bool is_continuation(char c) {
  return (Byte(c) & 0xC0) == 0x80;
}

// Length of the well-formed UTF-8 sequence at the start of `text`; 0 when it is not one. Overlong
// forms, surrogates and values beyond U+10FFFF are not well-formed.
size_t sequence_length(std::string_view text) {
  const Byte first = Byte(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const Byte second = Byte(text[1]);
  const bool out_of_range = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                            (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return out_of_range ? 0 : length;
}

// U+0080 to U+009F: a terminal may interpret them.
bool is_c1_control(std::string_view sequence) {
  return sequence.size() == 2 && Byte(sequence[0]) == 0xC2 && Byte(sequence[1]) < 0xA0;
}

// Printable ASCII that stands for itself between quotes; without '=' and ' ' also without quotes.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (size_t c = ' '; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();
constexpr auto kBare = [] {
  std::array<bool, 256> bare = kPlain;
  bare[' '] = bare['='] = false;
  return bare;
}();

size_t prefix(std::string_view text, const std::array<bool, 256>& wanted) {
  size_t n = 0;
  while (n < text.size() && wanted[Byte(text[n])]) ++n;
  return n;
}

bool is_bare(std::string_view text) {
  return !text.empty() && prefix(text, kBare) == text.size();
}

size_t escape_code(Byte code, std::span<char, 8> out) {
  return static_cast<size_t>(std::snprintf(out.data(), out.size(), "\\u%04x", unsigned{code}));
}

// The escape letter of a single-byte character; 0: it needs no escape.
size_t escape(char c, std::span<char, 8> out) {
  const char* brief = nullptr;
  switch (c) {
    case '"': brief = "\\\""; break;
    case '\\': brief = "\\\\"; break;
    case '\n': brief = "\\n"; break;
    case '\r': brief = "\\r"; break;
    case '\t': brief = "\\t"; break;
  }
  if (brief) return std::memcpy(out.data(), brief, 2), 2;
  return is_control(c) ? escape_code(Byte(c), out) : 0;
}

}  // namespace

void LogLine::begin(LogFormat format, std::string_view time) {
  length_ = 0;
  format_ = format;
  cut_ = false;
  if (format_ == LogFormat::json) raw("{");
  field(kv("time", time));
}

void LogLine::field(const LogField& field) {
  if (field.kind == LogField::Kind::absent || cut_) return;
  // A key without room for any value is not started.
  if (room() < field.key.size() + 48) {
    cut_ = true;
    return;
  }
  key(field.key);
  value(field);
}

std::string_view LogLine::finish() {
  const bool json = format_ == LogFormat::json;
  if (cut_) raw(json ? ",\"truncated\":true" : " truncated=true");
  raw(json ? "}\n" : "\n");
  return {buffer_.data(), length_};
}

void LogLine::key(std::string_view key) {
  const bool json = format_ == LogFormat::json;
  CHECK(key.size() + 4 <= kMaxLength - length_);
  if (json ? length_ > 1 : length_ > 0) put(json ? ',' : ' ');
  if (json) put('"');
  std::memcpy(buffer_.data() + length_, key.data(), key.size());
  length_ += key.size();
  if (json) put('"');
  put(json ? ':' : '=');
}

// field() has left room for any number.
void LogLine::value(const LogField& field) {
  switch (field.kind) {
    case LogField::Kind::absent: return;
    case LogField::Kind::string: return string(field.string);
    case LogField::Kind::boolean: return raw(field.number.boolean ? "true" : "false");
    case LogField::Kind::integer: return integer(field.number.integer);
    case LogField::Kind::natural: return integer(field.number.natural);
    case LogField::Kind::duration: return duration(Duration(field.number.integer));
    case LogField::Kind::real:
      if (!std::isfinite(field.number.real)) return raw("null");  // JSON has no value for it
      return real(field.number.real);
  }
}

template <typename T>
void LogLine::integer(T value) {
  char* at = buffer_.data() + length_;
  length_ += static_cast<size_t>(std::to_chars(at, buffer_.data() + kMaxLength, value).ptr - at);
}

// As real() writes its seconds, without the conversion of a double: an access line has four of
// them.
void LogLine::duration(Duration value) {
  constexpr uint64_t kMicros = 1'000'000;
  if (value < Duration::zero()) return real(seconds(value));
  const uint64_t micros = (static_cast<uint64_t>(value.count()) + 500) / 1000;
  integer(micros / kMicros);
  uint64_t rest = micros % kMicros;
  if (rest == 0) return;
  put('.');
  for (uint64_t unit = kMicros / 10; rest > 0; rest %= unit, unit /= 10)
    put(static_cast<char>('0' + rest / unit));
}

// Never with an exponent, which few readers of logfmt understand: at least microseconds.
void LogLine::real(double value) {
  constexpr int kDecimals = 6;
  constexpr double kMost = 1e15;  // integers are exact up to here, and the digits fit
  char digits[32];
  value = std::clamp(value, -kMost, kMost);
  char* end =
      std::to_chars(digits, std::end(digits), value, std::chars_format::fixed, kDecimals).ptr;
  while (end[-1] == '0') --end;
  if (end[-1] == '.') --end;
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  raw(text == "-0" ? "0" : text);
}

void LogLine::string(std::string_view text) {
  if (format_ == LogFormat::logfmt && text.size() <= room() && is_bare(text)) return raw(text);
  raw("\"");
  escaped(text);
  raw("\"");
}

void LogLine::escaped(std::string_view text) {
  std::array<char, 8> out;
  while (!text.empty() && !cut_) {
    if (const size_t plain = prefix(text, kPlain); plain > 0) {
      const size_t fits = std::min(plain, room());
      raw(text.substr(0, fits));
      cut_ = fits < plain;
      text.remove_prefix(plain);
      continue;
    }
    const size_t length = sequence_length(text);
    if (length == 0) {
      unit(std::string_view("\\ufffd"));
    } else if (size_t n = length == 1 ? escape(text[0], out) : 0; n > 0) {
      unit({out.data(), n});
    } else if (is_c1_control(text.substr(0, length))) {
      unit({out.data(), escape_code(Byte(text[1]), out)});
    } else {
      unit({text.data(), length});
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void LogLine::unit(std::span<const char> unit) {
  cut_ = unit.size() > room();
  if (!cut_) raw({unit.data(), unit.size()});
}

void LogLine::raw(std::string_view text) {
  CHECK(text.size() <= kMaxLength - length_);
  std::memcpy(buffer_.data() + length_, text.data(), text.size());
  length_ += text.size();
}

std::string_view LogTime::now() {
  timespec at;
  ::clock_gettime(CLOCK_REALTIME, &at);
  constexpr size_t kSeconds = 19;  // "2026-01-31T23:59:59"
  if (at.tv_sec != second_) {
    second_ = at.tv_sec;
    tm parts;
    ::gmtime_r(&at.tv_sec, &parts);
    std::strftime(text_.data(), text_.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
  }
  const auto millis = static_cast<unsigned>(at.tv_nsec / 1'000'000);
  text_[kSeconds + 1] = static_cast<char>('0' + millis / 100);
  text_[kSeconds + 2] = static_cast<char>('0' + millis / 10 % 10);
  text_[kSeconds + 3] = static_cast<char>('0' + millis % 10);
  return {text_.data(), kSeconds + 5};
}

}  // namespace weir
