// Finds the body in the bytes after a head, of requests and of responses: none, Content-Length,
// chunked, until close. Strict, bounded, sans-I/O, no allocation, nothing buffered but trailers, in
// memory of the caller; one thread. The outcome does not depend on how the input was split.
//
// Usage: while next() returns State::more and input is left, advance by `consumed`, use `data`. The
// functions below write the framing of relayed bodies: received framing bytes are never relayed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/field_filter.h"
#include "http/message.h"

namespace weir {

inline constexpr size_t kMaxChunkSizeDigits = 16;
inline constexpr size_t kMaxChunkExtensions = 4 * 1024;  // of one body together; beyond: 400
inline constexpr uint64_t kUnlimitedBody = UINT64_MAX;

class H1BodyDecoder {
 public:
  enum class State : uint8_t { more, done, failed };
  struct Piece {
    size_t consumed = 0;    // take this many bytes off the input
    std::string_view data;  // body bytes among them; part of the input
    State state = State::more;
  };

  // `limit` bounds the decoded body; beyond: 413, for Content-Length before the first byte.
  State start(const MessageHead& head, uint64_t limit);
  // The body of a stream, whose end is that of the input: bytes without framing. Content-Length, or
  // that there is no body, must hold.
  State start_until_end(const MessageHead& head, uint64_t limit);
  // The limit of bytes of all trailers, and the outcome beyond it: a fault (431), or the body ends
  // without trailers, trailers_left_out(). Call it after start().
  enum class Excess : uint8_t { fault, leave_out };
  void limit_trailers(size_t limit, Excess excess) {
    trailer_limit_ = limit;
    trailer_excess_ = excess;
  }
  // Memory for the trailers that `filter` lets pass; without it trailers are dropped. Call it after
  // start(), and again with more memory, after copying the kept bytes, when next() has stopped
  // because the memory is full.
  void keep_trailers(std::span<char> memory, const FieldFilter& filter) {
    trailer_memory_ = memory;
    trailer_filter_ = &filter;
  }
  bool wants_trailer_memory() const {
    return trailer_filter_ != nullptr && kept_ + line_ + kTrailerSpare > trailer_memory_.size();
  }
  // At most one stretch of data a call.
  [[nodiscard]] Piece next(std::string_view input);
  // The connection has ended: so does a body until close; for any other incomplete body that is a
  // fault.
  State end_of_input();
  // After end_of_input(), of a body whose trailers come apart from it: next() takes them, lines
  // as trailers() has them, and an empty line.
  void begin_trailers() {
    state_ = State::more;
    part_ = Part::trailer_start;
  }

  // For a pump that bypasses the decoder: the number of next bytes that are data in any case.
  uint64_t data_ahead() const { return state_ == State::more && in_data() ? remaining_ : 0; }
  void skip_data(uint64_t size);  // size <= data_ahead()

  // When done: lines "Name: value CRLF", of fields that may stand in trailers (RFC 9110 6.5.1) and
  // pass the filter.
  std::string_view trailers() const { return {trailer_memory_.data(), kept_}; }

  bool trailers_left_out() const { return left_out_; }  // and bytes of them may still come

  State state() const { return state_; }
  Fault fault() const { return fault_; }

 private:
  static constexpr size_t kTrailerSpare = 4;  // a byte, and the growth of its line

  enum class Part : uint8_t {
    length_data,
    close_data,
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

  bool in_data() const {
    return part_ == Part::length_data || part_ == Part::data || part_ == Part::close_data;
  }
  bool in_trailers() const { return part_ >= Part::trailer_start; }
  void step(char c);
  void size_digit(char c);
  void end_of_size();
  void trailer_byte(char c);
  void keep(char c);
  void too_many_trailers();
  void end_of_trailer();
  void expect(char c, char wanted, Part then);
  void fail(Fault fault);

  State state_ = State::done;
  Part part_ = Part::length_data;
  uint64_t remaining_ = 0;  // of the chunk or of the body
  bool exact_ = false;      // the input must not end before so many bytes
  uint64_t allowance_ = 0;  // what may still come
  size_t digits_ = 0;
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  std::span<char> trailer_memory_;
  size_t kept_ = 0;  // bytes of whole trailers
  size_t line_ = 0;  // bytes of the trailer that is arriving, after them
  const FieldFilter* trailer_filter_ = nullptr;
  size_t trailer_limit_ = kMaxHeadSize;
  Excess trailer_excess_ = Excess::fault;
  bool left_out_ = false;
  Fault fault_;
};

// Before the data of a chunk of `size` > 0 bytes, in at most kChunkHeadSize bytes; kChunkEnd after
// it.
inline constexpr size_t kChunkHeadSize = 18;
inline constexpr std::string_view kChunkEnd = "\r\n";
std::string_view chunk_head(uint64_t size, std::span<char, kChunkHeadSize> out);

// The end of a chunked body; `trailers` is empty or what H1BodyDecoder::trailers() gave. The null
// view when it does not fit. Only for a complete body: a truncated body is truncated on the other
// side, too.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
std::string_view last_chunk(std::string_view trailers, std::span<char> out);

}  // namespace weir
