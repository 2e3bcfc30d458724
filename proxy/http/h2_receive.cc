#include <algorithm>
#include <utility>

#include "http/h2_receiving.h"

namespace weir {
void H2Connection::receive(std::string_view input, TimePoint now) {
  now_ = now;
  Frames(*this, input).run();
}

void H2Connection::Frames::run() {
  while (!c_.error_ && step()) c_.judge();
  c_.judge();
}

bool H2Connection::Frames::step() {
  switch (r_.part) {
    case Part::preface: return preface();
    case Part::header: return header();
    case Part::padding_size: return padding_size();
    case Part::priority: return priority();
    case Part::data: return Data(*this).bytes();
    case Part::fragment: return Blocks(*this).fragment();
    case Part::settings: return Control(*this).settings();
    case Part::control: return Control(*this).others();
    case Part::skipped: return skipped();
  }
  return false;
}

std::string_view H2Connection::Receiving::take(size_t size) {
  const std::string_view piece = input_.substr(0, size);
  input_.remove_prefix(piece.size());
  return piece;
}

const char* H2Connection::Receiving::item(size_t size) {
  if (r_.kept_size == 0 && input_.size() >= size) return take(size).data();
  const std::string_view piece = take(size - r_.kept_size);
  std::copy(piece.begin(), piece.end(), r_.kept.begin() + r_.kept_size);
  r_.kept_size = uint8_t(r_.kept_size + piece.size());
  if (r_.kept_size < size) return nullptr;
  r_.kept_size = 0;
  return r_.kept.data();
}

// RFC 9113 3.4.
bool H2Connection::Frames::preface() {
  const std::string_view expected = kH2Preface.substr(r_.kept_size, input_.size());
  if (take(expected.size()) != expected) {
    protocol_error("the connection does not begin with the preface of HTTP/2");
    return false;
  }
  r_.kept_size = uint8_t(r_.kept_size + expected.size());
  if (r_.kept_size < kH2Preface.size()) return false;
  r_.kept_size = 0;
  next(Part::header, 0);
  return true;
}

bool H2Connection::Frames::header() {
  const char* const bytes = item(kH2FrameHeaderSize);
  if (bytes == nullptr) return false;
  r_.frame = read_h2_frame_header(bytes);
  r_.padding = 0;
  next(Part::skipped, r_.frame.size);
  if (const char* reason = misplaced()) {
    protocol_error(reason);
  } else if (const char* wrong = wrong_size()) {
    size_error(wrong);
  } else {
    begin();
  }
  return true;
}

// RFC 9113 3.4, 4.3, 6: the reason why this frame may not come here, or null.
const char* H2Connection::Frames::misplaced() const {
  using Place = H2FrameRule::Place;
  const H2FrameHeader& frame = r_.frame;
  const bool settings = frame.type == H2FrameType::settings && !frame.has(kH2Ack);
  if (!c_.peer_.received && !settings) return "the first frame is not SETTINGS";
  const bool continuation = frame.type == H2FrameType::continuation;
  if (c_.block_.open && (!continuation || frame.stream != c_.block_.stream))
    return "a frame within a header block";
  if (!c_.block_.open && continuation) return "CONTINUATION without a header block";
  if (frame.type == H2FrameType::push_promise) return "PUSH_PROMISE is disabled";
  const Place place = h2_frame_rule(frame.type).place;
  if (place == Place::stream && frame.stream == 0) return "a frame of a stream on stream 0";
  if (place == Place::connection && frame.stream != 0)
    return "a frame of the connection on a stream";
  return nullptr;
}

const char* H2Connection::Frames::wrong_size() const {
  const H2FrameHeader& frame = r_.frame;
  if (frame.size > kH2FrameSize) return "a frame is larger than SETTINGS_MAX_FRAME_SIZE";
  const H2FrameRule rule = h2_frame_rule(frame.type);
  if (frame.size < rule.min_size || frame.size > rule.max_size) return "a frame of a wrong size";
  if (frame.type == H2FrameType::settings && frame.has(kH2Ack) && frame.size != 0)
    return "SETTINGS with ACK and a payload";
  if (frame.type == H2FrameType::settings && frame.size % kH2SettingSize != 0)
    return "SETTINGS of a wrong size";
  const bool padded = frame.type == H2FrameType::data || frame.type == H2FrameType::headers;
  size_t least = padded && frame.has(kH2Padded) ? 1 : 0;
  if (frame.type == H2FrameType::headers && frame.has(kH2Priority)) least += kH2PrioritySize;
  return frame.size < least ? "a frame ends before its fields" : nullptr;
}

void H2Connection::Frames::begin() {
  switch (r_.frame.type) {
    case H2FrameType::data: return Data(*this).begin();
    case H2FrameType::headers: return Blocks(*this).begin();
    case H2FrameType::continuation: return Blocks(*this).go_on();
    case H2FrameType::settings: return Control(*this).begin_settings();
    case H2FrameType::priority: return Control(*this).priority();
    case H2FrameType::rst_stream:
    case H2FrameType::ping:
    case H2FrameType::goaway:
    case H2FrameType::window_update:
    case H2FrameType::priority_update: return next(Part::control, r_.frame.size);
    case H2FrameType::push_promise: break;
  }
  spend(Kind::flood_other, H2Cost::kOther);  // RFC 9113 4.1: an unknown frame is ignored
}

// RFC 9113 5.1.
bool H2Connection::Receiving::idle(uint32_t id) const {
  if (id % 2 == 0) return true;  // nothing is pushed
  return c_.role_ == H2Role::server ? id > c_.highest_ : id >= c_.next_id_;
}

// RFC 9113 5.4.2: RST_STREAM for a fault of the peer.
void H2Connection::Receiving::fault(H2StreamState& stream, H2Error code) {
  const uint32_t id = stream.id_;
  c_.detach(stream);
  c_.out_.rst_stream(id, code);
  c_.events_.on_reset(stream, code, false);
  spend(Kind::flood_provoked, H2Cost::kProvoked);
}

void H2Connection::Receiving::end_of_peer(H2StreamState& stream) {
  if (stream.has_length_ && stream.expected_ > 0) return fault(stream, H2Error::protocol_error);
  stream.ended_by_peer_ = true;
  if (stream.ended_) c_.detach(stream);
  c_.events_.on_end(stream);
}

// The padding of DATA and HEADERS, RFC 9113 6.1, 6.2.
bool H2Connection::Frames::padding_size() {
  const char* const byte = item(1);
  if (byte == nullptr) return false;
  r_.padding = static_cast<unsigned char>(*byte);
  const bool headers = r_.frame.type == H2FrameType::headers;
  const bool priority = headers && r_.frame.has(kH2Priority);
  const size_t room = r_.left - 1 - (priority ? kH2PrioritySize : 0);
  if (r_.padding > room) {
    protocol_error("padding is larger than the payload");
    return true;
  }
  const uint32_t left = r_.left - 1 - r_.padding;
  if (headers) {
    next(priority ? Part::priority : Part::fragment, left);
    return true;
  }
  next(Part::data, left);
  if (r_.stream != nullptr) c_.taken(*r_.stream, r_.padding + size_t(1), false);
  Data(*this).know_size();
  return true;
}

// RFC 9113 5.3.2: deprecated, and ignored.
bool H2Connection::Frames::priority() {
  if (item(kH2PrioritySize) == nullptr) return false;
  next(Part::fragment, r_.left - uint32_t(kH2PrioritySize));
  return true;
}

bool H2Connection::Frames::skipped() {
  r_.left -= uint32_t(take(r_.left).size());
  if (r_.left > 0) return false;
  next(Part::header, 0);
  return true;
}

// ---- DATA

// All of the frame counts against the windows, and goes back to the connection's, when its header
// has come: so neither depends on how the input is split.
void H2Connection::Data::begin() {
  const H2FrameHeader& frame = r_.frame;
  if (idle(frame.stream)) return protocol_error("DATA on a stream that has not begun");
  if (!c_.window_.receive(frame.size)) {
    return c_.fail(H2Error::flow_control_error, Kind::flow_control,
                   "more DATA than the window of the connection");
  }
  const bool padded = frame.has(kH2Padded);
  next(padded ? Part::padding_size : Part::data, frame.size);
  H2StreamState* const stream = c_.streams_.find(frame.stream);
  if (stream == nullptr) return begin_stale();
  if (const H2Error code = judge(*stream); code != H2Error::no_error) {
    c_.give_back(frame.size);
    return fault(*stream, code);
  }
  r_.stream = stream;
  if (c_.hold_window_)
    stream->held_ += frame.size;
  else
    c_.give_back(frame.size);
  if (!padded) know_size();
}

// The stream was detached. What its window allowed when that happened may have been under way.
void H2Connection::Data::begin_stale() {
  c_.give_back(r_.frame.size);
  if (r_.frame.size > 0 && r_.frame.size <= c_.stale_)
    c_.stale_ -= r_.frame.size;
  else
    spend(Kind::flood_other, H2Cost::kOther);
}

H2Error H2Connection::Data::judge(H2StreamState& stream) const {
  if (stream.ended_by_peer_) return H2Error::stream_closed;
  if (!stream.head_seen_) return H2Error::protocol_error;  // RFC 9113 8.1
  return stream.window_.receive(r_.frame.size) ? H2Error::no_error : H2Error::flow_control_error;
}

void H2Connection::Data::know_size() {
  if (r_.stream == nullptr) return;
  H2StreamState& stream = *r_.stream;
  if (stream.has_length_) {
    if (r_.left > stream.expected_) return fault(stream, H2Error::protocol_error);
    stream.expected_ -= r_.left;
  }
  if (r_.left == 0 && !r_.frame.has(kH2EndStream)) spend(Kind::flood_empty, H2Cost::kEmptyData);
}

bool H2Connection::Data::bytes() {
  const std::string_view piece = take(r_.left);
  r_.left -= uint32_t(piece.size());
  if (r_.stream != nullptr && !piece.empty()) c_.events_.on_data(*r_.stream, piece);
  if (r_.left > 0) return false;
  next(Part::skipped, r_.padding);
  H2StreamState* const stream = std::exchange(r_.stream, nullptr);
  if (stream != nullptr && !c_.error_ && r_.frame.has(kH2EndStream)) end_of_peer(*stream);
  return true;
}

}  // namespace weir
