// Exchange: one HTTP request and its response, from the first byte of the head to the last byte of
// the body. The source order of perform() is the order of events; enter() is the only place where
// the stage changes.
//
// Owner: the pool that lends it, with its ends, while a request is under way (Http1Clients);
// thread: the worker's. It reads and writes no head and knows no socket: ClientSide and BackendSide
// read and write heads, bodies go by Channels. It does not close the client's connection: what
// happens to it is the last thing the exchange tells ClientSide in a call.
//
// Whether a request is sent again after a failure: exchange/retry.h. Which time limit it has:
// exchange/limits.h. Which backend it is sent to: exchange/backend_search.h.
#pragma once

#include "base/text_buffer.h"
#include "exchange/attempt.h"
#include "exchange/backend_search.h"
#include "exchange/body_relay.h"
#include "exchange/exchange_books.h"
#include "exchange/exchange_state.h"
#include "exchange/head_buffer.h"
#include "exchange/http_resources.h"
#include "net/transport_events.h"
#include "routing/decide.h"

namespace weir {

class Exchange final : private BodyRelayObserver,
                       private PipeObserver,
                       private QueueWaiter,
                       private Yielding,
                       private Deadline {
 public:
  Exchange(HttpResources& http, BackendSides sides);
  ~Exchange();

  // Before begin(): bytes of the request that have come, and its head if it was read already.
  ParsedHead<RequestHead>& incoming() { return in_; }
  // Takes over the client's channel.
  void begin(ClientSide& side);
  // Gives everything back; nothing is called afterwards.
  void reset();

  // Bytes after the request, when it is over.
  std::string_view leftover() const { return request_.leftover; }
  ExchangeStage stage() const { return stage_; }
  WaitingFor waiting_for() const;
  TimePoint last_active() const;
  uint64_t received_bytes() const;  // from the client
  uint64_t sent_bytes() const;      // to the client
  // Of the last attempt; null: none was made.
  const HostSpec* host() const { return attempt_ ? &attempt_->host() : nullptr; }
  // Adds the bytes moved since the last call to the backend's metrics.
  void settle();
  // Answers with this status if nothing has been answered yet, else aborts. A tunnel that is silent
  // gets its FIN.
  void give_up(unsigned status, EndReason reason);
  // The session, or the stream, ends at once: the client gets nothing more.
  void abandon(EndReason reason);

 private:
  using Stage = ExchangeStage;
  using Limit = ExchangeLimit;
  using Failure = ExchangeFailure;
  enum class Step : uint8_t { next, wait };
  static constexpr size_t kMaxInterim = kMaxHeadSize;  // bytes of interim responses together
  static constexpr size_t kMostUnsentInterim = 64 * 1024;
  static constexpr int kRequestsPerTurn = 16;
  // A client that only finishes sending does so with its request.
  static constexpr Duration kHalfCloseGrace = std::chrono::milliseconds(250);

  bool under_way() const { return stage_ != Stage::idle && stage_ != Stage::over; }
  void enter(Stage next);
  void on_client();
  bool client_is_gone();
  bool client_has_left();
  // The end of a stream is the end of its request, and says nothing about the client.
  bool cancels_on_close() const {
    return request_.listener->http->cancel_on_close && !client().delimits();
  }
  Step cancel();
  void on_body() override { client().delimits() ? on_client() : advance(); }
  void on_pipe() override;
  void on_room() override;
  void on_resume() override { advance(); }
  void on_deadline() override;

  void advance();
  // While no relay has the channels.
  using ClientEvents = TransportEvents<Exchange, &Exchange::on_client>;
  using BackendEvents = TransportEvents<Exchange, &Exchange::advance>;
  Step perform();
  // exchange.cc
  Step read_head();
  Step take_head(size_t size);
  void take_configuration();
  void hold_configuration();
  Step route();
  Step refuse(const Decision& decision);
  Step forward(const Route& route);
  // exchange_upstream.cc
  Step acquire();
  Step use(BackendSearch::Choice choice);
  Step wait_for_room(const BackendSearch::Query& query);
  Step no_backend();
  uint64_t balance_hash();
  Step connect();
  Step use_other(Lease lease);
  Step connect_failed();
  Step send_request();
  void expect_request_body(Channel backend);
  std::string_view request_id();
  // exchange_retry.cc
  RetryFacts retry_facts();
  bool try_again(RetryCause cause, const EarlyEnd& early = {});
  Step attempt_failed(Failure failure, unsigned status, const char* reason);
  Step backend_gone(EndReason reason);
  Step stream_gone(Failure failure, EarlyEnd early);
  void end_attempt();
  // exchange_response.cc
  Step await_response();
  Step read_response();
  Step take_response(size_t head_size);
  Step relay_interim(const ResponseHead& head);
  Step send_response(const ResponseHead& head);
  ResponsePlan response_plan(bool is_final = false);
  void expect_response_body(const ResponseHead& head);
  Step relay();
  Step cut_upload(EndReason reason, Fault fault);
  Step finish();
  Step answered(bool keep, std::optional<EndReason> failure);
  bool client_has_finished();
  // `failure`: why the exchange did not end in order.
  Step over(AfterExchange after, std::optional<EndReason> failure);
  Step client_failed();
  Step backend_at_fault(const char* reason);
  // exchange_answer.cc
  Step reply(unsigned status, const char* reason, std::optional<Failure> failure);
  Step send_answer(unsigned status, std::string_view type, std::string_view body,
                   std::string_view location);
  Step send_own(const OwnHead& head, std::string_view body);
  Step flush_answer();
  std::optional<size_t> whole_body();
  // exchange_grpc.cc
  void recognize_grpc();
  Step reply_grpc(unsigned status);
  bool end_grpc(unsigned status, EndReason reason);
  GrpcStatus grpc_status();
  // exchange_tunnel.cc
  Step open_tunnel(const ResponseHead& head);
  void end_tunnel(EndReason reason);
  // exchange_delivery.cc
  Step over_when_delivered(AfterExchange after, EndReason reason);
  void stop_relays();
  Step deliver();
  AfterExchange after_cut() const;
  // exchange_timeouts.cc
  LimitFacts limit_facts() const;
  bool client_waits() const;
  bool checks_body_rate() const;
  bool uploads_too_slowly(TimePoint now);
  void expire(const Limit& reached);
  void arm();
  // exchange_record.cc
  void record(std::optional<EndReason> reason);
  void count(std::optional<EndReason> reason);
  void write_access_line(std::optional<EndReason> reason);

  std::optional<EndReason> failed_by() const {
    return failure_ ? std::optional(failure_->cause) : std::nullopt;
  }
  bool understood() const { return request_.head_size != 0; }
  size_t max_head_size() const {
    return static_cast<size_t>(request_.listener->http->limits.max_header_size);
  }
  const RequestHead& request() { return in_.head(); }
  Channel client() const { return connection_.channel; }
  void watch_client();

  HttpResources& http_;
  const BackendSides sides_;
  ExchangeBooks books_;
  ClientSide* client_side_ = nullptr;
  ClientConnection connection_;  // of client_side_
  ClientEvents client_events_{*this};
  BackendEvents backend_events_{*this};

  // These keep their memory from one request to the next.
  ParsedHead<RequestHead> in_;
  ExchangeTexts matched_;
  BodyRelay up_;
  ParsedHead<ResponseHead> out_;
  BodyRelay down_;
  TextBuffer answer_;  // written by weir, or before the response; what is not sent yet

  ExchangeRequest request_;
  BackendSearch search_{*this};
  std::optional<Attempt> attempt_;  // the last one
  ExchangeUpload upload_;
  ExchangeResponse response_;
  std::optional<Pipe> tunnel_;
  ExchangeDelivery delivery_;
  std::optional<Failure> failure_;
  Limit expired_;  // the limit that made it fail; without a timeout: none
  Stage stage_ = Stage::idle;
  bool advancing_ = false, again_ = false;
};

}  // namespace weir
