// SETTINGS, and the frames that weir reads at once.
#include <algorithm>
#include <utility>

#include "http/h2_receiving.h"

namespace weir {
namespace {

constexpr uint32_t kGoawaySize = 8;          // without debug data
constexpr uint32_t kMaxDebugKept = 64;       // of a GOAWAY
constexpr uint32_t kPriorityUpdateSize = 4;  // without the value
constexpr uint32_t kMaxPriorityValue = 64;   // a PRIORITY_UPDATE with a longer one is ignored
constexpr uint32_t kMaxFrameSizeSetting = (1 << 24) - 1;

}  // namespace

// ---- SETTINGS, RFC 9113 6.5

void H2Connection::Control::begin_settings() {
  if (r_.frame.has(kH2Ack)) {
    if (c_.pending_.settings > 0)
      --c_.pending_.settings;
    else
      spend(Kind::flood_other, H2Cost::kOther);
    return;
  }
  if (r_.frame.size > kMaxSettings * kH2SettingSize) {
    return c_.fail(H2Error::enhance_your_calm, Kind::flood_settings,
                   "too many settings in one frame");
  }
  c_.pending_.initial_window = c_.peer_.initial_window;
  next(Part::settings, r_.frame.size);
}

bool H2Connection::Control::settings() {
  if (r_.left == 0) {
    next(Part::skipped, 0);
    end_settings();
    return true;
  }
  const char* const bytes = item(kH2SettingSize);
  if (bytes == nullptr) return false;
  r_.left -= uint32_t(kH2SettingSize);
  const uint32_t id = read_u32(bytes) >> 16;
  apply(H2Setting(id), read_u32(bytes + 2));
  return true;
}

void H2Connection::Control::apply(H2Setting setting, uint32_t value) {
  H2PeerSettings& peer = c_.peer_;
  switch (setting) {
    case H2Setting::header_table_size: return;  // weir refers to no dynamic table
    case H2Setting::enable_push:
      if (value > (c_.role_ == H2Role::server ? 1 : 0)) protocol_error("SETTINGS_ENABLE_PUSH");
      return;
    case H2Setting::max_concurrent_streams: peer.max_streams = value; return;
    case H2Setting::initial_window_size:
      c_.pending_.initial_window = value;
      if (value > kH2MaxWindow) window_overflow("SETTINGS_INITIAL_WINDOW_SIZE is too large");
      return;
    case H2Setting::max_frame_size:
      if (value < kH2FrameSize || value > kMaxFrameSizeSetting)
        protocol_error("SETTINGS_MAX_FRAME_SIZE is out of range");
      return;
    case H2Setting::max_header_list_size: peer.max_header_list = value; return;
    case H2Setting::enable_connect_protocol:  // RFC 8441 3: it cannot be taken back
      if (value > 1 || (value == 0 && peer.connect_protocol))
        protocol_error("SETTINGS_ENABLE_CONNECT_PROTOCOL");
      peer.connect_protocol = value == 1;
      return;
    case H2Setting::no_rfc7540_priorities:  // RFC 9218 2.1
      if (value > 1) protocol_error("SETTINGS_NO_RFC7540_PRIORITIES");
      return;
  }
}

// RFC 9113 6.9.2. False: a window became too large.
bool H2Connection::Control::change_initial_window(uint32_t value) {
  const int64_t change = int64_t(value) - c_.peer_.initial_window;
  c_.peer_.initial_window = value;
  if (change == 0) return true;
  bool ok = true;
  c_.streams_.for_each([&](H2StreamState& stream) {
    const int64_t window = stream.send_window_ + change;
    if (window > int64_t(kH2MaxWindow)) {
      ok = false;
      return;
    }
    stream.window_opened_ = stream.send_window_ <= 0 && window > 0 && !stream.ended_;
    stream.send_window_ = int32_t(window);
  });
  return ok;
}

void H2Connection::Control::end_settings() {
  if (!change_initial_window(c_.pending_.initial_window))
    return window_overflow("SETTINGS_INITIAL_WINDOW_SIZE makes a window too large");
  c_.peer_.received = true;
  c_.out_.settings_ack();
  spend(Kind::flood_settings, H2Cost::kSettings);
  c_.events_.on_settings();
  c_.streams_.for_each([this](H2StreamState& stream) {
    if (std::exchange(stream.window_opened_, false) && !c_.error_) c_.events_.on_window(stream);
  });
}

// ---- the others

bool H2Connection::Control::others() {
  uint32_t size = r_.left;
  if (r_.frame.type == H2FrameType::goaway) size = std::min(size, kGoawaySize + kMaxDebugKept);
  if (r_.frame.type == H2FrameType::priority_update)
    size = std::min(size, kPriorityUpdateSize + kMaxPriorityValue);
  const char* const bytes = item(size);
  if (bytes == nullptr) return false;
  next(Part::skipped, r_.left - size);
  const std::string_view payload(bytes, size);
  switch (r_.frame.type) {
    case H2FrameType::rst_stream: reset(H2Error(read_u32(bytes))); break;
    case H2FrameType::window_update: window_update(read_u32(bytes) & kH2MaxWindow); break;
    case H2FrameType::ping: ping(payload); break;
    case H2FrameType::goaway: goaway(payload); break;
    case H2FrameType::priority_update: priority_update(payload); break;
    case H2FrameType::data:
    case H2FrameType::headers:
    case H2FrameType::priority:
    case H2FrameType::settings:
    case H2FrameType::push_promise:
    case H2FrameType::continuation: CHECK_UNREACHABLE();
  }
  return true;
}

// RFC 9113 6.3, 5.3.2: checked for its form, and ignored.
void H2Connection::Control::priority() {
  if (r_.frame.size == kH2PrioritySize) return spend(Kind::flood_other, H2Cost::kOther);
  H2StreamState* const stream = c_.streams_.find(r_.frame.stream);
  if (stream != nullptr) return fault(*stream, H2Error::frame_size_error);
  spend(Kind::flood_provoked, H2Cost::kProvoked);
}

// RFC 9113 6.4.
void H2Connection::Control::reset(H2Error code) {
  if (idle(r_.frame.stream)) return protocol_error("RST_STREAM on a stream that has not begun");
  H2StreamState* const stream = c_.streams_.find(r_.frame.stream);
  if (stream == nullptr) return spend(Kind::flood_other, H2Cost::kOther);
  const bool answered = c_.role_ == H2Role::server ? stream->ended_ : stream->ended_by_peer_;
  const uint64_t stale = c_.stale_;
  c_.detach(*stream);
  c_.stale_ = stale;  // the peer sends no more
  c_.events_.on_reset(*stream, code, true);
  if (!answered) spend(Kind::flood_reset, H2Cost::kReset);
}

// RFC 9113 6.9, 6.9.1.
void H2Connection::Control::window_update(uint32_t increment) {
  if (r_.frame.stream == 0) return connection_window_update(increment);
  if (idle(r_.frame.stream)) return protocol_error("WINDOW_UPDATE on a stream that has not begun");
  c_.patience_.spend_update(c_.now_);
  H2StreamState* const stream = c_.streams_.find(r_.frame.stream);
  if (stream == nullptr) return;
  if (increment == 0) return fault(*stream, H2Error::protocol_error);
  const int64_t before = stream->send_window_;
  if (before + increment > int64_t(kH2MaxWindow))
    return fault(*stream, H2Error::flow_control_error);
  stream->send_window_ = int32_t(before + increment);
  if (before <= 0 && stream->send_window_ > 0 && !stream->ended_) c_.events_.on_window(*stream);
}

void H2Connection::Control::connection_window_update(uint32_t increment) {
  if (increment == 0) return protocol_error("WINDOW_UPDATE of 0");
  c_.patience_.spend_update(c_.now_);
  const int64_t before = c_.send_window_;
  if (before + increment > int64_t(kH2MaxWindow))
    return window_overflow("WINDOW_UPDATE makes the window of the connection too large");
  c_.send_window_ += increment;
  if (before <= 0) c_.events_.on_connection_window();
}

// RFC 9113 6.7.
void H2Connection::Control::ping(std::string_view payload) {
  if (!r_.frame.has(kH2Ack)) {
    c_.out_.ping_ack(payload);
    return spend(Kind::flood_ping, H2Cost::kPing);
  }
  if (c_.pending_.pings == 0) return spend(Kind::flood_other, H2Cost::kOther);
  --c_.pending_.pings;
  const uint64_t high = read_u32(payload.data());
  c_.events_.on_ping_ack(high << 32 | read_u32(payload.data() + 4));
}

// RFC 9113 6.8: the id does not rise.
void H2Connection::Control::goaway(std::string_view payload) {
  const uint32_t last = read_u32(payload.data()) & kH2MaxStreamId;
  const H2Error code = H2Error(read_u32(payload.data() + 4));
  c_.peer_last_ = std::min(last, c_.peer_last_.value_or(kH2MaxStreamId));
  spend(Kind::flood_other, H2Cost::kOther);
  c_.events_.on_goaway(*c_.peer_last_, code, payload.substr(kGoawaySize));
}

// RFC 9218 7.1.
void H2Connection::Control::priority_update(std::string_view payload) {
  const uint32_t id = read_u32(payload.data()) & kH2MaxStreamId;
  if (c_.role_ == H2Role::client) return protocol_error("PRIORITY_UPDATE of a server");
  if (id % 2 == 0) return protocol_error("PRIORITY_UPDATE for a stream with an even id");
  spend(Kind::flood_other, H2Cost::kOther);
  if (r_.frame.size > kPriorityUpdateSize + kMaxPriorityValue) return;
  if (idle(id) || attached(id)) c_.events_.on_priority(id, payload.substr(kPriorityUpdateSize));
}

}  // namespace weir
