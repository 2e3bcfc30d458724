// One log line, formatted into a fixed buffer: logfmt or JSON, without an allocation.
//
// Text is escaped in both formats, so that a line is always one line and always valid UTF-8, for
// any text of a client or a file: control bytes become \n, \t or \u00XX, broken UTF-8 becomes
// \ufffd. A line that does not fit is cut inside a value and ends with truncated=true; it stays
// well-formed.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/log_kinds.h"
#include "base/time.h"

namespace weir {

// A key with its value, alive until the end of the full expression: `value` may point into
// temporaries.
struct LogField {
  enum class Kind : uint8_t { absent, string, integer, natural, real, boolean, duration };

  std::string_view key;
  Kind kind = Kind::absent;  // an absent field is not written: kv_if()
  std::string_view string{};
  union {
    int64_t integer;  // of a duration: nanoseconds
    uint64_t natural;
    double real;
    bool boolean;
  } number{};
};

inline LogField kv(std::string_view key, std::string_view value) {
  return {key, LogField::Kind::string, value};
}
inline LogField kv(std::string_view key, const char* value) {
  return kv(key, std::string_view(value));
}
inline LogField kv(std::string_view key, const std::string& value) {
  return kv(key, std::string_view(value));
}
inline LogField kv(std::string_view key, std::same_as<bool> auto value) {
  LogField field{key, LogField::Kind::boolean};
  field.number.boolean = value;
  return field;
}
inline LogField kv(std::string_view key, std::signed_integral auto value) {
  LogField field{key, LogField::Kind::integer};
  field.number.integer = value;
  return field;
}
template <std::unsigned_integral T>
requires(!std::same_as<T, bool>) LogField kv(std::string_view key, T value) {
  LogField field{key, LogField::Kind::natural};
  field.number.natural = value;
  return field;
}
inline LogField kv(std::string_view key, std::floating_point auto value) {
  LogField field{key, LogField::Kind::real};
  field.number.real = value;
  return field;
}
// A duration is logged in seconds: keys have no unit.
inline LogField kv(std::string_view key, Duration value) {
  LogField field{key, LogField::Kind::duration};
  field.number.integer = value.count();
  return field;
}

// The field, or an absent one.
template <typename T>
LogField kv_if(bool present, std::string_view key, const T& value) {
  return present ? kv(key, value) : LogField{key};
}

class LogLine {
 public:
  static constexpr size_t kMaxLength = 4096;

  // Starts a line and discards the earlier one. `time` is RFC 3339 text.
  void begin(LogFormat format, std::string_view time);
  void field(const LogField& field);
  // Ends the line with its newline. Valid until the next begin().
  std::string_view finish();

 private:
  // Kept free for the end of a cut line: quote, truncated mark, brace, newline.
  static constexpr size_t kReserve = 40;

  void key(std::string_view key);
  void value(const LogField& field);
  template <typename T>
  void integer(T value);
  void duration(Duration value);
  void real(double value);
  void string(std::string_view text);
  void escaped(std::string_view text);
  void unit(std::span<const char> unit);  // all of it or, when it does not fit, nothing and cut_
  void raw(std::string_view text);
  void put(char c) { buffer_[length_++] = c; }
  size_t room() const { return kMaxLength - kReserve - length_; }

  std::array<char, kMaxLength> buffer_;
  size_t length_ = 0;
  LogFormat format_ = LogFormat::logfmt;
  bool cut_ = false;
};

// "2026-01-31T23:59:59.123Z" of now. Formats the date once a second. One thread.
class LogTime {
 public:
  std::string_view now();

 private:
  int64_t second_ = -1;
  std::array<char, 32> text_;
};

}  // namespace weir
