#include "http/h1_body.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

constexpr Fault kTooLarge{413, "the body is too large"};
constexpr Fault kTooLong{400, "the body is longer than announced"};

}  // namespace

H1BodyDecoder::State H1BodyDecoder::start(const MessageHead& head, uint64_t limit) {
  *this = H1BodyDecoder();
  allowance_ = limit;
  switch (head.framing()) {
    case BodyFraming::none: return state_;
    case BodyFraming::length:
      part_ = Part::length_data;
      remaining_ = head.content_length();
      break;
    case BodyFraming::delimited: part_ = Part::size; break;
    case BodyFraming::until_close:
      part_ = Part::close_data;
      remaining_ = limit;
      break;
  }
  state_ = State::more;
  if (remaining_ > allowance_) fail(kTooLarge);
  return state_;
}

H1BodyDecoder::State H1BodyDecoder::start_until_end(const MessageHead& head, uint64_t limit) {
  *this = H1BodyDecoder();
  state_ = State::more;
  part_ = Part::close_data;
  remaining_ = limit;
  exact_ = head.framing() == BodyFraming::none || head.framing() == BodyFraming::length;
  if (!exact_) return state_;
  remaining_ = head.framing() == BodyFraming::length ? head.content_length() : 0;
  if (remaining_ > limit) fail(kTooLarge);
  return state_;
}

H1BodyDecoder::Piece H1BodyDecoder::next(std::string_view input) {
  Piece piece;
  while (state_ == State::more && piece.consumed < input.size()) {
    if (!in_data()) {
      if (in_trailers() && wants_trailer_memory()) break;
      step(input[piece.consumed++]);
      continue;
    }
    if (!piece.data.empty()) break;
    if (remaining_ == 0) {  // only for a body until close: every other part ends with its last byte
      fail(exact_ ? kTooLong : kTooLarge);
      break;
    }
    piece.data = input.substr(piece.consumed, size_t(std::min<uint64_t>(remaining_, input.size())));
    piece.consumed += piece.data.size();
    skip_data(piece.data.size());
  }
  piece.state = state_;
  return piece;
}

void H1BodyDecoder::skip_data(uint64_t size) {
  DCHECK(size <= data_ahead());
  if (part_ == Part::close_data && remaining_ == kUnlimitedBody) return;
  remaining_ -= size;
  if (remaining_ > 0 || part_ == Part::close_data) return;
  if (part_ == Part::length_data) state_ = State::done;
  part_ = Part::data_cr;
}

H1BodyDecoder::State H1BodyDecoder::end_of_input() {
  if (state_ != State::more) return state_;
  if (part_ == Part::close_data && !(exact_ && remaining_ > 0)) return state_ = State::done;
  fail({400, "the connection ends before the body does"});
  return state_;
}

// One byte of chunk framing; RFC 9112 7.1.
void H1BodyDecoder::step(char c) {
  switch (part_) {
    case Part::size: return size_digit(c);
    case Part::extension:
      if (c == '\r') {
        part_ = Part::size_lf;
        return;
      }
      if (!is(kFieldText, c)) return fail({400, "a control byte in a chunk extension"});
      if (++extension_bytes_ > kMaxChunkExtensions)
        fail({400, "the chunk extensions are too large"});
      return;
    case Part::size_lf:
      return c == '\n' ? end_of_size() : fail({400, "a CR is not followed by LF"});
    case Part::data_cr: return expect(c, '\r', Part::data_lf);
    case Part::data_lf: digits_ = 0; return expect(c, '\n', Part::size);
    case Part::trailer_start:
    case Part::trailer_name:
    case Part::trailer_value: return trailer_byte(c);
    case Part::trailer_lf: ++trailer_bytes_; return expect(c, '\n', Part::trailer_start);
    case Part::final_lf:
      expect(c, '\n', Part::final_lf);
      if (state_ == State::more) state_ = State::done;
      return;
    case Part::length_data:
    case Part::close_data:
    case Part::data: break;
  }
  CHECK_UNREACHABLE();
}

