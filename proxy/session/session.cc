#include "session/session.h"

namespace weir {

Session::Session(SessionOwner& owner, Start start)
    : Retirable(owner.resources.loop),
      owner_(owner),
      snapshot_(start.snapshot),
      listener_(&start.listener),
      cells_(owner.listener_cells(start.listener.series)),
      client_address_(std::move(start.client)),
      serial_(start.serial),
      started_(loop().now()) {
  cells_.accepted(age());
}

ConfigAge Session::age() const {
  return snapshot_ == owner_.current() ? ConfigAge::current : ConfigAge::old;
}

void Session::account(EndReason reason, DrainEnd cut) {
  const DrainEnd how = !is_by_drain(reason)              ? DrainEnd::peer
                       : reason == EndReason::drain_idle ? DrainEnd::idle_spread
                                                         : cut;
  settle();
  cells_.ended(reason, age(), loop().now() - started_);
  if (owner_.draining()) cells_.drain_closed[how].add();
  listener_->count->leave();
  snapshot_->snapshot().count->leave();
}

void Session::open(Transport& client) {
  const bool expects_header = listener_->proxies && listener_->proxies->contains(client_address_);
  if (!expects_header && !listener_->tls && !listener_->passthrough) return on_opened();
  opening_ = make_owned<Opening>(*this, owner_.handshakes, client);
  opening_->start(expects_header);
}

// The place in the configuration of the timeout that ended the session; empty for other reasons and
// for defaults.
std::string Session::timeout_place(EndReason reason) const {
  const config::ListenerTimeouts& timeouts = listener_->timeouts;
  const Snapshot& snapshot = snapshot_->snapshot();
  if (reason == EndReason::idle_timeout) return snapshot.place(timeouts.idle.location);
  if (reason == EndReason::half_close_timeout) return snapshot.place(timeouts.half_close.location);
  if (reason == EndReason::tls_handshake_timeout)
    return snapshot.place(timeouts.tls_handshake.location);
  if (reason == EndReason::proxy_header_timeout)
    return snapshot.place(timeouts.proxy_header.location);
  if (reason == EndReason::max_age) return snapshot.place(timeouts.max_age.location);
  if (reason == EndReason::connect_timeout)
    return snapshot.place(snapshot.clusters[cluster()].connect_timeout.location);
  return "";
}

}  // namespace weir
