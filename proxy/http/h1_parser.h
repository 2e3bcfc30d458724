// Reads an HTTP/1 request head: one pass, resumable, strict, bounded. RFC 9112, with every leniency
// it offers refused. Sans-I/O; one thread; no allocation.
//
// Usage: append what arrives to a buffer and call feed() with all of it, from the first byte of the
// request on. The buffer may move between calls. Every byte is looked at once, so a client that
// sends one byte at a time costs no more than others. The outcome depends on the bytes only, never
// on how they were split: a fault is reported at the first byte that proves it.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/message.h"

namespace weir {

struct HeadLimits {
  size_t request_line = 8 * 1024;  // with its CRLF; beyond: 414
  size_t head = 32 * 1024;         // everything up to and with the empty line; beyond: 431
};
inline constexpr size_t kMaxMethodSize = 32;  // longer ones are no method anyone knows: 501

class H1RequestParser {
 public:
  enum class State : uint8_t { incomplete, complete, failed };

  H1RequestParser() = default;
  explicit H1RequestParser(HeadLimits limits) : limits_(limits) {}

  [[nodiscard]] State feed(std::string_view input);
  State state() const { return state_; }
  // When complete: the head, readable while `input` stays; `input` is what feed() was given.
  const RequestHead& head(std::string_view input) {
    head_.base_ = input.data();
    return head_;
  }
  size_t head_size() const {
    return line_begin_;
  }                                              // when complete: the body or next request follows
  Fault fault() const { return fault_; }         // when failed
  bool started() const { return scanned_ > 0; }  // a byte of a request has been seen
  void reset() { *this = H1RequestParser(limits_); }

 private:
  enum class Line : uint8_t { request, field };

  size_t line_limit() const;
  State end_of_line(std::string_view line);
  Fault parse_request_line(std::string_view line);
  Fault parse_field(std::string_view line);
  Fault too_long(std::string_view line) const;
  State fail(Fault fault) {
    fault_ = fault;
    return state_ = State::failed;
  }

  HeadLimits limits_;
  size_t line_begin_ = 0;
  size_t scanned_ = 0;  // no byte before it needs to be looked at again
  Line line_ = Line::request;
  bool skipped_empty_line_ = false;
  State state_ = State::incomplete;
  Fault fault_;
  RequestHead head_;
};

}  // namespace weir
