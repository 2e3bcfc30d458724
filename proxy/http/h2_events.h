// H2Events: what an H2Connection tells its owner; the settings of both sides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/h2_frames.h"
#include "http/h2_streams.h"
#include "http/hpack_decoder.h"

namespace weir {

enum class H2Fields : uint8_t { head, trailers };

// Where the fields of a block go. Without a sink they are only decoded.
struct H2FieldTarget {
  HpackSink* sink = nullptr;
  std::span<char> memory{};
  size_t limit = 0;
};

// None is called after the connection has failed.
class H2Events {
 public:
  // Server: HEADERS begin a stream. Null: it is refused with REFUSED_STREAM.
  virtual H2StreamState* on_new_stream(uint32_t id) = 0;
  // A block of fields is complete, and is decoded between these two calls.
  virtual H2FieldTarget on_fields(H2StreamState& stream, H2Fields kind) = 0;
  // `end`: it has END_STREAM; on_end() follows, unless the stream is detached in this call. A block
  // that ends the connection is not reported.
  virtual void on_fields_end(H2StreamState& stream, H2Fields kind, const HpackOutcome& outcome,
                             bool end) = 0;
  // Bytes of the body, part of the input. Not empty. They count against the stream's window until
  // taken().
  virtual void on_data(H2StreamState& stream, std::string_view data) = 0;
  // The peer sends nothing more. If weir has ended the stream as well, it is detached already.
  virtual void on_end(H2StreamState& stream) = 0;
  // The stream is over before its end: RST_STREAM of the peer, or its fault, for which RST_STREAM
  // has been written. It is detached already.
  virtual void on_reset(H2StreamState& stream, H2Error code, bool by_peer) = 0;
  // There was no room in the stream's window or in that of the connection, and now there is.
  virtual void on_window(H2StreamState& stream) = 0;
  virtual void on_connection_window() = 0;
  virtual void on_settings() = 0;  // of the peer; see peer()
  virtual void on_goaway(uint32_t last_stream, H2Error code, std::string_view debug) = 0;
  virtual void on_ping_ack(uint64_t opaque) = 0;
  // PRIORITY_UPDATE (RFC 9218 7.1) for a stream that may not have begun.
  virtual void on_priority(uint32_t stream, std::string_view value) = 0;

 protected:
  ~H2Events() = default;
};

// What weir announces. Other settings keep their defaults (RFC 9113 6.5.2); a client sends
// ENABLE_PUSH 0, a server NO_RFC7540_PRIORITIES 1.
struct H2OwnSettings {
  uint32_t max_streams = 100;  // servers only
  uint32_t max_header_list = 32 * 1024;
  bool connect_protocol = false;  // servers only; RFC 8441 3
  uint32_t connection_window = 256 * 1024;
};

struct H2PeerSettings {
  uint32_t max_streams = UINT32_MAX;
  uint32_t initial_window = kH2Window;
  uint32_t max_header_list = UINT32_MAX;
  bool connect_protocol = false;
  bool received = false;  // the first SETTINGS
};

}  // namespace weir
