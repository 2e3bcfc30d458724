// ClientSide: the client's end of one exchange: it reads the head of the request, writes those of
// responses, and decides what happens to the connection. Its calls are virtual: a few for each
// message and each time that bytes of a head arrive. ClientConnection: the parts of the client's
// connection that an exchange uses many times per request; the exchange keeps a copy, so that none
// of these uses is a virtual call.
//
// Owner: that of the exchange, which it outlives; thread: the worker's. The session outlives both,
// and nothing that ClientConnection refers to moves. Heads are written in the scratch memory of
// HttpResources: they are sent, or copied, before the next one is written.
#pragma once

#include <optional>

#include "base/session_id.h"
#include "exchange/head_buffer.h"
#include "exchange/head_read.h"
#include "exchange/own_head.h"
#include "metrics/cells.h"
#include "routing/snapshot.h"
#include "upstream/private_connections.h"

namespace weir {

// What happens to the client's connection after an exchange. A stream of a shared connection ends
// with its exchange; where the response is complete, it was ended before.
enum class AfterExchange : uint8_t {
  // The next request may come; leftover() may have its beginning. A stream: both sides have ended
  // it.
  keep,
  // Answered; FIN, then discard what still comes. A stream: the response has ended, or the tunnel;
  // if the client has not ended its side: RST_STREAM(NO_ERROR), else clients go on sending.
  linger,
  // A part was sent that must not look like the whole. A stream: RST_STREAM, unless it was reset.
  abort,
  // Nothing is left to send or to read: the client has closed, or sent its last request. A stream:
  // a tunnel has ended on both sides, or the request came in part: RST_STREAM if it is still open.
  close,
  // Nothing was done for the request, and nothing was sent: the client may send it again. Of
  // streams only: RST_STREAM(REFUSED_STREAM), RFC 9113 8.7.
  refused,
  // Not HTTP/1: leftover() begins with the preface of HTTP/2. Nothing was counted or logged.
  http2,
};

// The session gives the exchange back before it closes the connection.
struct ClientConnection {
  Channel channel;
  const TlsStream* tls = nullptr;    // null: none
  const Address* address = nullptr;  // of the client, which a PROXY header may have named
  ListenerCells* cells = nullptr;
  PrivateConnections* private_connections = nullptr;
  const SnapshotRef* current = nullptr;  // the configuration in force
};

// The configuration that the connection uses. An index in one snapshot means nothing in another.
struct ClientConfiguration {
  const SnapshotRef& snapshot;
  const ListenerSpec& listener;  // of the snapshot
};

class ClientSide {
 public:
  virtual const ClientConnection& connection() const = 0;
  virtual ClientConfiguration configuration() const = 0;
  virtual SessionId session_id() const = 0;
  virtual uint32_t stream_id() const { return 0; }  // of HTTP/2; 0: the request has no stream
  // The head of the request is complete or malformed: counts the request, and changes to the
  // configuration in force. True: that is another one than before.
  [[nodiscard]] virtual bool on_head() = 0;
  // The connection takes no further request: a drain, its age, the number of its requests.
  virtual bool last_request() const = 0;
  // The connection has carried requests before this one.
  virtual bool served_before() const = 0;

  // One step; when complete, `head` is filled from `in`, which has the bytes from the first of the
  // request on.
  virtual HeadRead read_head(HeadBuffer& in, RequestHead& head) = 0;
  virtual Fault fault() const = 0;  // of a malformed head
  // Heads of responses, which a stream takes at once: no bytes are returned then.
  //
  // The head of the response, with room for the head of a first chunk. Sets plan.body: how the body
  // is sent to this client. `keep`: the connection goes on; false afterwards: it cannot.
  virtual HeadText write_head(const ResponseHead& head, ResponsePlan& plan, bool& keep) = 0;
  // Of an interim response. No bytes: the client's version of HTTP has no interim responses.
  virtual HeadText write_interim_head(const ResponseHead& head, const ResponsePlan& plan) = 0;
  // Of the response that opens a tunnel.
  virtual HeadText write_tunnel_head(const ResponseHead& head, const ResponsePlan& plan) = 0;
  // Of a response of weir's own.
  virtual HeadText write_own_head(const OwnHead& head, bool keep) = 0;

  // The last call for this request; it may begin the next one. `failure`: why the exchange did not
  // end in order.
  virtual void on_exchange_over(AfterExchange after, std::optional<EndReason> failure) = 0;

 protected:
  ~ClientSide() = default;
};

}  // namespace weir
