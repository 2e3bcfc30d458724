// ClientSide: the client's end of one exchange: what the exchange tells it and asks of it, once per
// message. ClientConnection: the parts of the client's connection that an exchange uses many times
// per request; the exchange keeps a copy, so that none of these uses is a virtual call.
//
// Owner: the session, which implements ClientSide; thread: the worker's. The session outlives its
// exchanges, and nothing that ClientConnection refers to moves.
#pragma once

#include <optional>

#include "base/session_id.h"
#include "exchange/channel.h"
#include "metrics/cells.h"
#include "routing/snapshot.h"
#include "upstream/private_connections.h"

namespace weir {

// What happens to the client's connection after an exchange.
enum class AfterExchange : uint8_t {
  keep,    // the next request may come; leftover() may have its beginning
  linger,  // answered; FIN, then discard what still comes
  abort,   // a part was sent that must not look like the whole
  close,   // nothing is left to send or to read: the client has closed, or sent its last request
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
  virtual ClientConnection connection() = 0;
  virtual ClientConfiguration configuration() const = 0;
  virtual SessionId session_id() const = 0;
  // The head of the request is complete or malformed: counts the request, and changes to the
  // configuration in force.
  virtual void on_head() = 0;
  // The connection takes no further request: a drain, its age, the number of its requests.
  virtual bool last_request() const = 0;
  // The connection has carried requests before this one.
  virtual bool served_before() const = 0;
  // The last call for this request; it may begin the next one. `failure`: why the exchange did not
  // end in order.
  virtual void on_exchange_over(AfterExchange after, std::optional<EndReason> failure) = 0;

 protected:
  ~ClientSide() = default;
};

}  // namespace weir
