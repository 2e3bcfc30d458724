// An H2Connection and libnghttp2 talk to each other: random bodies in both directions, trailers,
// resets, small windows, pieces of any size. Each must understand what the other sends.
#include <nghttp2/nghttp2.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>

#include "http/h2_connection.h"
#include "http/hpack_writer.h"
#include "unit/http/h2_bytes.h"

namespace weir::h2test {
namespace {

std::string body_of(uint32_t id, size_t size) {
  std::string body(size, '\0');
  for (size_t i = 0; i < size; ++i) body[i] = char('a' + (id + i / 7) % 26);
  return body;
}

// What one side knows of a stream.
struct Message {
  std::string body;    // that has come
  std::string fields;  // of the head and the trailers
  bool ended = false;
  uint32_t reset = UINT32_MAX;  // by the peer
};

// ---- libnghttp2

class Model {
 public:
  Model(H2Role role, uint32_t window) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid);
    if (role == H2Role::server)
      nghttp2_session_server_new(&session_, callbacks, this);
    else
      nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
  }
  ~Model() { nghttp2_session_del(session_); }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // HEADERS, a body, and trailers behind it.
  void send(uint32_t id, size_t size, bool server) {
    outgoing_[id] = body_of(id, size);
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = read_body;
    std::vector<nghttp2_nv> head =
        server ? std::vector<nghttp2_nv>{field(":status", "200")}
               : std::vector<nghttp2_nv>{field(":method", "PUT"), field(":scheme", "http"),
                                         field(":path", "/"), field(":authority", "a")};
    head.push_back(field("x-model", "the same for all"));
    const int32_t result =
        server ? nghttp2_submit_response(session_, int32_t(id), head.data(), head.size(), &provider)
               : nghttp2_submit_request(session_, nullptr, head.data(), head.size(), &provider,
                                        nullptr);
    EXPECT_EQ(result, server ? 0 : int32_t(id)) << nghttp2_strerror(result);
  }
  void reset(uint32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, int32_t(id), NGHTTP2_CANCEL);
  }
  void receive(std::string_view bytes) {
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    const ssize_t taken = nghttp2_session_mem_recv(session_, data, bytes.size());
    EXPECT_EQ(taken, ssize_t(bytes.size())) << nghttp2_strerror(int(taken));
  }
  std::string output() {
    std::string all;
    const uint8_t* bytes = nullptr;
    while (const ssize_t size = nghttp2_session_mem_send(session_, &bytes)) {
      EXPECT_GT(size, 0);
      if (size < 0) break;
      all.append(reinterpret_cast<const char*>(bytes), size_t(size));
    }
    return all;
  }

  std::map<uint32_t, Message> messages;
  std::string faults;

 private:
  static nghttp2_nv field(const char* name, const char* value) {
    return {reinterpret_cast<uint8_t*>(const_cast<char*>(name)),
            reinterpret_cast<uint8_t*>(const_cast<char*>(value)), std::strlen(name),
            std::strlen(value), NGHTTP2_NV_FLAG_NONE};
  }
  static Model& self(void* user) { return *static_cast<Model*>(user); }

  static ssize_t read_body(nghttp2_session* session, int32_t id, uint8_t* out, size_t room,
                           uint32_t* flags, nghttp2_data_source* source, void*) {
    std::string& body = self(source->ptr).outgoing_[uint32_t(id)];
    const size_t size = std::min(room, body.size());
    std::copy_n(body.begin(), size, out);
    body.erase(0, size);
    if (!body.empty()) return ssize_t(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const nghttp2_nv trailer = field("x-trailer", "end");
    nghttp2_submit_trailer(session, id, &trailer, 1);
    return ssize_t(size);
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* user) {
    std::string& fields = self(user).messages[uint32_t(frame->hd.stream_id)].fields;
    fields.append(reinterpret_cast<const char*>(name), name_size).append("=");
    fields.append(reinterpret_cast<const char*>(value), value_size).append(" ");
    return 0;
  }
  static int on_chunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                      void* user) {
    self(user).messages[uint32_t(id)].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Message& message = self(user).messages[uint32_t(frame->hd.stream_id)];
    const bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) message.ended = true;
    if (frame->hd.type == NGHTTP2_RST_STREAM) message.reset = frame->rst_stream.error_code;
    if (frame->hd.type == NGHTTP2_GOAWAY) self(user).faults += "GOAWAY ";
    return 0;
  }
  static int on_invalid(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    self(user).faults += std::to_string(frame->hd.type) + ": " + nghttp2_strerror(error) + " ";
    return 0;
  }

  nghttp2_session* session_ = nullptr;
  std::map<uint32_t, std::string> outgoing_;
};

// ---- the connection under test

