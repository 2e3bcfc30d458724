// Frames of HTTP/2 as a peer writes them, and written frames as text.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h2_frames.h"

namespace weir::h2test {

inline std::string u32(uint32_t value) {
  std::string bytes(4, '\0');
  write_u32(bytes.data(), value);
  return bytes;
}

inline std::string frame(H2FrameType type, uint8_t flags, uint32_t stream,
                         std::string_view payload = {}) {
  const auto header = write_h2_frame_header({uint32_t(payload.size()), type, flags, stream});
  return std::string(header.begin(), header.end()).append(payload);
}

inline std::string settings(std::initializer_list<std::pair<unsigned, uint32_t>> values = {}) {
  std::string payload;
  for (const auto& [setting, value] : values) {
    payload += char(setting >> 8);
    payload += char(setting);
    payload += u32(value);
  }
  return frame(H2FrameType::settings, 0, 0, payload);
}
inline std::string settings_ack() {
  return frame(H2FrameType::settings, kH2Ack, 0);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

// Every field as a literal without indexing.
inline std::string block(const Fields& fields) {
  std::string bytes;
  for (const auto& [name, value] : fields) {
    EXPECT_TRUE(name.size() < 127 && value.size() < 127);
    bytes.append(1, '\0').append(1, char(name.size())).append(name);
    bytes.append(1, char(value.size())).append(value);
  }
  return bytes;
}

inline Fields get(const std::string& path = "/") {
  return {{":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", "a"}};
}

inline constexpr uint8_t kEnd = kH2EndStream;

inline std::string headers(uint32_t stream, const Fields& fields, uint8_t flags = kEnd) {
  return frame(H2FrameType::headers, flags | kH2EndHeaders, stream, block(fields));
}
inline std::string data(uint32_t stream, std::string_view bytes, uint8_t flags = 0) {
  return frame(H2FrameType::data, flags, stream, bytes);
}
inline std::string padded(uint32_t stream, std::string_view bytes, uint8_t padding,
                          uint8_t flags = 0) {
  std::string payload(1, char(padding));
  payload.append(bytes).append(padding, '\0');
  return frame(H2FrameType::data, flags | kH2Padded, stream, payload);
}
inline std::string rst(uint32_t stream, H2Error code = H2Error::cancel) {
  return frame(H2FrameType::rst_stream, 0, stream, u32(uint32_t(code)));
}
inline std::string window_update(uint32_t stream, uint32_t increment) {
  return frame(H2FrameType::window_update, 0, stream, u32(increment));
}
inline std::string ping(std::string_view opaque = "12345678", uint8_t flags = 0) {
  return frame(H2FrameType::ping, flags, 0, opaque);
}
inline std::string goaway(uint32_t last, H2Error code, std::string_view debug = {}) {
  return frame(H2FrameType::goaway, 0, 0, u32(last) + u32(uint32_t(code)) + std::string(debug));
}
inline std::string repeat(std::string_view bytes, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += bytes;
  return all;
}

inline std::string code_name(H2Error code) {
  static const std::array<const char*, 14> names = {"NO_ERROR",
                                                    "PROTOCOL_ERROR",
                                                    "INTERNAL_ERROR",
                                                    "FLOW_CONTROL_ERROR",
                                                    "SETTINGS_TIMEOUT",
                                                    "STREAM_CLOSED",
                                                    "FRAME_SIZE_ERROR",
                                                    "REFUSED_STREAM",
                                                    "CANCEL",
                                                    "COMPRESSION_ERROR",
                                                    "CONNECT_ERROR",
                                                    "ENHANCE_YOUR_CALM",
                                                    "INADEQUATE_SECURITY",
                                                    "HTTP_1_1_REQUIRED"};
  return size_t(code) < names.size() ? names[size_t(code)] : std::to_string(uint32_t(code));
}

// The frames in `bytes` as text.
inline std::string frames_as_text(std::string_view bytes) {
  std::string text;
  while (bytes.size() >= kH2FrameHeaderSize) {
    const H2FrameHeader header = read_h2_frame_header(bytes.data());
    const std::string_view payload = bytes.substr(kH2FrameHeaderSize, header.size);
    EXPECT_EQ(payload.size(), header.size) << "a frame is cut";
    bytes.remove_prefix(kH2FrameHeaderSize + payload.size());
    const std::string id = " " + std::to_string(header.stream);
    const std::string ack = header.has(kH2Ack) ? " ACK" : "";
    const std::string end = header.has(kH2EndStream) ? " END_STREAM" : "";
    switch (header.type) {
      case H2FrameType::data: text += "DATA" + id + ": " + std::to_string(header.size) + end; break;
      case H2FrameType::headers: text += "HEADERS" + id + ": " + std::string(payload) + end; break;
      case H2FrameType::continuation: text += "CONTINUATION" + id; break;
      case H2FrameType::rst_stream:
        text += "RST_STREAM" + id + ": " + code_name(H2Error(read_u32(payload.data())));
        break;
      case H2FrameType::settings: {
        text += "SETTINGS" + ack;
        for (size_t at = 0; at + 6 <= payload.size(); at += 6) {
          text += " " + std::to_string(read_u32(payload.data() + at) >> 16) + "=" +
                  std::to_string(read_u32(payload.data() + at + 2));
        }
        break;
      }
      case H2FrameType::ping: text += "PING" + ack + ": " + std::string(payload); break;
      case H2FrameType::goaway:
        text += "GOAWAY " + std::to_string(read_u32(payload.data())) + ": " +
                code_name(H2Error(read_u32(payload.data() + 4)));
        break;
      case H2FrameType::window_update:
        text += "WINDOW_UPDATE" + id + ": " + std::to_string(read_u32(payload.data()));
        break;
      case H2FrameType::priority:
      case H2FrameType::push_promise:
      case H2FrameType::priority_update: text += "?"; break;
    }
    text += "\n";
  }
  EXPECT_TRUE(bytes.empty()) << "a frame header is cut";
  return text;
}

}  // namespace weir::h2test
