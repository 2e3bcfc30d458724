#include "http/h2_frame_writer.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace weir {

void H2FrameWriter::write(H2FrameType type, uint8_t flags, uint32_t stream,
                          std::string_view payload) {
  std::array<char, kH2FrameHeaderSize + 8 + kMaxDebug> frame;  // NOLINT: written before read
  DCHECK(payload.size() <= frame.size() - kH2FrameHeaderSize);
  const auto header = write_h2_frame_header({uint32_t(payload.size()), type, flags, stream});
  std::copy(header.begin(), header.end(), frame.begin());
  std::copy(payload.begin(), payload.end(), frame.begin() + kH2FrameHeaderSize);
  append({frame.data(), kH2FrameHeaderSize + payload.size()});
}

void H2FrameWriter::owe(H2ErrorReason reason) {
  ++owed_;
  owed_for_ = reason;
}

void H2FrameWriter::settings_ack() {
  write(H2FrameType::settings, kH2Ack, 0, {});
  owe(H2ErrorReason::flood_settings);
}

void H2FrameWriter::ping(uint64_t opaque) {
  std::array<char, 8> payload{};
  write_u32(payload.data(), uint32_t(opaque >> 32));
  write_u32(payload.data() + 4, uint32_t(opaque));
  write(H2FrameType::ping, 0, 0, {payload.data(), payload.size()});
}

void H2FrameWriter::ping_ack(std::string_view opaque) {
  write(H2FrameType::ping, kH2Ack, 0, opaque);
  owe(H2ErrorReason::flood_ping);
}

void H2FrameWriter::goaway(uint32_t last_stream, H2Error code, std::string_view debug) {
  std::array<char, 8 + kMaxDebug> payload{};
  debug = debug.substr(0, kMaxDebug);
  write_u32(payload.data(), last_stream);
  write_u32(payload.data() + 4, uint32_t(code));
  std::copy(debug.begin(), debug.end(), payload.begin() + 8);
  write(H2FrameType::goaway, 0, 0, {payload.data(), 8 + debug.size()});
}

void H2FrameWriter::window_update(uint32_t stream, uint32_t increment) {
  std::array<char, 4> payload{};
  write_u32(payload.data(), increment);
  write(H2FrameType::window_update, 0, stream, {payload.data(), payload.size()});
}

void H2FrameWriter::rst_stream(uint32_t stream, H2Error code) {
  std::array<char, 4> payload{};
  write_u32(payload.data(), uint32_t(code));
  write(H2FrameType::rst_stream, 0, stream, {payload.data(), payload.size()});
  owe(H2ErrorReason::flood_reset);
}

}  // namespace weir
