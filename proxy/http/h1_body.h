// Finds the body in the bytes after a request head: none, Content-Length or chunked. Strict,
// bounded, sans-I/O, no allocation, nothing buffered; one thread. The outcome does not depend on
// how the input was split.
//
// Usage: while next() returns State::more and input is left, advance by `consumed`, use `data`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace weir {

inline constexpr size_t kMaxChunkSizeDigits = 16;
inline constexpr size_t kMaxChunkExtensions = 4 * 1024;  // of one body together; beyond: 400
inline constexpr size_t kMaxTrailers = 8 * 1024;         // of one body together; beyond: 431

class H1BodyDecoder {
 public:
  enum class State : uint8_t { more, done, failed };
  struct Piece {
    size_t consumed = 0;    // take this many bytes off the input
    std::string_view data;  // body bytes among them; part of the input
    State state = State::more;
  };

  // `limit` bounds the decoded body; beyond: 413, for Content-Length before the first byte.
  State start(const RequestHead& head, uint64_t limit);
  // At most one stretch of data a call.
  [[nodiscard]] Piece next(std::string_view input);

  State state() const { return state_; }
  Fault fault() const { return fault_; }

 private:
  enum class Part : uint8_t {
    length_data,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    final_lf,
  };

  void step(char c);
  void size_digit(char c);
  void end_of_size();
  void trailer_byte(char c);
  void expect(char c, char wanted, Part then);
  void fail(Fault fault);

  State state_ = State::done;
  Part part_ = Part::length_data;
  uint64_t remaining_ = 0;  // of the chunk or of the body
  uint64_t allowance_ = 0;  // what may still come
  size_t digits_ = 0;
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  Fault fault_;
};

}  // namespace weir
