#include "http/websocket.h"

#include "base/sha1.h"

namespace weir {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// RFC 4648 4. `text` has room for all of it, with its padding.
void write_base64(std::span<const uint8_t> bytes, std::span<char> text) {
  size_t to = 0;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const unsigned group = unsigned(bytes[i]) << 16 | (left > 1 ? unsigned(bytes[i + 1]) << 8 : 0) |
                           (left > 2 ? unsigned(bytes[i + 2]) : 0);
    text[to++] = kBase64[group >> 18];
    text[to++] = kBase64[group >> 12 & 63];
    text[to++] = left > 1 ? kBase64[group >> 6 & 63] : '=';
    text[to++] = left > 2 ? kBase64[group & 63] : '=';
  }
}

}  // namespace

WebSocketKey websocket_key(std::span<const uint8_t, 16> random) {
  WebSocketKey key;
  write_base64(random, key);
  return key;
}

WebSocketAccept accept_for(std::string_view key) {
  Sha1 hash;
  hash.add(key);
  hash.add(kGuid);
  const Sha1::Digest digest = hash.digest();
  WebSocketAccept accept;
  write_base64(digest, accept);
  return accept;
}

}  // namespace weir