void H1BodyDecoder::size_digit(char c) {
  if (is(kHex, c)) {
    if (++digits_ > kMaxChunkSizeDigits) return fail({400, "a chunk size has too many digits"});
    remaining_ = remaining_ << 4 |
                 static_cast<unsigned>(hex_value(c));  // 16 digits fill 64 bits, never more
    return;
  }
  // No blank after the size: senders do not write it, and parsers treat it differently.
  if (digits_ == 0 || (c != '\r' && c != ';'))
    return fail({400, "a chunk size is not hexadecimal"});
  part_ = c == '\r' ? Part::size_lf : Part::extension;
}

void H1BodyDecoder::end_of_size() {
  if (remaining_ == 0) {
    part_ = Part::trailer_start;
    return;
  }
  if (remaining_ > allowance_) return fail(kTooLarge);
  allowance_ -= remaining_;
  part_ = Part::data;
}

// Trailers are checked like header lines, and counted.
void H1BodyDecoder::trailer_byte(char c) {
  if (++trailer_bytes_ > trailer_limit_) return too_many_trailers();
  bool at_start = part_ == Part::trailer_start;
  if (at_start && c == '\r') {
    part_ = Part::final_lf;
    return;
  }
  keep(c);
  if (part_ == Part::trailer_value) {
    if (c == '\r') {
      part_ = Part::trailer_lf;
      return end_of_trailer();
    }
    if (!is(kFieldText, c)) fail({400, "a control byte in a trailer"});
    return;
  }
  if (!at_start && c == ':') {
    part_ = Part::trailer_value;
    return;
  }
  if (!is(kToken, c)) return fail({400, "a trailer name is not a token"});
  part_ = Part::trailer_name;
}

void H1BodyDecoder::keep(char c) {
  if (trailer_filter_ != nullptr) trailer_memory_[kept_ + line_++] = c;
}

// Either all trailers are relayed, or none.
void H1BodyDecoder::too_many_trailers() {
  kept_ = 0;
  if (trailer_excess_ == Excess::fault) return fail({431, "the trailers are too large"});
  left_out_ = true;
  state_ = State::done;
}

// The line is in memory with its CR; the trimmed line is written over it.
void H1BodyDecoder::end_of_trailer() {
  if (trailer_filter_ == nullptr) return;
  char* const begin = trailer_memory_.data() + kept_;
  const std::string_view line(begin, line_ - 1);
  line_ = 0;
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim_ows(line.substr(colon + 1));
  if (!trailer_filter_->passes_as_trailer(name)) return;
  const size_t size = name.size() + 2 + value.size() + 2;
  DCHECK(size <= trailer_memory_.size() - kept_);
  std::memmove(begin + colon + 2, value.data(), value.size());
  begin[colon + 1] = ' ';
  std::memcpy(begin + size - 2, "\r\n", 2);
  kept_ += size;
}

void H1BodyDecoder::expect(char c, char wanted, Part then) {
  if (c != wanted) return fail({400, "a chunk does not end where its size says"});
  part_ = then;
}

void H1BodyDecoder::fail(Fault fault) {
  fault_ = fault;
  state_ = State::failed;
}

std::string_view chunk_head(uint64_t size, std::span<char, kChunkHeadSize> out) {
  DCHECK(size > 0);  // a chunk of size 0 is the end of the body
  char* end = std::to_chars(out.data(), out.data() + 16, size, 16).ptr;
  std::memcpy(end, "\r\n", 2);
  return {out.data(), size_t(end - out.data()) + 2};
}

std::string_view last_chunk(std::string_view trailers, std::span<char> out) {
  if (trailers.size() + kLastChunk.size() > out.size()) return {};
  std::memcpy(out.data(), "0\r\n", 3);
  if (!trailers.empty()) std::memcpy(out.data() + 3, trailers.data(), trailers.size());
  std::memcpy(out.data() + 3 + trailers.size(), "\r\n", 2);
  return {out.data(), trailers.size() + kLastChunk.size()};
}

}  // namespace weir
