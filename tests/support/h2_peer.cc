#include "support/h2_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "http/hpack_writer.h"

namespace weir::test {
namespace {

H2Peer::Stream& stream_of(H2StreamState& state) {
  return static_cast<H2Peer::Stream&>(state);
}

}  // namespace

std::string H2Peer::Stream::find(const H2FieldList& in, std::string_view name) {
  for (const auto& [key, value] : in)
    if (key == name) return value;
  return {};
}

// Its patience is that for many clients: no test is about it. Small frames leave at once, as a test
// expects that counts turns.
H2Peer::H2Peer(Socket socket, bool begins)
    : connection(H2Role::client, *this, *this), socket_(std::move(socket)) {
  const int on = 1;
  ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (begins) connection.start({}, now(), 1000);
}

H2Peer::~H2Peer() {
  connection.streams().for_each([this](H2StreamState& stream) { connection.detach(stream); });
}

TimePoint H2Peer::now() {
  return now_ += 1ms;
}

void H2Peer::step() {
  if (!socket_) return;
  char bytes[16 * 1024];
  while (reads && socket_.end() == Socket::End::open) {
    const size_t n = socket_.receive_some(bytes, sizeof bytes);
    if (n == 0) break;
    connection.receive({bytes, n}, now());
  }
  for (auto next = sending_.begin(); next != sending_.end();)
    next = send_some(*streams_.at(*next)) ? std::next(next) : sending_.erase(next);
  while (!output_.empty()) {
    const size_t n = socket_.send_some(output_);
    if (n == 0) return;
    output_.erase(0, n);
  }
  connection.note_flushed();
}

// False: nothing is left that could be sent later.
bool H2Peer::send_some(Stream& stream) {
  while (stream.attached() && !stream.unsent.empty()) {
    const size_t n = std::min(stream.unsent.size(), connection.sendable(stream));
    if (n == 0) return true;
    const bool last = n == stream.unsent.size() && stream.ends && stream.last_fields.empty();
    send_frame(H2FrameType::data, last ? kH2EndStream : uint8_t{0}, stream.id(),
               std::string_view(stream.unsent).substr(0, n));
    connection.sent_data(stream, n);
    stream.unsent.erase(0, n);
    if (!last) continue;
    stream.ends = false;
    connection.sent_end(stream);
  }
  if (!stream.attached() || !std::exchange(stream.ends, false)) return false;
  if (stream.last_fields.empty())
    connection.send_end(stream);
  else
    connection.send_fields(stream, block_of(stream.last_fields), true);
  return false;
}

std::string H2Peer::block_of(const H2FieldList& fields) {
  std::vector<char> memory(256 * 1024);
  HpackWriter block(memory);
  for (const auto& [name, value] : fields) {
    const PseudoField pseudo = pseudo_field(name);
    if (pseudo != PseudoField::none)
      block.pseudo_field(pseudo, value);
    else
      block.field(name, value);
  }
  CHECK(block.ok());
  return std::string(block.block());
}

H2FieldList H2Peer::request_fields(const std::string& method, const std::string& path,
                                   const H2FieldList& fields) {
  H2FieldList all = {
      {":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "example.com"}};
  all.insert(all.end(), fields.begin(), fields.end());
  return all;
}

uint32_t H2Peer::ask(const std::string& method, const std::string& path, const H2FieldList& fields,
                     bool end) {
  return send_head(request_fields(method, path, fields), end);
}

uint32_t H2Peer::post(const std::string& path, const std::string& body, H2FieldList fields) {
  fields.emplace_back("content-length", std::to_string(body.size()));
  const uint32_t id = ask("POST", path, fields, false);
  send_data(id, body, true);
  return id;
}

uint32_t H2Peer::send_head(const H2FieldList& fields, bool end) {
  auto stream = std::make_unique<Stream>();
  CHECK(connection.open(*stream));
  const uint32_t id = stream->id();
  connection.send_fields(*stream, block_of(fields), end);
  streams_.emplace(id, std::move(stream));
  return id;
}

void H2Peer::send_data(uint32_t id, std::string_view data, bool end) {
  Stream& stream = *streams_.at(id);
  stream.unsent += data;
  stream.ends |= end;
  if (send_some(stream)) sending_.insert(id);
}

void H2Peer::send_end(uint32_t id, const H2FieldList& trailers) {
  streams_.at(id)->last_fields = trailers;
  send_data(id, {}, true);
}

void H2Peer::reset(uint32_t id, H2Error code) {
  Stream& stream = *streams_.at(id);
  if (stream.attached()) connection.reset(stream, code);
  sending_.erase(id);
}

void H2Peer::update_priority(uint32_t id, std::string_view value) {
  char bytes[4];
  write_u32(bytes, id);
  send_frame(H2FrameType::priority_update, 0, 0, std::string(bytes, 4).append(value));
}

void H2Peer::send_frame(H2FrameType type, uint8_t flags, uint32_t stream,
                        std::string_view payload) {
  const auto header = write_h2_frame_header({uint32_t(payload.size()), type, flags, stream});
  output_.append(header.data(), header.size()).append(payload);
}

void H2Peer::open_windows(uint32_t bytes) {
  char setting[6] = {0, char(H2Setting::initial_window_size)};
  write_u32(setting + 2, bytes);
  send_frame(H2FrameType::settings, 0, 0, {setting, sizeof setting});
  char increment[4];
  write_u32(increment, bytes);
  send_frame(H2FrameType::window_update, 0, 0, {increment, sizeof increment});
}

void H2Peer::take(uint32_t id) {
  Stream& stream = *streams_.at(id);
  stream.takes = true;
  if (stream.untaken > 0) connection.taken(stream, std::exchange(stream.untaken, 0), false);
}

size_t H2Peer::over() const {
  return size_t(std::count_if(streams_.begin(), streams_.end(),
                              [](const auto& entry) { return entry.second->over(); }));
}

// ---- what comes

H2FieldTarget H2Peer::on_fields(H2StreamState&, H2Fields) {
  received_.clear();
  return {this, memory_, memory_.size()};
}

void H2Peer::on_field(const HpackField& field) {
  received_.emplace_back(field.name, field.value);
}

void H2Peer::on_fields_end(H2StreamState& state, H2Fields kind, const HpackOutcome&, bool) {
  Stream& stream = stream_of(state);
  if (kind == H2Fields::trailers) return void(stream.trailers = received_);
  unsigned status = 0;
  if (!received_.empty() && received_.front().first == ":status") {
    const std::string& text = received_.front().second;
    std::from_chars(text.data(), text.data() + text.size(), status);
    received_.erase(received_.begin());
  }
  if (status >= 100 && status < 200) {
    stream.interim.push_back(status);
    stream.interim_fields = received_;
    return;
  }
  stream.status = status;
  stream.fields = received_;
  stream.expect_trailers();
}

void H2Peer::on_data(H2StreamState& state, std::string_view data) {
  Stream& stream = stream_of(state);
  stream.body += data;
  if (stream.takes)
    connection.taken(stream, data.size(), false);
  else
    stream.untaken += data.size();
}

void H2Peer::on_end(H2StreamState& state) {
  stream_of(state).whole = true;
}

void H2Peer::on_reset(H2StreamState& state, H2Error code, bool) {
  stream_of(state).reset = code;
}

void H2Peer::on_goaway(uint32_t last, H2Error code, std::string_view debug) {
  goaways.push_back({last, code, std::string(debug)});
}

}  // namespace weir::test
