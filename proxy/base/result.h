// Result<T>: a value or an Error, for the control path (g++ 12 has no std::expected in C++20).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace weir {

struct Error {
  std::string message;  // what went wrong and how to fix it, for a person
  std::string where;    // "file:line:col", an address, a path; may be empty

  std::string text() const { return where.empty() ? message : where + ": " + message; }
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return CHECK(*this), *std::get_if<0>(&state_); }
  const T& operator*() const { return CHECK(*this), *std::get_if<0>(&state_); }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  const Error& error() const { return CHECK(!*this), *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const { return CHECK(error_), *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace weir
