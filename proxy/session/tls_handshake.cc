#include "session/tls_handshake.h"

#include <string_view>
#include <utility>

#include "base/log.h"

namespace weir {

TlsHandshake::TlsHandshake(EventLoop& loop, Handshakes& others, Transport& client,
                           ListenerCells& cells, TlsHandshakeOwner& owner)
    : Retirable(loop), others_(others), client_(client), cells_(cells), owner_(owner) {
  ++others_.under_way_;
}

void TlsHandshake::start(TimePoint until) {
  client_.set_reader(this);
  client_.set_writer(this);
  loop().deadlines().set(*this, until);
  if (client_.readable()) step();
}

void TlsHandshake::step() {
  if (over_) return;
  if (!others_.may_step(loop().turn())) return loop().yield(*this);
  switch (client_.handshake()) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed:
      return fail(client_.tls()->reason(), EndReason::tls_handshake_failed);
    case Transport::Connecting::done: break;
  }
  const TlsStream& tls = *client_.tls();
  const bool newest = std::string_view(tls.version()) == "TLSv1.3";
  cells_.tls_handshakes[newest ? TlsVersion::tls_1_3 : TlsVersion::tls_1_2].add();
  if (tls.resumed()) cells_.tls_resumed.add();
  close();
  owner_.on_handshake();
}

void TlsHandshake::on_deadline() {
  fail(TlsError::timeout, EndReason::tls_handshake_timeout);
}

void TlsHandshake::fail(TlsError error, EndReason reason) {
  cells_.tls_errors[error].add();
  LOG(debug, "tls.handshake_failed", kv("reason", text(error)),
      kv("error", client_.tls()->failure()));
  close();
  owner_.on_handshake_failed(reason);
}

void TlsHandshake::close() {
  if (std::exchange(over_, true)) return;
  Deadline::cancel();
  cancel_yield();
  --others_.under_way_;
  client_.set_reader(nullptr);
  client_.set_writer(nullptr);
}

}  // namespace weir