class Weir final : H2Events, H2Output, HpackSink {
 public:
  struct Sent final : H2StreamState {
    std::string body;  // that is still to be sent
    size_t untaken = 0;
    bool headed = false;
  };

  explicit Weir(H2Role role) : role_(role), connection(role, *this, *this) {
    connection.start({}, now_, 1000);
  }
  uint32_t open() {
    auto stream = std::make_unique<Sent>();
    EXPECT_TRUE(connection.open(*stream));
    const uint32_t id = stream->id();
    streams[id] = std::move(stream);
    return id;
  }
  void send(uint32_t id, size_t size) {
    Sent& stream = *streams.at(id);
    stream.body = body_of(id, size);
    std::array<char, 200> memory;
    HpackWriter writer(memory);
    if (role_ == H2Role::server) {
      writer.status(200);
    } else {
      writer.pseudo_field(PseudoField::method, "PUT");
      writer.pseudo_field(PseudoField::scheme, "http");
      writer.pseudo_field(PseudoField::path, "/");
      writer.pseudo_field(PseudoField::authority, "a");
    }
    writer.field("x-weir", "1");
    connection.send_fields(stream, writer.block(), false);
    stream.headed = true;
  }
  // Sends what the windows allow, and takes some of what has come.
  void advance(std::mt19937& random) {
    for (auto& [id, stream] : streams) {
      take(*stream, random);
      if (!stream->headed || stream->ended() || !stream->attached()) continue;
      while (const size_t size = std::min(connection.sendable(*stream), stream->body.size())) {
        out += data(id, stream->body.substr(0, size));
        stream->body.erase(0, size);
        connection.sent_data(*stream, size);
      }
      if (!stream->body.empty()) continue;
      std::array<char, 100> memory;
      HpackWriter writer(memory);
      writer.field("x-end", "weir");
      connection.send_fields(*stream, writer.block(), true);
    }
    connection.note_flushed();
  }
  void take(Sent& stream, std::mt19937& random) {
    const size_t bytes = random() % 4 == 0 ? stream.untaken / 2 : stream.untaken;
    connection.taken(stream, bytes, bytes < stream.untaken);
    stream.untaken -= bytes;
  }
  void receive(std::string_view bytes) { connection.receive(bytes, now_); }

  std::string out;
  std::map<uint32_t, Message> messages;
  std::map<uint32_t, std::unique_ptr<Sent>> streams;

 private:
  void append(std::string_view bytes) override { out += bytes; }
  H2StreamState* on_new_stream(uint32_t id) override {
    return (streams[id] = std::make_unique<Sent>()).get();
  }
  H2FieldTarget on_fields(H2StreamState& stream, H2Fields) override {
    fields_of_ = stream.id();
    return {this, memory_, memory_.size()};
  }
  void on_field(const HpackField& field) override {
    messages[fields_of_].fields.append(field.name).append("=").append(field.value).append(" ");
  }
  void on_fields_end(H2StreamState& stream, H2Fields, const HpackOutcome& outcome, bool) override {
    EXPECT_EQ(outcome.state, HpackOutcome::State::complete);
    if (role_ == H2Role::client) stream.expect_trailers();
  }
  void on_data(H2StreamState& stream, std::string_view bytes) override {
    messages[stream.id()].body += bytes;
    static_cast<Sent&>(stream).untaken += bytes.size();
  }
  void on_end(H2StreamState& stream) override { messages[stream.id()].ended = true; }
  void on_reset(H2StreamState& stream, H2Error code, bool by_peer) override {
    EXPECT_TRUE(by_peer);
    messages[stream.id()].reset = uint32_t(code);
  }
  void on_window(H2StreamState&) override {}
  void on_connection_window() override {}
  void on_settings() override {}
  void on_goaway(uint32_t, H2Error, std::string_view) override { ADD_FAILURE(); }
  void on_ping_ack(uint64_t) override {}
  void on_priority(uint32_t, std::string_view) override {}

  const H2Role role_;
  TimePoint now_{std::chrono::hours(1)};
  uint32_t fields_of_ = 0;
  std::vector<char> memory_ = std::vector<char>(4096);

 public:
  H2Connection connection;
};

// ---- both

class H2Nghttp2Test : public testing::TestWithParam<uint32_t> {
 protected:
  static constexpr uint32_t kStreams = 30;

