#include "http/h2_connection.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace weir {
namespace {

std::string_view bytes_of(std::span<const char> bytes) {
  return {bytes.data(), bytes.size()};
}

// The payload of SETTINGS.
class SettingsPayload {
 public:
  void add(H2Setting setting, uint32_t value) {
    bytes_[size_] = char(uint16_t(setting) >> 8);
    bytes_[size_ + 1] = char(setting);
    write_u32(bytes_.data() + size_ + 2, value);
    size_ += 6;
  }
  std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 4 * 6> bytes_{};
  size_t size_ = 0;
};

const char* flood_text(H2ErrorReason reason) {
  switch (reason) {
    case H2ErrorReason::flood_reset: return "too many streams are reset";
    case H2ErrorReason::flood_provoked: return "too many faults of streams";
    case H2ErrorReason::flood_refused: return "too many streams above the limit";
    case H2ErrorReason::flood_header: return "too many empty CONTINUATION frames";
    case H2ErrorReason::flood_ping: return "too many PING frames";
    case H2ErrorReason::flood_settings: return "too many SETTINGS frames";
    case H2ErrorReason::flood_empty: return "too many empty DATA frames";
    case H2ErrorReason::flood_other: return "too many frames without effect";
    case H2ErrorReason::protocol:
    case H2ErrorReason::frame_size:
    case H2ErrorReason::compression:
    case H2ErrorReason::flow_control:
    case H2ErrorReason::inadequate_security: break;
  }
  return "";
}

}  // namespace

H2Connection::H2Connection(H2Role role, H2Events& events, H2Output& output)
    : role_(role), events_(events), out_(output) {
  if (role == H2Role::server) reading_.part = Reading::Part::preface;
}

void H2Connection::start(const H2OwnSettings& settings, TimePoint now, unsigned patience) {
  own_ = settings;
  now_ = now;
  patience_.start(now, patience);
  SettingsPayload payload;
  if (role_ == H2Role::client) {
    out_.append(kH2Preface);
    payload.add(H2Setting::enable_push, 0);
  } else {
    payload.add(H2Setting::max_concurrent_streams, own_.max_streams);
    payload.add(H2Setting::no_rfc7540_priorities, 1);
    if (own_.connect_protocol) payload.add(H2Setting::enable_connect_protocol, 1);
  }
  payload.add(H2Setting::max_header_list_size, own_.max_header_list);
  out_.write(H2FrameType::settings, 0, 0, payload.bytes());
  pending_.settings = 1;
  window_ = H2ReceiveWindow(std::max(own_.connection_window, kH2Window));
  if (const uint32_t more = window_.size() - kH2Window; more > 0) out_.window_update(0, more);
}

void H2Connection::judge() {
  if (patience_.exhausted())
    fail(H2Error::enhance_your_calm, patience_.most(), flood_text(patience_.most()));
  if (out_.owed() > kMaxOwed)
    fail(H2Error::enhance_your_calm, out_.owed_for(), flood_text(out_.owed_for()));
}

// ---- streams

bool H2Connection::open(H2StreamState& stream) {
  DCHECK(role_ == H2Role::client);
  if (error_ || left_ || peer_last_ || next_id_ > kH2MaxStreamId) return false;
  stream.begin(peer_.initial_window);
  streams_.insert(stream, next_id_);
  next_id_ += 2;
  return true;
}

void H2Connection::send_fields(H2StreamState& stream, std::string_view block, bool end) {
  if (error_ || !stream.attached_) return;
  DCHECK(!stream.ended_);
  H2FrameHeader header{0, H2FrameType::headers, end ? kH2EndStream : uint8_t{0}, stream.id_};
  do {
    const std::string_view fragment = block.substr(0, kH2FrameSize);
    block.remove_prefix(fragment.size());
    header.size = uint32_t(fragment.size());
    if (block.empty()) header.flags |= kH2EndHeaders;
    out_.append(bytes_of(write_h2_frame_header(header)));
    if (!fragment.empty()) out_.append(fragment);
    header.type = H2FrameType::continuation;
    header.flags = 0;
  } while (!block.empty());
  patience_.earn_fields();
  if (end) sent_end(stream);
}

