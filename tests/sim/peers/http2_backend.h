// Http2Backend: one connection of a backend that uses HTTP/2. It answers each stream as the
// scenario says, several at a time, and checks the requests that it receives. It may send a GOAWAY
// at any time: the streams above its id were not processed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "peers/http2_flood.h"
#include "peers/http2_session.h"
#include "peers/http_peer.h"

namespace weir::sim {

struct Http2BackendScript {
  HttpBehavior behavior;
  Http2Behavior http2;
  std::function<void(Answer&, const Request&)> decide;  // how one request is answered
  Duration delay = 0ms;                                 // before an answer, at most
  Duration idle = 3000s;      // closes a connection without a stream for this time
  bool idle_goaway = true;    // with a GOAWAY; it waits for the other side's FIN in either case
  uint32_t goaway_after = 0;  // requests; 0: none
  bool goaway_twice = true;   // first one with the highest id
  uint64_t disowns = 0;       // streams that its GOAWAY excludes, at most, though they have begun
  uint32_t goaway_error = 0;
  FloodKind flood = FloodKind::garbage;  // of Answer::Fault::garbage
  bool strict = true;                    // the other side must follow HTTP/2
};

class Http2Backend final : public HttpPeer, private Http2Owner {
 public:
  Http2Backend(Ledger& ledger, Http2BackendScript script, std::shared_ptr<Wire> wire);
  std::string state() const override;

 private:
  struct Served {
    Request* request = nullptr;
    Answer* answer = nullptr;
    StreamReader body;
    TimePoint answer_at = kNever;
    bool whole = false;        // the request
    bool answering = false;    // its head has been sent
    bool closed = false;       // on both sides
    uint64_t ends_at = ~0ull;  // of END_STREAM, in the bytes to send
  };

  void act() override;
  void take(std::string_view bytes) override;
  void on_end(End how) override;
  void on_own_end() override;
  void on_head(int32_t stream, const MessageHead& head) override;
  void on_data(int32_t stream, std::string_view bytes) override;
  void on_end_stream(int32_t stream, const MessageHead& trailers) override;
  void on_closed(int32_t stream, uint32_t error) override;
  void on_goaway(int32_t, uint32_t) override {}
  void on_fault(const std::string& what) override;

  void answer_streams();
  void delay_response(Served& served);
  void begin_answer(int32_t stream, Served& served);
  void send_part(int32_t stream, Served& served, uint64_t size);
  void send_answer(int32_t stream, const Served& served, uint64_t stop_at, uint64_t announced,
                   uint64_t size);
  void act_on_fault(int32_t stream, const Served& served);
  void close_idle();
  void send_goaway();
  void send_frames();
  void leave_if_done();
  void begin_flood();
  void forget_delivered();
  void refuse(Served& served);
  void note_cut();
  void leave_now();
  Served* find(int32_t stream);  // null: it is closed

  const Http2BackendScript script_;
  Http2Session session_;
  std::map<int32_t, Served> served_;
  uint32_t begun_ = 0;  // requests
  TimePoint idle_since_;
  TimePoint goaway_at_ = kNever;  // the second one
  bool leaving_ = false;          // a GOAWAY has been sent
  bool closed_ = false;           // a FIN without one
  int32_t last_ = INT32_MAX;      // its id
  bool faulty_ = false;           // the other side has broken a rule
  // Whose end may still be lost with the connection.
  std::vector<Answer*> undelivered_;
  std::optional<Http2Flood> flood_;
  TimePoint flood_began_ = kNever;
};

}  // namespace weir::sim
