// H2Peer: a client with HTTP/2 as tests drive it: an H2Connection in the client role over a Socket.
// It records what comes for each stream, and sends what the windows allow. step() receives and
// sends what is possible now; nothing waits. One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "http/h2_connection.h"
#include "support/socket.h"

namespace weir::test {

using H2FieldList = std::vector<std::pair<std::string, std::string>>;

class H2Peer final : private H2Events, private H2Output, private HpackSink {
 public:
  // A stream: what has come for it, and what is to be sent.
  struct Stream final : H2StreamState {
    std::vector<unsigned> interim;  // the statuses of its 1xx
    unsigned status = 0;            // 0: no final head has come
    H2FieldList interim_fields, fields, trailers;
    std::string body;
    bool whole = false;  // END_STREAM has come
    std::optional<H2Error> reset;
    bool over() const { return whole || reset; }
    // The value of the first field of this name; empty: there is none.
    std::string field(std::string_view name) const { return find(fields, name); }
    std::string trailer(std::string_view name) const { return find(trailers, name); }

    bool takes = true;   // false: its window is not given back
    size_t untaken = 0;  // bytes of the body
    std::string unsent;
    bool ends = false;  // END_STREAM follows what is unsent
    H2FieldList last_fields;

   private:
    static std::string find(const H2FieldList& in, std::string_view name);
  };
  struct Goaway {
    uint32_t last;
    H2Error code;
    std::string debug;
  };

  // `begins`: it sends the preface and SETTINGS.
  explicit H2Peer(Socket socket, bool begins = true);
  ~H2Peer();

  // Receives and sends what is possible.
  void step();
  // The bytes that were not sent yet; the test sends them.
  std::string take_output() { return std::exchange(output_, {}); }
  Socket& socket() { return socket_; }
  Socket::End end() const { return socket_.end(); }

  // ---- requests. They leave with the next step().

  // `end`: the request has no body.
  uint32_t ask(const std::string& method, const std::string& path, const H2FieldList& fields = {},
               bool end = true);
  uint32_t get(const std::string& path, const H2FieldList& fields = {}) {
    return ask("GET", path, fields);
  }
  // With content-length.
  uint32_t post(const std::string& path, const std::string& body, H2FieldList fields = {});
  // HEADERS with these fields; names with a colon are pseudo-fields.
  uint32_t send_head(const H2FieldList& fields, bool end);
  void send_data(uint32_t id, std::string_view data, bool end = false);
  void send_end(uint32_t id, const H2FieldList& trailers = {});
  void reset(uint32_t id, H2Error code = H2Error::cancel);
  void ping(uint64_t opaque) { connection.send_ping(opaque); }
  // RFC 9218 7.1.
  void update_priority(uint32_t id, std::string_view value);
  // Any frame.
  void send_frame(H2FrameType type, uint8_t flags, uint32_t stream, std::string_view payload);
  // SETTINGS_INITIAL_WINDOW_SIZE and a WINDOW_UPDATE, of which its own connection knows nothing: it
  // must not receive what they allow.
  void open_windows(uint32_t bytes);
  // The fields as a header block.
  static std::string block_of(const H2FieldList& fields);
  // GET http://example.com/, with more fields.
  static H2FieldList request_fields(const std::string& method, const std::string& path,
                                    const H2FieldList& fields = {});

  // ---- what has come

  Stream& operator[](uint32_t id) { return *streams_.at(id); }
  // From now on the bytes of this stream give its window back, and those it has already.
  void take(uint32_t id);
  size_t over() const;  // streams
  bool all_over() const { return over() == streams_.size(); }

  H2Connection connection;
  bool reads = true;  // false: the socket is not read
  std::vector<Goaway> goaways;
  std::vector<uint64_t> ping_acks;

 private:
  void append(std::string_view bytes) override { output_ += bytes; }
  H2StreamState* on_new_stream(uint32_t) override { return nullptr; }
  H2FieldTarget on_fields(H2StreamState&, H2Fields) override;
  void on_field(const HpackField& field) override;
  void on_fields_end(H2StreamState& state, H2Fields kind, const HpackOutcome& outcome,
                     bool end) override;
  void on_data(H2StreamState& state, std::string_view data) override;
  void on_end(H2StreamState& state) override;
  void on_reset(H2StreamState& state, H2Error code, bool by_peer) override;
  void on_window(H2StreamState&) override {}
  void on_connection_window() override {}
  void on_settings() override {}
  void on_goaway(uint32_t last, H2Error code, std::string_view debug) override;
  void on_ping_ack(uint64_t opaque) override { ping_acks.push_back(opaque); }
  void on_priority(uint32_t, std::string_view) override {}

  TimePoint now();
  bool send_some(Stream& stream);

  Socket socket_;
  std::string output_;
  std::map<uint32_t, std::unique_ptr<Stream>> streams_;
  std::set<uint32_t> sending_;
  H2FieldList received_;  // of the block that is being decoded
  std::vector<char> memory_ = std::vector<char>(128 * 1024);
  TimePoint now_{std::chrono::hours(1)};
};

}  // namespace weir::test
