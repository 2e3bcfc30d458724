#include "peers/http2_flood.h"

#include <nghttp2/nghttp2.h>

#include "peers/http2_session.h"

namespace weir::sim {
namespace {

// Without the dynamic table, so that the state of the library's encoder stays valid.
std::string literal(std::string_view name, std::string_view value) {
  std::string field(1, '\0');
  for (const std::string_view text : {name, value})
    field.append(1, static_cast<char>(text.size())).append(text);
  return field;
}

std::string request_block(const char* path) {
  return literal(":method", "POST") + literal(":scheme", "http") + literal(":authority", "sim") +
         literal(":path", path);
}

}  // namespace

std::string Http2Flood::next() {
  std::string frames;
  for (int i = 0; i < 20 && frames_ < kFrames; ++i, ++frames_) frames += one();
  return frames;
}

std::string Http2Flood::begin_stream(const char* path, uint8_t flags) {
  stream_ += 2;
  return http2_frame(NGHTTP2_HEADERS, flags, stream_, request_block(path));
}

std::string Http2Flood::one() {
  constexpr uint8_t kEndHeaders = NGHTTP2_FLAG_END_HEADERS;
  constexpr uint8_t kWhole = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;
  const std::string zero(4, '\0');
  const bool first = !std::exchange(begun_, true);
  switch (kind_) {
    case FloodKind::ping: return http2_frame(NGHTTP2_PING, 0, 0, "12345678");
    case FloodKind::settings: return http2_frame(NGHTTP2_SETTINGS, 0, 0, "");
    case FloodKind::window_update: return http2_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, {"\0\0\0\1", 4});
    case FloodKind::zero_increment: return http2_frame(NGHTTP2_WINDOW_UPDATE, 0, 1, zero);
    case FloodKind::window_overflow:
      return http2_frame(NGHTTP2_WINDOW_UPDATE, 0, random_.below(2) == 0 ? 0 : 1,
                         "\x7f\xff\xff\xff");
    case FloodKind::priority: return http2_frame(NGHTTP2_PRIORITY, 0, 1, {"\0\0\0\3\7", 5});
    case FloodKind::unknown: return http2_frame(0x77, 0xff, stream_, "unknown");
    case FloodKind::empty_data:
      if (first) return begin_stream(kPath, kEndHeaders);
      return http2_frame(NGHTTP2_DATA, 0, stream_, "");
    case FloodKind::reset: {
      const std::string head = begin_stream(kPath, kEndHeaders);
      return head + http2_frame(NGHTTP2_RST_STREAM, 0, stream_, {"\0\0\0\10", 4});
    }
    case FloodKind::malformed:
      stream_ += 2;
      return http2_frame(NGHTTP2_HEADERS, kWhole, stream_,
                         request_block(kPath) + literal("Upper", "case"));
    case FloodKind::continuation:
      if (first) return begin_stream(kPath, 0);
      return http2_frame(NGHTTP2_CONTINUATION, 0, stream_,
                         random_.below(2) == 0 ? "" : literal("x-more", "more"));
    case FloodKind::bad_block:
      stream_ += 2;
      return http2_frame(NGHTTP2_HEADERS, kWhole, stream_, "\xff\xff\xff\xff\xff\xff\xff");
    case FloodKind::too_large:
      return http2_frame(NGHTTP2_DATA, 0, 1, std::string(20000 + random_.below(20000), 'x'));
    case FloodKind::wrong_stream:
      if (random_.below(2) == 0) return http2_frame(NGHTTP2_DATA, 0, 0, "data");
      return http2_frame(NGHTTP2_HEADERS, kWhole, 200002, request_block(kPath));
    case FloodKind::push_promise:
      return http2_frame(NGHTTP2_PUSH_PROMISE, kEndHeaders, 1,
                         std::string("\0\0\0\2", 4) + request_block(kPath));
    case FloodKind::garbage: return "\x16\x03\x01 this is not HTTP/2\r\n\r\n";
  }
  return "";
}

}  // namespace weir::sim
