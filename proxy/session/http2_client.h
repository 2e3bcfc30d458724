// Http2Client: a client connection with HTTP/2: reads the heads of its requests, begins them
// behind the last byte of a read, and ends the connection in order.
//
//   preface → open → told → leaving → over
//
// preface: the client's SETTINGS have not come. open: it may be idle. told: GOAWAY with the
// largest id and a PING were sent; what still comes is served. leaving: GOAWAY with the last id was
// sent; later streams are ignored. over: no stream is left and the output is empty: the session
// lingers. Each reason to leave goes this way (RFC 9113 6.8). failed: after an error; every request
// was aborted, and the GOAWAY is in the output.
//
// Owner: the HttpSession, whose transport it has; thread: the worker's.
#pragma once

#include "h2/coming_priorities.h"
#include "h2/h2_link.h"
#include "session/http2_request.h"

namespace weir {

class HttpSession;

class Http2Client final : private H2LinkOwner, private Yielding, private Deadline {
 public:
  Http2Client(HttpSession& session, Http2Requests& requests, Transport& transport);
  ~Http2Client() { close(); }

  // `first`: bytes that were read before the version was known. The session may be over afterwards.
  void start(std::string_view first);
  // Every request is abandoned, without a frame.
  void close(EndReason reason = EndReason::shutdown);
  // Requests finish, then the connection ends, for this reason.
  void leave(EndReason reason);
  // A drain's deadline: requests without an answer get 503, others are cut.
  void cut(EndReason reason);

  // Sets the next deadline; also when the session has another configuration.
  void arm();

  bool idle() const { return count_ == 0 && stage_ <= Stage::open; }
  bool told() const { return stage_ > Stage::open; }
  size_t streams() const { return count_; }
  bool has_tunnel();
  TimePoint last_active() const;
  WaitingFor waiting_for();
  void settle();
  const H2Link& link() const { return link_; }
  const HostSpec* host();  // of the oldest request; null: none

  // For Http2Request.
  H2Link& link() { return link_; }
  HttpSession& session() { return session_; }
  void begin_block(HpackWriter& block);
  void on_request_over(Http2Request& request);

 private:
  enum class Stage : uint8_t { preface, open, told, leaving, failed, over };
  static constexpr int kBegunPerTurn = 32;
  static constexpr size_t kMostUnsent = 4 * Outbox::kMost;  // above it no request begins
  static constexpr Duration kToldFor = 1s;                  // at most, until the ACK
  static constexpr uint64_t kSilencePing = 0x77656972;

  // H2LinkOwner
  H2Stream* on_new_stream(uint32_t id) override;
  H2FieldTarget on_fields(H2Stream& stream, H2Fields kind) override;
  void on_fields_end(H2Stream& stream, H2Fields kind, const HpackOutcome& outcome,
                     bool end) override;
  void on_stream_reset(H2Stream& stream, H2Error code, bool by_peer) override;
  void on_priority(uint32_t stream, std::string_view value) override;
  void on_settings() override;
  void on_goaway(uint32_t last, H2Error code, std::string_view debug) override;
  void on_ping_ack(uint64_t opaque) override;
  void on_received() override;
  void on_flushed() override;
  void on_down(Down how) override;

  void on_resume() override { begin_requests(); }
  void on_deadline() override;

  void on_head_end(Http2Request& request, const HpackOutcome& outcome, bool end);
  void on_trailers_end(Http2Request& request, const HpackOutcome& outcome, bool end);
  void begin_requests();
  void forget(Http2Request& request);
  void leave_now();
  void failed();
  void count_error(const H2ConnectionError& error);
  void gone(EndReason reason);
  void end_requests(EndReason reason);
  void expire();
  TimePoint silent_since() const;
  TimePoint next_deadline() const;

  HttpSession& session_;
  Http2Requests& requests_;
  H2Link link_;
  ComingPriorities coming_;
  // Behind the last byte of a read their heads have come, unless one has ended the connection.
  IntrusiveList<Http2Request, RequestNode> waiting_;
  IntrusiveList<Http2Request, RequestNode> begun_;  // in the order of their begin
  size_t count_ = 0;                                // of both
  Stage stage_ = Stage::preface;
  EndReason reason_{};  // when told or later
  TimePoint since_{};   // of the stage; of open: since there is no request
  TimePoint fields_since_ = kNever;
  uint32_t fields_of_ = 0;        // the stream; 0: none
  TimePoint pinged_at_ = kNever;  // because the client has been silent
  bool first_block_ = true;
};

}  // namespace weir
