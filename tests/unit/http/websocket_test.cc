// The handshake of WebSocket, RFC 6455.
#include "http/websocket.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace weir {
namespace {

std::string accepted(std::string_view key) {
  const WebSocketAccept accept = accept_for(key);
  return {accept.data(), accept.size()};
}

TEST(WebSocket, AcceptsTheKeyOfRfc6455Paragraph13) {
  EXPECT_EQ(accepted("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_NE(accepted("dGhlIHNhbXBsZSBub25jZQ="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

// RFC 6455 4.1.
TEST(WebSocket, MakesAKeyOfSixteenBytes) {
  const std::string nonce = "the sample nonce";
  std::array<uint8_t, 16> random;
  std::copy(nonce.begin(), nonce.end(), random.begin());
  const WebSocketKey key = websocket_key(random);
  EXPECT_EQ(std::string(key.data(), key.size()), "dGhlIHNhbXBsZSBub25jZQ==");
  std::iota(random.begin(), random.end(), uint8_t(240));
  const WebSocketKey high = websocket_key(random);
  EXPECT_EQ(std::string(high.data(), high.size()), "8PHy8/T19vf4+fr7/P3+/w==");
}

}  // namespace
}  // namespace weir
