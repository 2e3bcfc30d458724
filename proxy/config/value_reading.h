// Makes value types: a ValueType from two functions over the member's C++ type, and functions that
// several types share. For the *value_types.cc only.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>

#include "base/ascii.h"
#include "base/closed_list.h"
#include "config/suggest.h"
#include "config/value_types.h"

namespace weir::config {

using Outcome = std::optional<Problem>;

// ValueType from two functions over the C++ type.
template <auto Read, auto Write, typename T>
constexpr ValueType described(const char* name, const char* syntax, const char* schema,
                              Form form = Form::text) {
  Location* (*location)(void*) = nullptr;
  if constexpr (std::is_same_v<T, Timeout>)
    location = [](void* member) { return &static_cast<Timeout*>(member)->location; };
  if constexpr (std::is_same_v<T, std::optional<Timeout>>)
    location = [](void* member) {
      T& timeout = *static_cast<T*>(member);
      return timeout ? &timeout->location : nullptr;
    };
  return {name,
          syntax,
          schema,
          form,
          {},
          [](std::string_view text, void* member) -> Outcome {
            return Read(text, *static_cast<T*>(member));
          },
          [](const void* member) -> std::string { return Write(*static_cast<const T*>(member)); },
          location};
}

inline bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

inline std::string same(const std::string& value) {
  return value;
}

Outcome read_name(std::string_view text, std::string& out);

// Whether a resolver may be asked for `host`: up to 253 letters, digits, '-', '_' and dots.
bool is_host_name(std::string_view host);

// ---- numbers

template <typename T>
Outcome read_number(std::string_view text, T& out, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 10);
  if (!all_digits(text))
    return Problem{Code::E110, fmt::format("'{}' is not a whole decimal number", text), ""};
  if (text.size() > 1 && text[0] == '0')
    return Problem{
        Code::E110, fmt::format("'{}' begins with a zero, which YAML reads as octal", text),
        fmt::format("write {}",
                    text.substr(std::min(text.find_first_not_of('0'), text.size() - 1)))};
  if (error != std::errc() || value < least || value > most)
    return Problem{Code::E111, fmt::format("{} is out of range", text),
                   fmt::format("from {} to {}", least, most)};
  out = static_cast<T>(value);
  return {};
}

template <uint64_t Least, uint64_t Most, typename T>
Outcome read_count(std::string_view text, T& out) {
  return read_number(text, out, Least, Most);
}
template <typename T>
std::string write_count(const T& value) {
  return std::to_string(value);
}
// ---- words

// The words of a closed list, in the order of its values.
template <ClosedList E>
inline constexpr auto kWords = [] {
  std::array<std::string_view, kListSize<E>> words;
  std::copy(kListNames<E>.begin(), kListNames<E>.end(), words.begin());
  return words;
}();

// `all`: the words that are possible, the first ones of the list or all of them.
template <typename E>
Outcome read_word(std::string_view text, E& out,
                  std::span<const std::string_view> all = kWords<E>) {
  const auto found = std::find(all.begin(), all.end(), text);
  if (found != all.end()) return out = static_cast<E>(found - all.begin()), Outcome{};
  std::string hint = fmt::format("one of: {}", fmt::join(all, ", "));
  if (const std::string near = nearest(text, all); !near.empty())
    hint = fmt::format("did you mean '{}'?", near);
  return Problem{Code::E104, fmt::format("'{}' is not possible here", text), hint};
}
template <typename E>
std::string write_word(const E& value) {
  return weir::text(value);
}
template <typename E>
Outcome read_any_word(std::string_view text, E& out) {
  return read_word(text, out);
}
template <typename E>
Outcome read_optional_word(std::string_view text, std::optional<E>& out) {
  E value{};
  if (Outcome problem = read_word(text, value)) return problem;
  out = value;
  return {};
}
template <typename E>
std::string write_optional_word(const std::optional<E>& value) {
  return value ? write_word(*value) : "";
}

template <typename E>
constexpr ValueType described_words() {
  ValueType type = described<read_any_word<E>, write_word<E>, E>("word", "", "");
  type.words = kWords<E>;
  return type;
}
template <typename E>
constexpr ValueType described_optional_words() {
  ValueType type =
      described<read_optional_word<E>, write_optional_word<E>, std::optional<E>>("word", "", "");
  type.words = kWords<E>;
  return type;
}

inline constexpr const char* kText = R"("type": ["string", "number"])";

}  // namespace weir::config
