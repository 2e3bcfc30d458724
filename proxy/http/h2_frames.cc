#include "http/h2_frames.h"

namespace weir {
namespace {

unsigned h2_octet(const char* byte) {
  return static_cast<unsigned char>(*byte);
}

}  // namespace

uint32_t read_u32(const char* bytes) {
  return h2_octet(bytes) << 24 | h2_octet(bytes + 1) << 16 | h2_octet(bytes + 2) << 8 | h2_octet(bytes + 3);
}

void write_u32(char* bytes, uint32_t value) {
  bytes[0] = char(value >> 24);
  bytes[1] = char(value >> 16);
  bytes[2] = char(value >> 8);
  bytes[3] = char(value);
}

H2FrameHeader read_h2_frame_header(const char* bytes) {
  H2FrameHeader header;
  header.size = h2_octet(bytes) << 16 | h2_octet(bytes + 1) << 8 | h2_octet(bytes + 2);
  header.type = H2FrameType(h2_octet(bytes + 3));
  header.flags = uint8_t(h2_octet(bytes + 4));
  header.stream = read_u32(bytes + 5) & kH2MaxStreamId;
  return header;
}

std::array<char, kH2FrameHeaderSize> write_h2_frame_header(const H2FrameHeader& header) {
  std::array<char, kH2FrameHeaderSize> bytes{};
  bytes[0] = char(header.size >> 16);
  bytes[1] = char(header.size >> 8);
  bytes[2] = char(header.size);
  bytes[3] = char(header.type);
  bytes[4] = char(header.flags);
  write_u32(bytes.data() + 5, header.stream);
  return bytes;
}

H2FrameRule h2_frame_rule(H2FrameType type) {
  using Place = H2FrameRule::Place;
  switch (type) {
    case H2FrameType::data:
    case H2FrameType::headers:
    case H2FrameType::priority:
    case H2FrameType::push_promise:
    case H2FrameType::continuation: return {Place::stream};
    case H2FrameType::rst_stream: return {Place::stream, 4, 4};
    case H2FrameType::settings: return {Place::connection};
    case H2FrameType::ping: return {Place::connection, 8, 8};
    case H2FrameType::goaway: return {Place::connection, 8};
    case H2FrameType::window_update: return {Place::any, 4, 4};
    case H2FrameType::priority_update: return {Place::connection, 4};
  }
  return {};
}

}  // namespace weir
