// The keys of the WebSocket handshake of HTTP/1, RFC 6455 4: HTTP/2 has none (RFC 8441 5), so weir
// makes and answers them where the versions of its two sides differ. Pure functions, any thread, no
// allocation.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir {

using WebSocketKey = std::array<char, 24>;
using WebSocketAccept = std::array<char, 28>;

// Sec-WebSocket-Key, of 16 random bytes.
WebSocketKey websocket_key(std::span<const uint8_t, 16> random);
// Sec-WebSocket-Accept for a Sec-WebSocket-Key: RFC 6455 4.2.2.
WebSocketAccept accept_for(std::string_view key);

}  // namespace weir