  // Whether a stream is reset by one of the sides, when both have begun.
  static bool reset_by_weir(uint32_t id) { return id % 10 == 3; }
  static bool reset_by_model(uint32_t id) { return id % 10 == 7; }
  // At most two hundred windows, so that the number of round trips is bounded.
  static size_t size_of(uint32_t id, std::mt19937& random) {
    const uint32_t most = std::min(200'000u, 200 * GetParam());
    return random() % (id % 4 == 1 ? 100 : most);
  }

  void exchange(Weir& weir, Model& model) {
    for (int round = 0; round < 5000; ++round) {
      weir.advance(random_);
      to_model_ += std::exchange(weir.out, {});
      to_weir_ += model.output();
      if (to_model_.empty() && to_weir_.empty()) break;
      move(to_model_, [&](std::string_view piece) { model.receive(piece); });
      move(to_weir_, [&](std::string_view piece) { weir.receive(piece); });
    }
    EXPECT_TRUE(to_model_.empty() && to_weir_.empty());
    EXPECT_FALSE(weir.connection.error()) << weir.connection.error()->reason;
    EXPECT_EQ(model.faults, "");
  }
  // Until what has been sent so far was received; bodies may be under way.
  void exchange_some(Weir& weir, Model& model) {
    do {
      weir.advance(random_);
      to_model_ += std::exchange(weir.out, {});
      to_weir_ += model.output();
      move(to_model_, [&](std::string_view piece) { model.receive(piece); });
      move(to_weir_, [&](std::string_view piece) { weir.receive(piece); });
    } while (!to_model_.empty() || !to_weir_.empty());
  }
  template <typename To>
  void move(std::string& bytes, To&& to) {
    const std::string piece = bytes.substr(0, 1 + random_() % 40'000);
    bytes.erase(0, piece.size());
    if (!piece.empty()) to(piece);
  }
  void expect_whole(const Message& message, uint32_t id, size_t size, const std::string& fields) {
    EXPECT_EQ(message.body, body_of(id, size)) << id;
    EXPECT_EQ(message.fields, fields) << id;
    EXPECT_TRUE(message.ended) << id;
    EXPECT_EQ(message.reset, UINT32_MAX) << id;
  }

  std::mt19937 random_{GetParam()};
  std::string to_model_, to_weir_;
};

TEST_P(H2Nghttp2Test, ServerServesAClientOfLibnghttp2) {
  Weir weir(H2Role::server);
  Model model(H2Role::client, GetParam());
  std::map<uint32_t, size_t> up, down;
  for (uint32_t id = 1; id < 2 * kStreams; id += 2) {
    model.send(id, up[id] = size_of(id, random_), false);
    exchange_some(weir, model);
    ASSERT_TRUE(weir.streams.contains(id));
    weir.send(id, down[id] = size_of(id, random_));
    if (reset_by_weir(id)) weir.connection.reset(*weir.streams.at(id), H2Error::cancel);
    if (reset_by_model(id)) model.reset(id);
  }
  exchange(weir, model);
  for (uint32_t id = 1; id < 2 * kStreams; id += 2) {
    EXPECT_FALSE(weir.streams.at(id)->attached()) << id;
    if (reset_by_weir(id)) {
      EXPECT_EQ(model.messages[id].reset, NGHTTP2_CANCEL);
    } else if (!reset_by_model(id)) {
      expect_whole(weir.messages[id], id, up[id],
                   ":method=PUT :scheme=http :path=/ :authority=a x-model=the same for all "
                   "x-trailer=end ");
      expect_whole(model.messages[id], id, down[id], ":status=200 x-weir=1 x-end=weir ");
    }
  }
}

TEST_P(H2Nghttp2Test, ClientTalksToAServerOfLibnghttp2) {
  Weir weir(H2Role::client);
  Model model(H2Role::server, GetParam());
  std::map<uint32_t, size_t> up, down;
  for (uint32_t i = 0; i < kStreams; ++i) {
    const uint32_t id = weir.open();
    weir.send(id, up[id] = size_of(id, random_));
    exchange_some(weir, model);
    if (reset_by_weir(id) && weir.streams.at(id)->attached()) {
      weir.connection.reset(*weir.streams.at(id), H2Error::cancel);
    } else if (reset_by_model(id)) {
      model.reset(id);
    } else {
      model.send(id, down[id] = size_of(id, random_), true);
    }
  }
  exchange(weir, model);
  for (uint32_t id = 1; id < 2 * kStreams; id += 2) {
    EXPECT_FALSE(weir.streams.at(id)->attached()) << id;
    if (reset_by_model(id)) {
      EXPECT_EQ(weir.messages[id].reset, NGHTTP2_CANCEL);
    } else if (!reset_by_weir(id)) {
      expect_whole(model.messages[id], id, up[id],
                   ":method=PUT :scheme=http :path=/ :authority=a x-weir=1 x-end=weir ");
      expect_whole(weir.messages[id], id, down[id],
                   ":status=200 x-model=the same for all x-trailer=end ");
    }
  }
}

// The initial window of libnghttp2, and the seed.
INSTANTIATE_TEST_SUITE_P(Windows, H2Nghttp2Test, testing::Values(10u, 1000u, 65535u, 1u << 20));

}  // namespace
}  // namespace weir::h2test
