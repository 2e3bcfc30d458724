// Reads HTTP/1 heads: one pass, resumable, strict, bounded. RFC 9112, without the leniencies that
// it permits. Sans-I/O; one thread; allocates only for fields beyond kInlineFields.
//
// Usage: append received bytes to a buffer and call feed() with the whole buffer, from the first
// byte of the message on, and with the head that it fills. The buffer may move between calls. Every
// byte is parsed once, so a peer that sends one byte at a time costs no more than others. The
// outcome depends on the bytes only, never on how they were split: a fault is reported at the first
// line or byte that proves it. H1RequestReader and H1ResponseReader are parsers with a head of their
// own.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/h1_lines.h"
#include "http/message.h"

namespace weir {

inline constexpr size_t kMaxMethodSize = 32;  // no known method is longer: 501

class H1RequestParser {
 public:
  enum class State : uint8_t { incomplete, complete, failed };

  H1RequestParser() = default;
  explicit H1RequestParser(HeadLimits limits) : limits_(limits) {}

  // When complete, `head` is readable while `input` stays where it is; see MessageHead::move_to().
  [[nodiscard]] State feed(std::string_view input, RequestHead& head);
  State state() const { return state_; }
  // When complete: the body or the next request follows.
  size_t head_size() const { return lines_.line_begin(); }
  Fault fault() const { return fault_; }                 // when failed
  bool started() const { return lines_.scanned() > 0; }  // a byte of a request has been seen
  void reset();
  void reset(HeadLimits limits) {
    limits_ = limits;
    reset();
  }

 private:
  enum class Line : uint8_t { request, field };

  State end_of_line(std::string_view line, RequestHead& head);
  static Fault parse_request_line(std::string_view line, RequestHead& head);
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
};

class H1RequestReader final : public H1RequestParser {
 public:
  using H1RequestParser::H1RequestParser;
  [[nodiscard]] State feed(std::string_view input) { return H1RequestParser::feed(input, head_); }
  const RequestHead& head(std::string_view input) {  // `input`: what feed() was given
    head_.move_to(input.data());
    return head_;
  }

 private:
  RequestHead head_;
};

// For responses of backends. Every fault is a 502: the fault is the backend's, not the client's. An
// interim response is one head: call reset() with the same `AnswerTo` for the next response.
class H1ResponseParser {
 public:
  using State = H1RequestParser::State;

  H1ResponseParser() = default;
  explicit H1ResponseParser(HeadLimits limits) : limits_(limits) {}

  [[nodiscard]] State feed(std::string_view input, ResponseHead& head);
  State state() const { return state_; }
  size_t head_size() const { return lines_.line_begin(); }
  Fault fault() const { return fault_; }
  // A byte of the response has been seen: the backend took the request.
  bool started() const { return lines_.scanned() > 0; }
  void reset(AnswerTo request = AnswerTo::other);
  void reset(AnswerTo request, HeadLimits limits) {
    limits_ = limits;
    reset(request);
  }

 private:
  State end_of_line(std::string_view line, ResponseHead& head);
  static Fault parse_status_line(std::string_view line, ResponseHead& head);
  State fail(Fault fault) {
    fault_ = {502, fault.reason};
    return state_ = State::failed;
  }

  HeadLimits limits_;
  H1LineScanner lines_;
  bool in_fields_ = false;
  AnswerTo answers_ = AnswerTo::other;
  State state_ = State::incomplete;
  Fault fault_;
};

class H1ResponseReader final : public H1ResponseParser {
 public:
  using H1ResponseParser::H1ResponseParser;
  [[nodiscard]] State feed(std::string_view input) { return H1ResponseParser::feed(input, head_); }
  const ResponseHead& head(std::string_view input) {
    head_.move_to(input.data());
    return head_;
  }

 private:
  ResponseHead head_;
};

}  // namespace weir
