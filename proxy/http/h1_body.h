// Finds the body in the bytes after a head, of requests and of responses: none, Content-Length,
// chunked, until close. Strict, bounded, sans-I/O, no allocation, nothing buffered but trailers, in
// memory of the caller; one thread. The outcome does not depend on how the input was split.
//
// Usage: while next() returns State::more and input is left, advance by `consumed`, use `data`.
// What is relayed is written with the functions below: framing bytes are never passed on as they
// came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/message.h"

namespace weir {

inline constexpr size_t kMaxChunkSizeDigits = 16;
inline constexpr size_t kMaxChunkExtensions = 4 * 1024;  // of one body together; beyond: 400
inline constexpr size_t kMaxTrailers = 8 * 1024;         // of one body together; beyond: 431
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
  // Where trailers that may be relayed are kept; call it after start(). Without: they are dropped.
  void keep_trailers(std::span<char> memory) { trailer_memory_ = memory; }
  // At most one stretch of data a call.
  [[nodiscard]] Piece next(std::string_view input);
  // The connection has ended: the end of a body until close, a fault in any other that is not done.
  State end_of_input();

  // For a pump that moves bytes past the decoder: so many next bytes are data, whatever they are.
  uint64_t data_ahead() const { return state_ == State::more && in_data() ? remaining_ : 0; }
  void skip_data(uint64_t size);  // size <= data_ahead()

  // When done: lines "Name: value CRLF", of fields that may stand in trailers (RFC 9110 6.5.1);
  // none of those that frame, route, authenticate or are for one connection. Empty when they did
  // not fit.
  std::string_view trailers() const { return {trailer_memory_.data(), kept_}; }

  State state() const { return state_; }
  Fault fault() const { return fault_; }

 private:
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
  void step(char c);
  void size_digit(char c);
  void end_of_size();
  void trailer_byte(char c);
  void keep(char c);
  void end_of_trailer();
  void expect(char c, char wanted, Part then);
  void fail(Fault fault);

  State state_ = State::done;
  Part part_ = Part::length_data;
  uint64_t remaining_ = 0;  // of the chunk or of the body
  uint64_t allowance_ = 0;  // what may still come
  size_t digits_ = 0;
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  std::span<char> trailer_memory_;
  size_t kept_ = 0;  // bytes of whole trailers
  size_t line_ = 0;  // bytes of the trailer that is arriving, behind them
  bool trailers_fit_ = true;
  Fault fault_;
};

// Before the data of a chunk of `size` > 0 bytes, in at most kChunkHeadSize bytes; kChunkEnd after
// it.
inline constexpr size_t kChunkHeadSize = 18;
inline constexpr std::string_view kChunkEnd = "\r\n";
std::string_view chunk_head(uint64_t size, std::span<char, kChunkHeadSize> out);

// The end of a chunked body; `trailers` is empty or what H1BodyDecoder::trailers() gave. The null
// view when it does not fit. Only for a body that was complete: a cut one is cut on the other side
// too.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
std::string_view last_chunk(std::string_view trailers, std::span<char> out);

}  // namespace weir
