// H2Backend: a backend with HTTP/2 on real sockets: H2Connection in the role of a server, and the
// test that answers. step() accepts, receives and sends what is there; nothing waits.
#pragma once

#include <poll.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/h2_connection.h"
#include "http/hpack_writer.h"
#include "support/socket.h"
#include "support/tls_peer.h"

namespace weir::test {

using H2Lines = std::vector<std::pair<std::string, std::string>>;

// A connection that was accepted.
class H2Accepted final : private H2Events, private H2Output, private HpackSink {
 public:
  struct Request final : H2StreamState {
    std::string head;    // "GET /path"
    std::string fields;  // "name=value" of all fields, with blanks between them
    std::string body;
    std::string trailers;
    bool ended = false;
    std::string reset;  // the name or number of its code
    bool taken = true;  // of the body: as it comes
  };

  explicit H2Accepted(Socket socket)
      : connection(H2Role::server, *this, *this), socket_(std::move(socket)) {}
  // Whose handshake is done.
  explicit H2Accepted(std::unique_ptr<TlsPeer> peer)
      : connection(H2Role::server, *this, *this), tls_(std::move(peer)) {}
  ~H2Accepted() {
    connection.streams().for_each([this](H2StreamState& s) { connection.detach(s); });
  }

  // Sends its SETTINGS; receives nothing before.
  void begin(const H2OwnSettings& settings) {
    begun_ = true;
    connection.start(settings, now());
  }
  void step() {
    if (!begun_) return;
    if (tls_ != nullptr)
      receive(tls_->receive());
    else
      receive_from_socket();
    flush();
  }
  void flush() {
    if (output_.empty() || closed_) return;
    if (tls_ == nullptr)
      output_.erase(0, socket_.send_some(output_));
    else if (tls_->send(output_))
      output_.clear();
  }
  bool ended() const {
    if (tls_ != nullptr) return tls_->ended() || tls_->cut_off();
    return socket_.end() != Socket::End::open;
  }
  void close() { socket_.close(), closed_ = true; }
  void reset_connection() { socket_.reset(), closed_ = true; }

  // Requests in order of their ids.
  std::vector<uint32_t> ids() const {
    std::vector<uint32_t> all;
    for (const auto& [id, request] : requests) all.push_back(id);
    return all;
  }
  Request& request(uint32_t id) { return *requests.at(id); }
  bool open(uint32_t id) { return request(id).attached(); }

  void send_head(uint32_t id, unsigned status, const H2Lines& fields = {}, bool end = false) {
    char memory[32 * 1024];
    HpackWriter block(memory);
    block.status(status);
    for (const auto& [name, value] : fields) block.field(name, value);
    connection.send_fields(request(id), block.block(), end);
  }
  void send_data(uint32_t id, std::string_view text, bool end = false) {
    const size_t size = std::min(text.size(), connection.sendable(request(id)));
    const bool last = end && size == text.size();
    H2FrameHeader header{uint32_t(size), H2FrameType::data, last ? kH2EndStream : uint8_t(0), id};
    const auto bytes = write_h2_frame_header(header);
    output_.append(bytes.data(), bytes.size()).append(text.substr(0, size));
    connection.sent_data(request(id), size);
    if (last) connection.sent_end(request(id));
  }
  void send_trailers(uint32_t id, const H2Lines& fields) {
    char memory[8192];
    HpackWriter block(memory);
    for (const auto& [name, value] : fields) block.field(name, value);
    connection.send_fields(request(id), block.block(), true);
  }
  void answer(uint32_t id, std::string_view body = "ok", unsigned status = 200) {
    send_head(id, status, {{"content-length", std::to_string(body.size())}}, body.empty());
    if (!body.empty()) send_data(id, body, true);
  }
  void reset(uint32_t id, H2Error code) { connection.reset(request(id), code); }
  void send_raw(std::string_view bytes) { output_.append(bytes); }

  H2Connection connection;
  std::map<uint32_t, std::unique_ptr<Request>> requests;
  bool deaf = false;   // receives nothing any more
  std::string goaway;  // "last code"

 private:
  void receive_from_socket() {
    char bytes[16 * 1024];
    while (wait_ready(socket_.fd(), POLLIN, 0ms)) {
      const size_t n = socket_.receive_some(bytes, sizeof bytes);
      if (n == 0) break;
      receive({bytes, n});
    }
  }
  void receive(std::string_view bytes) {
    if (!deaf && !bytes.empty()) connection.receive(bytes, now());
  }
  static TimePoint now() { return TimePoint(std::chrono::hours(1)); }

  void append(std::string_view bytes) override { output_ += bytes; }
  H2StreamState* on_new_stream(uint32_t id) override {
    return (requests[id] = std::make_unique<Request>()).get();
  }
  H2FieldTarget on_fields(H2StreamState&, H2Fields) override {
    fields_.clear(), method_.clear(), path_.clear();
    return {this, memory_, memory_.size()};
  }
  void on_field(const HpackField& field) override {
    if (field.name == ":method") method_ = field.value;
    if (field.name == ":path") path_ = field.value;
    if (!fields_.empty()) fields_ += ' ';
    fields_.append(field.name).append("=").append(field.value);
  }
  void on_fields_end(H2StreamState& state, H2Fields kind, const HpackOutcome&, bool) override {
    Request& to = static_cast<Request&>(state);
    if (kind == H2Fields::trailers) return void(to.trailers = fields_);
    to.head = method_ + " " + path_;
    to.fields = fields_;
  }
  void on_data(H2StreamState& state, std::string_view data) override {
    Request& to = static_cast<Request&>(state);
    to.body += data;
    if (to.taken) connection.taken(state, data.size(), false);
  }
  void on_end(H2StreamState& state) override { static_cast<Request&>(state).ended = true; }
  void on_reset(H2StreamState& state, H2Error code, bool) override {
    static_cast<Request&>(state).reset = std::to_string(unsigned(code));
  }
  void on_window(H2StreamState&) override {}
  void on_connection_window() override {}
  void on_settings() override {}
  void on_goaway(uint32_t last, H2Error code, std::string_view) override {
    goaway = std::to_string(last) + " " + std::to_string(unsigned(code));
  }
  void on_ping_ack(uint64_t) override {}
  void on_priority(uint32_t, std::string_view) override {}

  Socket socket_;
  std::unique_ptr<TlsPeer> tls_;
  std::string output_, fields_, method_, path_;
  std::vector<char> memory_ = std::vector<char>(64 * 1024);
  bool begun_ = false;
  bool closed_ = false;
};

// All connections to one address.
class H2Backend {
 public:
  const Address& address() const { return acceptor_.address(); }
  // Of connections that are accepted from now on.
  H2OwnSettings settings;
  bool silent = false;  // they do not begin()

  void step() {
    while (wait_ready(acceptor_.fd(), POLLIN, 0ms)) {
      Socket socket = acceptor_.accept(1s);
      if (!socket) break;
      all_.push_back(std::make_unique<H2Accepted>(std::move(socket)));
      if (!silent) all_.back()->begin(settings);
    }
    for (auto& one : all_) one->step();
  }
  void flush() {
    for (auto& one : all_) one->flush();
  }
  size_t connections() const { return all_.size(); }
  H2Accepted& operator[](size_t i) { return *all_.at(i); }
  size_t requests() const {
    size_t n = 0;
    for (const auto& one : all_) n += one->requests.size();
    return n;
  }
  Acceptor& acceptor() { return acceptor_; }

 private:
  Acceptor acceptor_;
  std::vector<std::unique_ptr<H2Accepted>> all_;
};

}  // namespace weir::test
