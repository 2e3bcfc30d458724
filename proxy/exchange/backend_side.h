// BackendSide: the backend's end of an attempt: a connection, or a place on one. It writes the head
// of the request, reads that of the response, and knows whether the connection may be used again.
//
// Owner: that of the exchange, which it outlives; thread: the worker's. One attempt after the
// other: begin(), connect() unless a kept connection was given, write_head(), read_head() until the
// head of the final response, over(). channel() is valid from begin() to over(), which removes its
// observers. Calls are virtual: a few for each message and each time that bytes of a head arrive,
// none for a buffer of a body.
#pragma once

#include <optional>

#include "exchange/forwarded_head.h"
#include "exchange/head_buffer.h"
#include "exchange/head_read.h"
#include "net/channel.h"
#include "upstream/private_connections.h"

namespace weir {

// Why a stream has ended before its response.
struct EarlyEnd {
  std::optional<RetryCause> cause;  // none: the backend is at fault, or wants HTTP/1
  bool new_connection = false;      // the same backend may serve the request by another connection
  bool needs_http1 = false;         // with HTTP/1, which the protocol of the cluster allows
};

// How an attempt leaves its connection.
enum class ConnectionUse : uint8_t {
  complete,  // request and response were complete, without bytes after them: it may be kept
  answered,  // the backend has nothing more to send: it is closed in order
  given_up,  // it is reset, if the request was sent: the backend can stop its work
};

class BackendSide {
 public:
  // Without a connection in `claim` connect() makes one.
  virtual void begin(Cluster& cluster, BackendIndex backend, Claim claim) = 0;
  // Begins to connect, and goes on with it. Pending: again when the channel has an event.
  [[nodiscard]] virtual Transport::Connecting connect() = 0;
  // When connect() has failed: nothing has gone wrong, and the request looks for another
  // connection, or takes this one, if it is not null. None: there is no connection.
  virtual std::optional<Lease> elsewhere() { return std::nullopt; }
  // connect() waits for a connection that others use, too, and that counts for itself.
  virtual bool shares_connection() const { return false; }
  // Counts and logs why there is no connection. `timeout`: it took too long.
  virtual void record_connect_failure(bool timeout, TimePoint now) = 0;
  // A connection that has carried requests: the backend may be closing it at this moment.
  virtual bool reused() const = 0;
  // It carries only requests of one client; see http/connection_auth.h.
  virtual bool is_private() const = 0;

  // In the scratch memory of `http`, with room for the head of a first chunk.
  virtual HeadText write_head(const ForwardedHead& head, HttpResources& http) = 0;
  // One step; when complete, `head` is filled from `in`, which has the bytes from the first of this
  // head on.
  virtual HeadRead read_head(HeadBuffer& in, ResponseHead& head) = 0;
  virtual Fault fault() const = 0;  // of a malformed head
  // After an interim response, whose head is no longer in the buffer: another head follows.
  virtual void next_head() = 0;
  // After write_head(): a byte of the current head has been received.
  virtual bool response_started() const = 0;
  // Of a stream that has failed; none: it is a whole connection.
  virtual std::optional<EarlyEnd> early_end() const { return std::nullopt; }

  // Ends the use of the connection. A private connection is kept for `own`; null: no further
  // request comes from that client. A stream that both sides have not ended is reset, whatever the
  // use was: the request may have left it open for a tunnel (RFC 9113 5.4.2, 8.1).
  virtual void over(ConnectionUse use, PrivateConnections* own) = 0;

  Channel channel() const { return channel_; }

 protected:
  ~BackendSide() = default;

  Channel channel_;
};

class Http2Backend;

// The backend's ends of an exchange, one of them for each attempt.
struct BackendSides {
  BackendSides(BackendSide& w, Http2Backend* s = nullptr) : whole(w), stream(s) {}  // NOLINT
  BackendSide& whole;    // a connection of its own
  Http2Backend* stream;  // of a shared connection; null: no cluster has these
};

}  // namespace weir
