// A closed list: an enum whose values are 0, 1, 2 ..., with the text of each value as the
// configuration, the log, /metrics and the admin API write it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

// An enum is a closed list if the namespace of E has list_names(E), the texts in the order of the
// values.
template <typename E>
concept ClosedList = requires(E value) {
  list_names(value);
};

template <ClosedList E>
inline constexpr auto kListNames = list_names(E{});

template <ClosedList E>
inline constexpr size_t kListSize = kListNames<E>.size();

template <ClosedList E>
constexpr size_t list_index(E value) {
  return static_cast<size_t>(value);
}

template <ClosedList E>
constexpr const char* text(E value) {
  return kListNames<E>[list_index(value)];
}

// A list whose texts are the names of its values; LIST(X) is X(first) X(second) ...
#define WEIR_LIST_ENTRY(name) name,
#define WEIR_LIST_TEXT(name) #name,
#define WEIR_CLOSED_LIST(Type, LIST)                           \
  enum class Type : uint8_t;                                   \
  constexpr auto list_names(Type) {                            \
    return std::to_array<const char*>({LIST(WEIR_LIST_TEXT)}); \
  }                                                            \
  enum class Type : uint8_t { LIST(WEIR_LIST_ENTRY) }

}  // namespace weir
