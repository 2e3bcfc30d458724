// Any bytes as the peer of an HTTP/2 connection, behind the preface. The first byte selects the
// role, the second what the owner does, the third the pieces of the input. The windows add up,
// memory is bounded, no event comes behind the end of a stream or of the connection, and the frames
// that weir writes are whole.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "http/h2_connection.h"

namespace {

using namespace weir;

constexpr uint64_t kConnectionWindow = 256 * 1024;

struct Stream final : H2StreamState {
  bool over = false;  // no event may follow
  uint64_t given = kH2Window;
  uint64_t received = 0, taken = 0;  // bytes of the body
};

// The owner of a connection. What it does in an event depends on the bits of `choices`.
class Owner final : H2Events, H2Output, HpackSink {
 public:
  Owner(H2Role role, unsigned choices)
      : role_(role), choices_(choices), connection_(role, *this, *this) {
    connection_.start({}, now_, 1 + choices % 3);
    if (role == H2Role::client) {
      for (int i = 0; i < 4; ++i) open();
    }
  }
  ~Owner() {
    for (auto& [id, stream] : streams_) connection_.detach(*stream);
    CHECK(connection_.streams().empty());
  }

  void receive(std::string_view bytes) {
    const std::vector<char> copy(bytes.begin(), bytes.end());
    connection_.receive({copy.data(), copy.size()}, now_);
    if (chosen(0)) connection_.note_flushed();
    if (chosen(1)) now_ += 10ms;
    for (auto& [id, stream] : streams_) act(*stream);
    check();
  }

 private:
  bool chosen(unsigned bit) const { return (choices_ >> bit & 1) != 0; }

  void open() {
    auto stream = std::make_unique<Stream>();
    if (!connection_.open(*stream)) return;
    Stream& opened = *stream;
    streams_[opened.id()] = std::move(stream);
    connection_.send_fields(opened, "\x82", opened.id() % 4 == 1);
  }

  // Bodies of any size, so that the windows run dry.
  void act(Stream& stream) {
    if (stream.over || !stream.attached()) return;
    for (size_t i = 0; i < 8 && chosen(2) && !stream.ended(); ++i) {
      const size_t bytes = connection_.sendable(stream);
      if (bytes == 0) break;
      CHECK(bytes <= kH2FrameSize);
      connection_.sent_data(stream, bytes);
    }
    if (chosen(3)) take(stream, (stream.received - stream.taken) / 2, true);
    if (chosen(5) && stream.attached() && !stream.ended() && stream.ended_by_peer()) {
      connection_.send_end(stream);
      stream.over = true;
    }
  }

  void take(Stream& stream, uint64_t bytes, bool blocked) {
    stream.taken += bytes;
    connection_.taken(stream, bytes, blocked);
  }

  void check() {
    CHECK(frames_.size() < kH2FrameHeaderSize);
    const H2Streams& streams = connection_.streams();
    CHECK(streams.memory() <= std::max<size_t>(H2Streams::kKeptMemory, streams.size() * 64));
    for (const auto& [id, stream] : streams_) {
      if (!stream->attached()) continue;
      CHECK(stream->given - stream->received <= H2Connection::kMaxStreamWindow);
    }
    if (chosen(6)) return;
    CHECK(given_ >= received_);
    CHECK(given_ - received_ <= kConnectionWindow + kH2FrameSize);
  }

  Stream& live(H2StreamState& state) {
    CHECK(!connection_.error());
    Stream& stream = static_cast<Stream&>(state);
    CHECK(!stream.over);
    return stream;
  }
  void maybe_fail() {
    if (chosen(7) && ++events_ % 64 == 0)
      connection_.fail(H2Error::internal_error, H2ErrorReason::protocol, "the owner");
  }

  void append(std::string_view bytes) override {
    CHECK(!ended_);
    frames_ += bytes;
    if (frames_.starts_with(kH2Preface)) frames_.erase(0, kH2Preface.size());
    while (frames_.size() >= kH2FrameHeaderSize) {
      const H2FrameHeader header = read_h2_frame_header(frames_.data());
      if (frames_.size() < kH2FrameHeaderSize + header.size) break;
      const char* const payload = frames_.data() + kH2FrameHeaderSize;
      if (header.type == H2FrameType::window_update) note_window(header.stream, read_u32(payload));
      ended_ = header.type == H2FrameType::goaway && read_u32(payload + 4) != 0;
      frames_.erase(0, kH2FrameHeaderSize + header.size);
    }
  }
  void note_window(uint32_t stream, uint32_t increment) {
    CHECK(increment > 0 && increment <= kH2MaxWindow);
    if (stream == 0) {
      given_ += increment;
      return;
    }
    CHECK(streams_.contains(stream) && streams_[stream]->attached());
    CHECK(!streams_[stream]->ended_by_peer());
    streams_[stream]->given += increment;
  }

