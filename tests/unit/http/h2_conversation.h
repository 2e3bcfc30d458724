// A connection under test whose events and frames are recorded as text, a line for each.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/h2_connection.h"
#include "unit/http/h2_bytes.h"

namespace weir::h2test {

struct Stream final : H2StreamState {
  uint64_t body = 0;
};

// A connection, the owner of its streams, and its peer.
class Conversation : H2Events, H2Output, HpackSink {
 public:
  // The first frames of both sides have been exchanged.
  explicit Conversation(H2Role role = H2Role::server, const H2OwnSettings& own = {},
                        unsigned patience = 1)
      : connection(role, *this, *this) {
    connection.start(own, now, patience);
    start = output();
  }
  void establish(const std::string& first = settings()) {
    EXPECT_EQ(receive((server() ? std::string(kH2Preface) : "") + first), "settings\n");
    EXPECT_EQ(output(), "SETTINGS ACK\n");
  }

  // Returns the events.
  std::string receive(std::string_view bytes) {
    // Allocated for the call, to the byte: ASan finds what reads beyond.
    const std::vector<char> copy(bytes.begin(), bytes.end());
    connection.receive({copy.data(), copy.size()}, now);
    return events();
  }
  std::string events() { return std::exchange(events_, {}); }
  // The frames that were written since.
  std::string output() { return frames_as_text(raw_output()); }
  std::string raw_output() {
    std::string bytes = std::exchange(output_, {});
    if (bytes.starts_with(kH2Preface)) bytes.erase(0, kH2Preface.size());
    return bytes;
  }
  bool attached(uint32_t id) { return connection.streams().find(id) != nullptr; }
  Stream& stream(uint32_t id) { return *streams.at(id); }
  Stream& open() {
    auto stream = std::make_unique<Stream>();
    EXPECT_TRUE(connection.open(*stream));
    Stream& opened = *stream;
    streams[opened.id()] = std::move(stream);
    return opened;
  }
  // DATA as a channel sends it; returns how many bytes the windows allowed.
  size_t send_data(uint32_t id, size_t bytes) {
    size_t sent = 0;
    while (const size_t now_sent = std::min(bytes - sent, connection.sendable(stream(id)))) {
      output_ += data(id, std::string(now_sent, 'x'));
      connection.sent_data(stream(id), now_sent);
      sent += now_sent;
    }
    return sent;
  }
  // "PROTOCOL_ERROR protocol: reason", or empty.
  std::string error() const {
    if (!connection.error()) return "";
    const H2ConnectionError& error = *connection.error();
    return code_name(error.code) + " " + text(error.counted);
  }
  bool server() const { return start.find("3=") != std::string::npos; }

  TimePoint now{std::chrono::hours(1)};
  std::string start;  // the first frames
  std::map<uint32_t, std::unique_ptr<Stream>> streams;
  H2Connection connection;
  bool refuse = false;  // new streams
  bool take = true;     // bodies, when they come
  bool fields_wanted = true;
  // Called in an event whose line begins so.
  std::string when;
  std::function<void()> then;

 private:
  void note(const std::string& line) {
    events_ += line + "\n";
    if (when.empty() || !line.starts_with(when)) return;
    when.clear();
    then();
  }
  static std::string number(uint64_t value) { return std::to_string(value); }

  void append(std::string_view bytes) override { output_ += bytes; }
  H2StreamState* on_new_stream(uint32_t id) override {
    if (refuse) return nullptr;
    return (streams[id] = std::make_unique<Stream>()).get();
  }
  H2FieldTarget on_fields(H2StreamState& stream, H2Fields kind) override {
    EXPECT_TRUE(stream.attached());
    fields_.clear();
    note((kind == H2Fields::head ? "begin head " : "begin trailers ") + number(stream.id()));
    if (!fields_wanted) return {};
    return {this, memory_, memory_.size()};
  }
  void on_field(const HpackField& field) override {
    fields_.append(" ").append(field.name).append("=").append(field.value);
  }
  void on_fields_end(H2StreamState& stream, H2Fields kind, const HpackOutcome&, bool end) override {
    EXPECT_TRUE(stream.attached());
    note((kind == H2Fields::head ? "head " : "trailers ") + number(stream.id()) + fields_ +
         (end ? " (end)" : ""));
  }
  void on_data(H2StreamState& state, std::string_view bytes) override {
    EXPECT_TRUE(state.attached());
    const uint32_t id = state.id();
    stream(id).body += bytes.size();
    const std::string line = "data " + number(id) + ": ";
    const size_t last = events_.rfind('\n', events_.size() - 2) + 1;
    if (!events_.empty() && events_.compare(last, line.size(), line) == 0) {
      events_.pop_back();
      events_.append(bytes).append("\n");
    } else {
      note(line + std::string(bytes));
    }
    if (take && attached(id)) connection.taken(state, bytes.size(), false);
  }
  void on_end(H2StreamState& stream) override { note("end " + number(stream.id())); }
  void on_reset(H2StreamState& stream, H2Error code, bool by_peer) override {
    EXPECT_FALSE(stream.attached());
    note("reset " + number(stream.id()) + ": " + code_name(code) + (by_peer ? " by peer" : ""));
  }
  void on_window(H2StreamState& stream) override { note("window " + number(stream.id())); }
  void on_connection_window() override { note("connection window"); }
  void on_settings() override { note("settings"); }
  void on_goaway(uint32_t last, H2Error code, std::string_view debug) override {
    note("goaway " + number(last) + ": " + code_name(code) + " " + std::string(debug));
  }
  void on_ping_ack(uint64_t opaque) override { note("ping ack " + number(opaque)); }
  void on_priority(uint32_t stream, std::string_view value) override {
    note("priority " + number(stream) + ": " + std::string(value));
  }

  std::string events_, output_, fields_;
  std::vector<char> memory_ = std::vector<char>(16384);
};

// What a request without a body is, as events.
inline std::string get_events(uint32_t id, const std::string& path = "/") {
  const std::string number = std::to_string(id);
  return "begin head " + number + "\nhead " + number + " :method=GET :scheme=http :path=" + path +
         " :authority=a (end)\nend " + number + "\n";
}

}  // namespace weir::h2test
