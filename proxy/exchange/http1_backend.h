// Http1Backend: a BackendSide that is a whole HTTP/1 connection: a lease of a pool, and the parser
// of its responses.
#pragma once

#include "exchange/backend_side.h"
#include "http/h1_parser.h"
#include "http/websocket.h"

namespace weir {

class Http1Backend final : public BackendSide {
 public:
  explicit Http1Backend(EventLoop& loop) : loop_(loop) {}

  void begin(Cluster& cluster, BackendIndex backend, Claim claim) override;
  Transport::Connecting connect() override;
  void record_connect_failure(bool timeout, TimePoint now) override;
  bool reused() const override { return lease_->reused(); }
  bool is_private() const override { return lease_ != nullptr && lease_->is_private(); }
  HeadText write_head(const ForwardedHead& head, HttpResources& http) override;
  HeadRead read_head(HeadBuffer& in, ResponseHead& head) override;
  void next_head() override { parser_.reset(answers_); }
  Fault fault() const override { return fault_ ? fault_ : parser_.fault(); }
  bool response_started() const override { return parser_.started(); }
  void over(ConnectionUse use, PrivateConnections* own) override;

 private:
  HeadText write_upgrade(ForwardedHead forwarded, HttpResources& http);
  void note_final(const ResponseHead& head);
  void give_back(PrivateConnections* own);

  EventLoop& loop_;
  Cluster* cluster_ = nullptr;
  BackendIndex backend_ = 0;
  Lease lease_;
  H1ResponseParser parser_;
  HeadLimits limits_;
  AnswerTo answers_ = AnswerTo::other;
  Fault fault_{};                         // of a head that the parser accepts
  WebSocketKey key_{};                    // that weir has made; empty: none
  Duration keeps_for_ = Duration::max();  // as the backend says
  bool connecting_ = false;               // connect() has been called
  bool beside_http2_ = false;             // other requests to the backend use HTTP/2
  bool sent_ = false;                     // write_head() has been called
  bool keeps_ = false;                    // the backend keeps the connection after this response
  bool may_upgrade_ = false;              // a 101 may come
};

}  // namespace weir
