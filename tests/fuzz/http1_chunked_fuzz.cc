// Any bytes as a chunked body. The data does not depend on how they are split; a body that is
// complete is the same after it is framed anew, trailers included, and a part of it is not
// complete.
#include <algorithm>

#include "http1_properties.h"

namespace {

using namespace weir;
using State = H1BodyDecoder::State;

constexpr std::string_view kHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Decoded {
  State state = State::more;
  unsigned status = 0;
  size_t consumed = 0;
  std::string data, trailers;
  bool operator==(const Decoded&) const = default;
};

// Passes at most `step` bytes at a time to the decoder, each time in memory of exactly that size.
// With `pumped`, bytes that are certainly data bypass it.
Decoded decode(std::string_view input, size_t step, bool pumped = false) {
  H1RequestReader parser;
  CHECK(parser.feed(kHead) == H1RequestParser::State::complete);
  H1BodyDecoder decoder;
  decoder.start(parser.head(kHead), 4096);
  std::array<char, 256> memory;
  const FieldFilter any_fields;
  decoder.limit_trailers(190, H1BodyDecoder::Excess::fault);
  decoder.keep_trailers(memory, any_fields);
  Decoded result;
  while (decoder.state() == State::more && result.consumed < input.size()) {
    const std::string piece(input.substr(result.consumed, step));
    const uint64_t ahead = std::min<uint64_t>(decoder.data_ahead(), piece.size());
    if (pumped && ahead > 0) {
      result.data += piece.substr(0, ahead);
      result.consumed += ahead;
      decoder.skip_data(ahead);
      continue;
    }
    const H1BodyDecoder::Piece next = decoder.next(piece);
    CHECK(next.consumed > 0 && next.consumed <= piece.size());
    result.data += next.data;
    result.consumed += next.consumed;
  }
  result.state = decoder.state();
  result.status = decoder.fault().status;
  if (decoder.state() == State::done) result.trailers = decoder.trailers();
  if (decoder.state() == State::more) CHECK(decoder.end_of_input() == State::failed);
  return result;
}

std::string frame(const Decoded& body, size_t chunk) {
  std::string text;
  for (size_t i = 0; i < body.data.size(); i += chunk) {
    const std::string data = body.data.substr(i, chunk);
    std::array<char, kChunkHeadSize> head;
    text.append(chunk_head(data.size(), head)).append(data).append(kChunkEnd);
  }
  std::array<char, 512> end;
  return text.append(last_chunk(body.trailers, end));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Decoded whole = decode(input, std::max<size_t>(size, 1));
  for (size_t step : {1u, 2u, 7u, 64u}) CHECK(decode(input, step) == whole);
  CHECK(decode(input, 16, true) == whole);
  if (whole.state != State::done) return 0;
  for (size_t chunk : {1u, 16u, 4096u}) {
    const std::string text = frame(whole, chunk);
    const Decoded again = decode(text, text.size());
    CHECK(again.state == State::done && again.consumed == text.size());
    CHECK(again.data == whole.data && again.trailers == whole.trailers);
    CHECK(decode(text.substr(0, text.size() - 1), text.size()).state == State::more);
  }
  return 0;
}