  H2StreamState* on_new_stream(uint32_t id) override {
    CHECK(role_ == H2Role::server && !connection_.error() && id % 2 == 1);
    CHECK(id > last_new_ && !connection_.leaving());
    last_new_ = id;
    if (connection_.streams().size() >= 20) return nullptr;
    return (streams_[id] = std::make_unique<Stream>()).get();
  }
  H2FieldTarget on_fields(H2StreamState& state, H2Fields) override {
    Stream& stream = live(state);
    if (chosen(3) && stream.id() % 8 == 7) {
      connection_.reset(stream, H2Error::cancel);
      stream.over = true;
    }
    if (stream.id() % 16 == 5) return {};
    return {this, memory_, memory_.size()};
  }
  void on_field(const HpackField& field) override { CHECK(field.name.data() >= memory_.data()); }
  void on_fields_end(H2StreamState& state, H2Fields kind, const HpackOutcome& outcome,
                     bool end) override {
    Stream& stream = live(state);
    CHECK(stream.attached() && stream.ended_by_peer() == end);
    CHECK(outcome.state == HpackOutcome::State::complete ||
          outcome.state == HpackOutcome::State::too_large);
    if (kind == H2Fields::trailers) {
      CHECK(end);
    } else if (role_ == H2Role::client) {
      stream.expect_trailers();
    }
    if (kind == H2Fields::head && stream.id() % 8 == 3) stream.expect_length(5);
    if (kind == H2Fields::head && role_ == H2Role::server)
      connection_.send_fields(stream, "\x88", false);
    maybe_fail();
  }
  void on_data(H2StreamState& state, std::string_view data) override {
    Stream& stream = live(state);
    CHECK(stream.attached() && !stream.ended_by_peer() && !data.empty());
    stream.received += data.size();
    received_ += data.size();
    if (chosen(4)) take(stream, data.size(), false);
    if (stream.id() % 8 == 5 && stream.received > 100) {
      connection_.reset(stream, H2Error::cancel, chosen(5));
      stream.over = true;
    }
    maybe_fail();
  }
  void on_end(H2StreamState& state) override {
    Stream& stream = live(state);
    CHECK(stream.ended_by_peer() && stream.attached() == !stream.ended());
    stream.over = !stream.attached();
    maybe_fail();
  }
  void on_reset(H2StreamState& state, H2Error, bool) override {
    Stream& stream = live(state);
    CHECK(!stream.attached());
    stream.over = true;
    maybe_fail();
  }
  void on_window(H2StreamState& state) override {
    Stream& stream = live(state);
    CHECK(stream.attached() && !stream.ended());
    if (stream.id() % 16 == 1) {
      connection_.reset(stream, H2Error::cancel);
      stream.over = true;
    }
    maybe_fail();
  }
  void on_connection_window() override { maybe_fail(); }
  void on_settings() override {
    CHECK(!connection_.error() && connection_.established());
    if (chosen(6)) connection_.hold_window(connection_.peer().max_streams % 2 == 0);
  }
  void on_goaway(uint32_t last, H2Error, std::string_view debug) override {
    CHECK(connection_.peer_leaves() == last && debug.size() <= 64);
    connection_.announce_leaving();
    maybe_fail();
  }
  void on_ping_ack(uint64_t) override { connection_.leave(); }
  void on_priority(uint32_t, std::string_view value) override {
    CHECK(role_ == H2Role::server && value.size() <= 64);
  }

  const H2Role role_;
  const unsigned choices_;
  TimePoint now_{std::chrono::hours(1)};
  std::string frames_;  // of weir, the last one unfinished
  bool ended_ = false;  // a GOAWAY with an error was written
  uint64_t given_ = kH2Window, received_ = 0;
  uint32_t last_new_ = 0;
  unsigned events_ = 0;
  std::vector<char> memory_ = std::vector<char>(2048);
  std::map<uint32_t, std::unique_ptr<Stream>> streams_;
  H2Connection connection_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 3) return 0;
  const auto byte = [&] {
    const unsigned value = static_cast<unsigned char>(input.front());
    input.remove_prefix(1);
    return value;
  };
  const H2Role role = byte() % 2 == 0 ? H2Role::server : H2Role::client;
  const unsigned choices = byte();
  const size_t step = byte() + size_t(1);
  Owner owner(role, choices);
  if (role == H2Role::server) owner.receive(kH2Preface);
  for (; !input.empty(); input.remove_prefix(std::min(step, input.size())))
    owner.receive(input.substr(0, step));
  return 0;
}