size_t H2Connection::sendable(const H2StreamState& stream) const {
  if (error_ || !stream.attached_ || stream.ended_) return 0;
  const int64_t window = std::min<int64_t>(send_window_, stream.send_window_);
  return size_t(std::clamp<int64_t>(window, 0, kH2FrameSize));
}

void H2Connection::sent_data(H2StreamState& stream, size_t bytes) {
  if (error_ || !stream.attached_) return;
  DCHECK(bytes <= sendable(stream));
  send_window_ -= int64_t(bytes);
  stream.send_window_ -= int32_t(bytes);
  patience_.earn_data();
}

void H2Connection::sent_end(H2StreamState& stream) {
  if (!stream.attached_) return;
  stream.ended_ = true;
  if (stream.ended_by_peer_) detach(stream);
}

void H2Connection::send_end(H2StreamState& stream) {
  if (error_ || !stream.attached_) return;
  DCHECK(!stream.ended_);
  out_.write(H2FrameType::data, kH2EndStream, stream.id_, {});
  patience_.earn_data();
  sent_end(stream);
}

void H2Connection::reset(H2StreamState& stream, H2Error code, bool fault) {
  if (!stream.attached_) return;
  const uint32_t id = stream.id_;
  detach(stream);
  if (error_) return;
  out_.rst_stream(id, code);
  if (fault) patience_.spend(H2ErrorReason::flood_provoked, H2Cost::kProvoked, now_);
  judge();
}

void H2Connection::detach(H2StreamState& stream) {
  if (!stream.attached_) return;
  if (reading_.stream == &stream) reading_.stream = nullptr;
  if (!stream.ended_by_peer_) stale_ += stream.window_.open();
  streams_.erase(stream);
  give_back(std::exchange(stream.held_, 0));
}

// ---- windows

void H2Connection::taken(H2StreamState& stream, size_t bytes, bool blocked) {
  if (!stream.attached_) return;  // detach() has given everything back
  H2ReceiveWindow& window = stream.window_;
  const uint32_t count = uint32_t(bytes);
  const uint32_t not_held = window.untaken() - stream.held_;
  window.take(count, blocked);
  if (count > not_held) {
    stream.held_ -= count - not_held;
    give_back(count - not_held);
  }
  if (error_ || stream.ended_by_peer_) return;
  if (const uint32_t update = window.take_update(kMaxStreamWindow); update > 0)
    out_.window_update(stream.id_, update);
}

void H2Connection::hold_window(bool hold) {
  hold_window_ = hold;
  if (hold) return;
  uint32_t held = 0;
  streams_.for_each([&held](H2StreamState& stream) { held += std::exchange(stream.held_, 0); });
  give_back(held);
}

void H2Connection::give_back(uint32_t bytes) {
  window_.take(bytes);
  if (error_) return;
  if (const uint32_t update = window_.take_update(window_.size()); update > 0)
    out_.window_update(0, update);
}

// ---- the connection

void H2Connection::send_ping(uint64_t opaque) {
  if (error_) return;
  out_.ping(opaque);
  ++pending_.pings;
}

void H2Connection::announce_leaving() {
  if (error_ || left_) return;
  // The ids that a client announces are those of the server's streams, of which there are none.
  out_.goaway(role_ == H2Role::server ? kH2MaxStreamId : 0, H2Error::no_error, {});
  send_ping(kLeavingPing);
}

void H2Connection::leave(H2Error code, std::string_view debug) {
  if (left_) return;
  left_ = true;
  out_.goaway(last_stream_, code, debug);
}

void H2Connection::fail(H2Error code, H2ErrorReason counted, const char* reason) {
  if (error_) return;
  left_ = false;  // a GOAWAY with an error follows one without
  leave(code, reason);
  error_ = {code, counted, reason};
}

}  // namespace weir
