// Http2Client: sends requests over one HTTP/2 connection, several at a time, resets some, and
// checks the responses. A hostile one sends a flood after a while, and then nothing that it has
// sent or receives counts.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "peers/http2_flood.h"
#include "peers/http2_session.h"
#include "peers/http_peer.h"

namespace weir::sim {

// A request, and when its client resets it.
struct Http2Ask {
  uint32_t request = 0;
  Duration reset_after = 3000s;    // since it was sent
  uint64_t reset_in_body = ~0ull;  // bytes of the response
};

struct Http2ClientScript {
  HttpBehavior behavior;
  Http2Behavior http2;
  std::vector<Http2Ask> asks;
  size_t ahead = 1;               // streams at once, at most
  Duration delay = 0ms;           // before each request, at most
  Duration goaway_after = 3000s;  // then it sends no more requests
  bool stays = false;             // when everything is answered
  bool awaits_end = false;        // after a GOAWAY, weir closes the connection
  bool stays_open = false;        // weir has no reason to send a GOAWAY
  bool direct = false;            // the other end is a backend of the simulation
  bool strict = true;             // the other side must follow HTTP/2
  std::optional<FloodKind> flood;
  Duration flood_after = 3000s;
};

class Http2Client final : public HttpPeer, private Http2Owner {
 public:
  Http2Client(Ledger& ledger, Http2ClientScript script, std::shared_ptr<Wire> wire);
  std::string state() const override;
  const Http2ClientScript& script() const { return script_; }
  // How the connection ended.
  struct Ended {
    TimePoint at = kNever;  // it was the other side
    Duration connected{};
    Duration silence{};   // without a stream
    bool goaway = false;  // came before
    bool clean = false;
  };
  const Ended& ended() const { return ended_; }
  bool hostile() const { return hostile_; }

 private:
  struct Asked {
    Http2Ask plan;
    Request* request = nullptr;
    TimePoint at = kNever;
    TimePoint held_until = kNever;
    uint64_t begins = ~0ull;      // of its head, in the bytes to send
    uint64_t reset_ends = ~0ull;  // of its RST_STREAM
    Answer* answer = nullptr;     // null: none yet, or weir's own
    uint32_t interim_from = 0;
    bool head = false;
    bool over = false;
    StreamReader body;
    std::string own_body;
  };

  void act() override;
  void take(std::string_view bytes) override;
  void on_end(End how) override;
  void on_own_end() override;
  void on_head(int32_t stream, const MessageHead& head) override;
  void on_data(int32_t stream, std::string_view bytes) override;
  void on_end_stream(int32_t stream, const MessageHead& trailers) override;
  void on_closed(int32_t stream, uint32_t error) override;
  void on_goaway(int32_t last, uint32_t error) override;
  void on_fault(const std::string& what) override;

  void ask();
  void reset_if_due(int32_t stream, Asked& asked);
  void reset(int32_t stream, Asked& asked);
  void send_frames();
  void finish_if_done();
  void begin_flood();
  void flood();
  void take_final(Asked& asked, const MessageHead& head);
  void check_end(const Asked& asked, const MessageHead& trailers);
  void check_progress();
  void end(Asked& asked, Request::Outcome outcome);
  bool begun(const Asked& asked) const { return sent() > asked.begins; }
  bool stalls(int32_t stream, const Asked& asked) const;
  size_t open_streams() const;
  Asked* find(int32_t stream);  // null: it is over

  const Http2ClientScript script_;
  Http2Session session_;
  std::map<int32_t, Asked> asked_;
  size_t next_ = 0;
  TimePoint ask_at_;
  TimePoint quiet_since_;
  TimePoint progress_at_;  // the last byte
  int32_t goaway_ = -1;    // the last stream of the other side's; -1: none
  bool sent_goaway_ = false;
  bool hostile_ = false;
  bool faulty_ = false;  // the other side has broken a rule
  std::optional<Http2Flood> flood_;
  Ended ended_;
};

}  // namespace weir::sim
