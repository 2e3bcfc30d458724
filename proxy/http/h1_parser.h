// Reads HTTP/1 heads: one pass, resumable, strict, bounded. RFC 9112, without the leniencies that
// it permits. Sans-I/O; one thread; allocates only for fields beyond kInlineFields.
//
// Usage: append received bytes to a buffer and call feed() with the whole buffer, from the first
// byte of the message on. The buffer may move between calls. Every byte is parsed once, so a peer
// that sends one byte at a time costs no more than others. The outcome depends on the bytes only,
// never on how they were split: a fault is reported at the first line or byte that proves it.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/h1_lines.h"
#include "http/message.h"

namespace weir {

// No head is larger than kMaxHeadSize, whatever the limits say.
struct HeadLimits {
  // Everything up to and with the empty line; beyond: 431, in the request line 414.
  size_t head = 32 * 1024;
  size_t fields = 100;  // beyond: 431
};
inline constexpr size_t kMaxMethodSize = 32;  // no known method is longer: 501

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
  // When complete: the body or the next request follows.
  size_t head_size() const { return lines_.line_begin(); }
  Fault fault() const { return fault_; }                 // when failed
  bool started() const { return lines_.scanned() > 0; }  // a byte of a request has been seen
  void reset();
  void reset(HeadLimits limits) {
    limits_ = limits;
    reset();
  }
  void forget_fields() { head_.clear_fields(); }  // gives their memory back

 private:
  enum class Line : uint8_t { request, field };

  State end_of_line(std::string_view line);
  Fault parse_request_line(std::string_view line);
  Fault too_long(std::string_view line) const;
  State fail(Fault fault) {
    fault_ = fault;
    return state_ = State::failed;
  }

  HeadLimits limits_;
  H1LineScanner lines_;
  Line line_ = Line::request;
  bool skipped_empty_line_ = false;
  State state_ = State::incomplete;
  Fault fault_;
  RequestHead head_;
};

// For responses of backends. Every fault is a 502: the fault is the backend's, not the client's. An
// interim response is one head: call reset() with the same `AnswerTo` for the next response.
class H1ResponseParser {
 public:
  using State = H1RequestParser::State;

  H1ResponseParser() = default;
  explicit H1ResponseParser(HeadLimits limits) : limits_(limits) {}

  [[nodiscard]] State feed(std::string_view input);
  State state() const { return state_; }
  const ResponseHead& head(std::string_view input) {
    head_.base_ = input.data();
    return head_;
  }
  size_t head_size() const { return lines_.line_begin(); }
  Fault fault() const { return fault_; }
  // A byte of the response has been seen: the backend took the request.
  bool started() const { return lines_.scanned() > 0; }
  void reset(AnswerTo request = AnswerTo::other);
  void reset(AnswerTo request, HeadLimits limits) {
    limits_ = limits;
    reset(request);
  }
  void forget_fields() { head_.clear_fields(); }  // gives their memory back

 private:
  State end_of_line(std::string_view line);
  Fault parse_status_line(std::string_view line);
  State fail(Fault fault) {
    fault_ = {502, fault.reason};
    return state_ = State::failed;
  }

  HeadLimits limits_;
  H1LineScanner lines_;
  bool in_fields_ = false;
  State state_ = State::incomplete;
  Fault fault_;
  ResponseHead head_;
};

}  // namespace weir
