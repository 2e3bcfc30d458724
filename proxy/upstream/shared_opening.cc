#include "upstream/shared_opening.h"

#include "upstream/connecting.h"

namespace weir {
namespace {

// Streams may be silent for hours: the kernel finds out that the host has gone.
ConnectOptions shared_options(const ClusterSpec& cluster) {
  ConnectOptions options = cluster.connect_options();
  if (!options.keepalive.enabled()) options.keepalive = {30s, 10s, 3};
  options.user_timeout = 30s;
  return options;
}

}  // namespace

void SharedOpening::start(const ClusterSpec& cluster, const HostSpec& host, ClusterCells& cells) {
  EventLoop& loop = pool_.loop();
  cells_ = &cells;
  backoff_ = cluster.backoff;
  since_ = loop.now();
  may_choose_ = cluster.protocol == config::BackendProtocol::automatic;
  expects_http1_ = may_choose_ && pool_.shared().expects_http1();
  if (cluster.tls != nullptr) {
    tls_ = cluster.tls->connect(host.tls_host, host.backend->text());
    without_tls_ = tls_ == nullptr;
  }
  transport_.set_reader(this);
  transport_.set_writer(this);
  const auto state = transport_.connect(loop, host.backend->address(), shared_options(cluster));
  if (state != Transport::Connecting::pending) loop.yield(*this);
  if (cluster.connect_timeout.enabled())
    loop.deadlines().set(*this, since_ + cluster.connect_timeout.value);
}

void SharedOpening::stop() {
  Deadline::cancel();
  cancel_yield();
  transport_.set_reader(nullptr);
  transport_.set_writer(nullptr);
}

void SharedOpening::proceed() {
  if (!transport_.is_open() || without_tls_) return fail(connect_error(transport_));
  switch (continue_connecting(transport_, tls_)) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed: return fail(connect_error(transport_));
    case Transport::Connecting::done: return opened();
  }
}

void SharedOpening::opened() {
  const TlsStream* const tls = transport_.tls();
  const bool http2 = tls == nullptr || tls->alpn() == "h2";
  if (!http2 && !may_choose_) return fail(ConnectError::alpn);
  cells_->connect_duration.observe(pool_.loop().now() - since_);
  pool_.backend().note_connect_success();
  if (may_choose_) pool_.shared().note_protocol(http2);
  stop();
  owner_.on_opened(http2 ? Outcome::http2 : Outcome::http1);
}

void SharedOpening::fail(ConnectError error) {
  record_connect_failure(transport_, {pool_.backend(), pool_.cells_, backoff_}, error,
                         pool_.loop().now());
  stop();
  owner_.on_opened(Outcome::failed);
}

}  // namespace weir
