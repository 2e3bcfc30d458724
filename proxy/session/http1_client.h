// Http1Client: the client's end of one HTTP/1 request: reads its head, writes the heads of its
// responses, and calls the session for the rest. It has the request's exchange and the
// backend's end, so that all three are lent together. Http1Clients: lends them.
//
// Owner: Http1Clients, which lends one to an HttpSession while a request is under way: an idle
// connection has none. Memory that was unused for half a second goes back to the kernel. Thread:
// the worker's.
#pragma once

#include <vector>

#include "base/page_blocks.h"
#include "event/spares.h"
#include "exchange/exchange.h"
#include "exchange/http1_backend.h"
#include "exchange/http2_backend.h"
#include "http/h1_parser.h"

namespace weir {

class HttpSession;

class Http1Client final : public ClientSide {
 public:
  explicit Http1Client(HttpResources& http)
      : http_(http),
        backend_(http.pipes().loop),
        backend_stream_(http),
        exchange_(http, {backend_, &backend_stream_}) {}

  // `begun`: the first bytes of a pipelined request.
  void begin(HttpSession& session, std::string_view begun);
  Exchange& exchange() { return exchange_; }

 private:
  const ClientConnection& connection() const override { return connection_; }
  ClientConfiguration configuration() const override;
  SessionId session_id() const override;
  bool on_head() override;
  bool last_request() const override;
  bool served_before() const override;
  HeadRead read_head(HeadBuffer& in, RequestHead& head) override;
  Fault fault() const override { return parser_.fault(); }
  HeadText write_head(const ResponseHead& head, ResponsePlan& plan, bool& keep) override;
  HeadText write_interim_head(const ResponseHead& head, const ResponsePlan& plan) override;
  HeadText write_tunnel_head(const ResponseHead& head, const ResponsePlan& plan) override;
  HeadText write_own_head(const OwnHead& head, bool keep) override;
  void on_exchange_over(AfterExchange after, std::optional<EndReason> failure) override;

  HeadText written_response(const ResponseHead& head, const ResponsePlan& plan);
  ConnectionOption option(bool keep) const;

  HttpResources& http_;
  HttpSession* session_ = nullptr;
  ClientConnection connection_;
  H1RequestParser parser_;
  size_t max_head_size_ = 0;
  HttpVersion version_{};
  Http1Backend backend_;
  Http2Backend backend_stream_;
  Exchange exchange_;
};

class Http1Clients final : public Spares {
 public:
  explicit Http1Clients(HttpResources& http);
  ~Http1Clients();

  Http1Client& lend();
  void take_back(Http1Client& client);

 private:
  size_t keep_spares(size_t most) override;

  HttpResources& http_;
  PageBlocks memory_;
  std::vector<Http1Client*> free_;
};

}  // namespace weir
