// Frames of HTTP/2 as bytes: RFC 9113 4.1, 6, 7. Pure functions, any thread, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

// RFC 9113 7.
enum class H2Error : uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  flow_control_error = 0x3,
  settings_timeout = 0x4,
  stream_closed = 0x5,
  frame_size_error = 0x6,
  refused_stream = 0x7,
  cancel = 0x8,
  compression_error = 0x9,
  connect_error = 0xa,
  enhance_your_calm = 0xb,
  inadequate_security = 0xc,
  http_1_1_required = 0xd,
};

// RFC 9113 6; priority_update is RFC 9218 7.1.
enum class H2FrameType : uint8_t {
  data = 0x0,
  headers = 0x1,
  priority = 0x2,
  rst_stream = 0x3,
  settings = 0x4,
  push_promise = 0x5,
  ping = 0x6,
  goaway = 0x7,
  window_update = 0x8,
  continuation = 0x9,
  priority_update = 0x10,
};

inline constexpr uint8_t kH2EndStream = 0x1;  // of DATA and HEADERS
inline constexpr uint8_t kH2Ack = 0x1;        // of SETTINGS and PING
inline constexpr uint8_t kH2EndHeaders = 0x4;
inline constexpr uint8_t kH2Padded = 0x8;
inline constexpr uint8_t kH2Priority = 0x20;

// RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1.
enum class H2Setting : uint16_t {
  header_table_size = 0x1,
  enable_push = 0x2,
  max_concurrent_streams = 0x3,
  initial_window_size = 0x4,
  max_frame_size = 0x5,
  max_header_list_size = 0x6,
  enable_connect_protocol = 0x8,
  no_rfc7540_priorities = 0x9,
};

inline constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr size_t kH2FrameHeaderSize = 9;
// Of both directions: weir announces no larger size, and sends no larger frame.
inline constexpr size_t kH2FrameSize = 16384;
inline constexpr uint32_t kH2Window = 65535;  // RFC 9113 6.9.2
inline constexpr uint32_t kH2MaxWindow = 0x7fffffff;
inline constexpr uint32_t kH2MaxStreamId = 0x7fffffff;

struct H2FrameHeader {
  uint32_t size = 0;  // of the payload
  H2FrameType type{};
  uint8_t flags = 0;
  uint32_t stream = 0;

  bool has(uint8_t flag) const { return (flags & flag) != 0; }
};

// Where a frame of a type belongs, and the size of its payload (RFC 9113 6, RFC 9218 7.1). A
// PRIORITY frame of another size is the fault of a stream, and not in here.
struct H2FrameRule {
  enum class Place : uint8_t { any, connection, stream };
  Place place = Place::any;
  uint32_t min_size = 0, max_size = kH2FrameSize;
};
H2FrameRule h2_frame_rule(H2FrameType type);

// Big-endian; the reserved bit of a stream id is ignored (RFC 9113 4.1).
H2FrameHeader read_h2_frame_header(const char* bytes);
std::array<char, kH2FrameHeaderSize> write_h2_frame_header(const H2FrameHeader& header);

uint32_t read_u32(const char* bytes);
void write_u32(char* bytes, uint32_t value);

}  // namespace weir
