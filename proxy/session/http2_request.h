// Http2Request: the client's end of one HTTP/2 request: a stream of an Http2Client, with the
// exchange and the backend's end that serve it. Http2Requests: lends them.
//
// Owner: Http2Requests, which lends one to an Http2Client from the head of the request to the end
// of the exchange, which may be later than that of the stream: a limit of streams counts work. The
// head is read by the client connection before the exchange begins. Thread: the worker's.
#pragma once

#include <vector>

#include "base/page_blocks.h"
#include "event/spares.h"
#include "exchange/exchange.h"
#include "exchange/http1_backend.h"
#include "exchange/http2_backend.h"
#include "h2/h2_stream.h"
#include "http/h2_head.h"
#include "http/hpack_writer.h"

namespace weir {

class Http2Client;

struct RequestNode : ListNode {};  // in a list of its Http2Client

class Http2Request final : public ClientSide, public H2Stream, public RequestNode {
 public:
  explicit Http2Request(HttpResources& http)
      : H2Stream(http.pipes().buffers),
        http_(http),
        backend_(http.pipes().loop),
        backend_stream_(http),
        exchange_(http, {backend_, &backend_stream_}) {}

  // The stream begins; its head is read into exchange().incoming().
  void open(Http2Client& client);
  // `fault`: of the message; it is answered. `bytes`: of the head's texts.
  void on_head_read(size_t bytes, Fault fault);
  // The exchange begins.
  void begin();
  bool begun() const { return begun_; }
  Exchange& exchange() { return exchange_; }
  // How the stream ended, when the exchange is over.
  StreamEnd ended_how() const;
  void note_reset(bool by_peer) { (by_peer ? reset_by_peer_ : reset_by_weir_) = true; }

 private:
  const ClientConnection& connection() const override { return connection_; }
  ClientConfiguration configuration() const override;
  SessionId session_id() const override;
  uint32_t stream_id() const override { return id(); }
  bool on_head() override;
  bool last_request() const override { return false; }   // GOAWAY says that, not an answer
  bool served_before() const override { return false; }  // on this stream
  HeadRead read_head(HeadBuffer& in, RequestHead& head) override;
  Fault fault() const override { return fault_; }
  HeadText write_head(const ResponseHead& head, ResponsePlan& plan, bool& keep) override;
  HeadText write_interim_head(const ResponseHead& head, const ResponsePlan& plan) override;
  HeadText write_tunnel_head(const ResponseHead& head, const ResponsePlan& plan) override;
  HeadText write_own_head(const OwnHead& head, bool keep) override;
  void on_exchange_over(AfterExchange after, std::optional<EndReason> failure) override;

  HeadText written_response(const ResponseHead& head, const ResponsePlan& plan);
  HeadText sent(const HpackWriter& block);
  void finish(AfterExchange after, std::optional<EndReason> failure);

  HttpResources& http_;
  Http2Client* client_ = nullptr;
  ClientConnection connection_;
  Fault fault_{};
  size_t head_size_ = 0;
  bool begun_ = false;
  bool reset_by_peer_ = false;
  bool reset_by_weir_ = false;
  Http1Backend backend_;
  Http2Backend backend_stream_;
  Exchange exchange_;
};

class Http2Requests final : public Spares {
 public:
  explicit Http2Requests(HttpResources& http);
  ~Http2Requests();

  HttpResources& http() { return http_; }
  Http2Request& lend();
  void take_back(Http2Request& request);
  // For the heads of all connections: each is read in one call.
  H2RequestReader& head_reader() { return head_reader_; }
  H2TrailerReader& trailer_reader() { return trailer_reader_; }

 private:
  size_t keep_spares(size_t most) override;

  HttpResources& http_;
  H2RequestReader head_reader_;
  H2TrailerReader trailer_reader_;
  PageBlocks memory_;
  std::vector<Http2Request*> free_;
};

}  // namespace weir
