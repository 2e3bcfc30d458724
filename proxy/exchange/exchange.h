// Exchange: one HTTP request and its response, from the first byte of the head to the last byte of
// the body. The source order of perform() is the order of events; nothing else decides what happens
// next to a request.
//
// Owner: HttpResources, which lends it to an Http1Session while a request is under way; thread: the
// worker's. It drives both transports through two BodyRelays and closes neither client nor books:
// what happens to the connection then is the last thing it tells ClientSide in a call.
//
// Whether a request is sent again after a failure: exchange/retry.h. Which time limit it has:
// exchange/limits.h.
#pragma once

#include <array>
#include <optional>

#include "base/text_buffer.h"
#include "exchange/body_relay.h"
#include "exchange/client_side.h"
#include "exchange/exchange_books.h"
#include "exchange/exchange_stage.h"
#include "exchange/head_buffer.h"
#include "exchange/http_resources.h"
#include "exchange/limits.h"
#include "exchange/request_client.h"
#include "exchange/retry.h"
#include "http/h1_parser.h"
#include "http/h1_relay.h"
#include "net/last_bytes.h"
#include "net/transport_events.h"
#include "routing/http_spec.h"
#include "upstream/cluster.h"
#include "upstream/pool.h"

namespace weir {

class Exchange final : private BodyRelayObserver,
                       private PipeObserver,
                       private QueueWaiter,
                       private Yielding,
                       private Deadline {
 public:
  explicit Exchange(HttpResources& http);
  ~Exchange();

  // Takes over the client's transport; `begun`: its first bytes, of a pipelined request.
  void begin(ClientSide& side, std::string_view begun);
  // Gives everything back; nothing is called afterwards.
  void reset();

  // Bytes after the request, when it is over.
  std::string_view leftover() const { return leftover_; }
  WaitingFor waiting_for() const;
  TimePoint last_active() const;
  uint64_t received_bytes() const;  // from the client
  uint64_t sent_bytes() const;      // to the client
  const HostSpec* host() const;
  // Adds the bytes moved since the last call to the backend's metrics.
  void settle();
  // Answers with this status if nothing has been answered yet, else aborts. A tunnel that is silent
  // gets its FIN.
  void give_up(unsigned status, EndReason reason);
  // The session ends at once: counted, and nothing else.
  void abandon(EndReason reason);

 private:
  using Stage = ExchangeStage;
  using Limit = ExchangeLimit;
  enum class Step : uint8_t { next, wait };
  static constexpr size_t kMaxInterim = kMaxHeadSize;  // bytes of interim responses together
  static constexpr int kRequestsPerTurn = 16;

  bool under_way() const { return stage_ != Stage::idle && stage_ != Stage::over; }
  void on_client();
  bool client_is_gone();
  bool client_has_left();
  Step cancel();
  void on_body() override { advance(); }
  void on_pipe() override;
  void on_room() override;
  void on_resume() override { advance(); }
  void on_deadline() override;

  void advance();
  // While no relay has the transports.
  using ClientEvents = TransportEvents<Exchange, &Exchange::on_client>;
  using UpstreamEvents = TransportEvents<Exchange, &Exchange::advance>;
  Step perform();
  // exchange.cc
  Step read_head();
  Step take_head();
  void take_configuration();
  void hold_configuration();
  Step route();
  Step forward(const Route& route);
  // exchange_upstream.cc
  void renew_cluster();
  Step acquire();
  bool find_place(bool reclaim = false);
  bool take_private();
  Step use_place();
  Step no_place(bool all_full);
  void leave_queue();
  Step connect();
  Step connect_failed();
  Step send_request();
  std::string_view write_request_head(BodyPlan body);
  using OwnFields = std::array<FieldText, 8>;
  std::span<const FieldText> forwarding_fields(const Hop& hop, OwnFields& fields);
  std::string_view request_target();
  uint64_t client_hash();
  // exchange_retry.cc
  bool try_again(RetryCause cause);
  RetryFacts retry_facts();
  Step upstream_failed(EndReason reason);
  void end_try();
  void end_retrying(RetryResult result);
  // exchange_response.cc
  Step await_response();
  Step read_response();
  Step take_response();
  Step relay_interim(const ResponseHead& head);
  Step send_response(const ResponseHead& head);
  ResponsePlan response_plan() const;
  std::string_view write_response_head(const ResponseHead& head, BodyPlan body);
  Step relay();
  Step finish();
  Step answered(bool keep, EndReason reason);
  bool client_has_finished();
  AfterExchange after_cut() const;
  Step over(AfterExchange after, EndReason reason);
  Step client_failed();
  Step backend_at_fault(const char* reason);
  // exchange_answer.cc
  Step reply(unsigned status, const char* reason, EndReason failure);
  Step send_answer(unsigned status, std::string_view type, std::string_view body,
                   std::string_view location);
  Step flush_answer();
  bool request_is_over();
  // exchange_tunnel.cc
  Step open_tunnel(const ResponseHead& head);
  void end_tunnel(EndReason reason);
  Step over_when_delivered(AfterExchange after, EndReason reason);  // exchange_delivery.cc
  void stop_relays();
  Step deliver();
  // exchange_timeouts.cc
  LimitFacts limit_facts() const;
  bool client_waits() const;
  bool checks_body_rate() const;
  bool uploads_too_slowly(TimePoint now);
  void expire(const Limit& reached);
  void arm();
  // exchange_record.cc
  const Snapshot& snapshot_of_timeout() const;
  void record(EndReason reason);
  void count(EndReason reason);
  void write_access_line(EndReason reason);

  HeadLimits head_limits() const;
  void expect_request_trailers();
  void expect_response_trailers(const ResponseHead& head);
  const RequestHead& request() { return request_parser_.head(in_.view()); }
  const ResponseHead& response() { return response_parser_.head(out_.view()); }
  Transport& client() const { return *connection_.transport; }
  void drop_upstream();
  void watch_client();

  HttpResources& http_;
  ExchangeBooks books_;
  ClientSide* client_side_ = nullptr;
  ClientConnection connection_;  // of client_side_
  ClientEvents client_events_{*this};
  UpstreamEvents upstream_events_{*this};

  // The request.
  HeadBuffer in_;
  H1RequestParser request_parser_;
  RequestClient client_;
  TimePoint began_{};
  SnapshotRef snapshot_;
  const ListenerSpec* listener_ = nullptr;  // of the snapshot, as long as the exchange is lent
  const Route* route_ = nullptr;
  SnapshotRef renewed_;  // the one that has cluster_, when it is not snapshot_
  Cluster* cluster_ = nullptr;
  std::array<char, kRequestIdSize> request_id_memory_{};
  std::string_view request_id_;
  TextBuffer host_;        // in lower case, without port; keeps its memory
  TextBuffer path_;        // as matched; the same
  size_t body_known_ = 0;  // bytes of the body that stand behind the head

  // The way to the backend.
  std::array<BackendIndex, kMaxTries> tried_{};  // not to be picked again before others
  uint32_t tried_count_ = 0;
  BackendIndex next_ = kNoBackend;  // first to be tried: another address of an unreachable backend
  uint32_t tries_ = 0;              // requests sent or connections that failed
  uint32_t retries_ = 0;            // of them, after the first
  BackendIndex place_ = kNoBackend;
  Lease lease_;
  TimePoint try_began_{}, queued_since_{}, pause_until_{};
  BodyRelay up_;
  TimePoint upload_since_{};  // the client's turn to send the body
  BodyRate body_rate_;
  bool in_cluster_ = false;       // counted among its requests
  bool retrying_ = false;         // and among those that are sent again
  bool called_ = false;           // by the queue: it is this one's turn
  bool awaits_continue_ = false;  // the client waits for a 100 before it sends the body
  bool fresh_ = false;            // kept connections are not to be trusted now
  bool client_gone_ = false;      // it closed its side while it waited

  // The response.
  HeadBuffer out_;
  H1ResponseParser response_parser_;
  BodyRelay down_;
  std::optional<Pipe> tunnel_;
  LastBytes last_bytes_;
  std::pair<AfterExchange, EndReason> after_delivery_{};
  unsigned status_ = 0;
  TimePoint first_byte_at_{};
  Duration keeps_for_ = Duration::max();
  bool keep_upstream_ = false, keep_client_ = false;
  bool response_begun_ = false;
  size_t interim_bytes_ = 0;

  TextBuffer answer_;  // written by weir, or before the response; what is not sent yet
  TimePoint answer_moved_{};
  std::string_view leftover_;
  uint64_t received_ = 0;  // from the client, without what up_ counts
  uint64_t answered_ = 0;
  uint64_t heads_received_ = 0;  // from the backend, of this try
  uint64_t settled_up_ = 0, settled_down_ = 0;
  EndReason failure_ = EndReason::client_closed;  // client_closed: none
  Limit expired_;  // the limit that made it fail; without a timeout: none
  Stage stage_ = Stage::idle;
  bool advancing_ = false, again_ = false;
};

}  // namespace weir
