// ExchangeOwner: the session whose request an Exchange serves, as far as the exchange knows it.
#pragma once

#include "session/session.h"
#include "upstream/private_connections.h"

namespace weir {

// How a session goes on after an exchange.
enum class AfterExchange : uint8_t {
  keep,    // the next request may come; leftover() may have its beginning
  linger,  // answered; FIN, then discard what still comes
  abort,   // a part was sent that must not look like the whole
  close,   // nothing to say or to hear: the client has gone, never asked, or has asked its last
};

class ExchangeOwner {
 public:
  virtual Transport& client() = 0;
  virtual const Session& session() const = 0;
  virtual PrivateConnections& private_connections() = 0;
  // A head is complete, or beyond repair: counts it, and takes up the configuration in force.
  virtual void on_head() = 0;
  // The connection takes no further request: a drain, its age, the number of its requests.
  virtual bool last_request() const = 0;
  // The connection has carried requests before this one.
  virtual bool served_before() const = 0;
  // The last call for this request; it may begin the next one.
  virtual void on_exchange_over(AfterExchange after, EndReason reason) = 0;

 protected:
  ~ExchangeOwner() = default;
};

}  // namespace weir
