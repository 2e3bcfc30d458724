#include "exchange/http1_backend.h"

#include <array>
#include <cstring>

#include "exchange/h1_head.h"
#include "http/connection_auth.h"
#include "http/semantics.h"
#include "upstream/connecting.h"

namespace weir {

void Http1Backend::begin(Cluster& cluster, BackendIndex backend, Claim claim) {
  DCHECK(lease_ == nullptr);
  cluster_ = &cluster;
  backend_ = backend;
  // The backend has not chosen HTTP/1 for all requests: this one needs it.
  lease_ = std::move(claim.lease);
  beside_http2_ = !lease_->transport.is_open() && cluster.spec().may_share();
  channel_ = lease_->transport;
  connecting_ = sent_ = keeps_ = false;
  keeps_for_ = Duration::max();
}

Transport::Connecting Http1Backend::connect() {
  const ClusterSpec& spec = cluster_->spec();
  const HostSpec& host = spec.hosts[backend_];
  if (!std::exchange(connecting_, true)) {
    const auto state = begin_connecting(loop_, lease_->transport, spec, host);
    if (state != Transport::Connecting::done) return state;
  }
  return beside_http2_ ? continue_connecting_http1(lease_->transport, spec, host)
                       : continue_connecting(lease_->transport, spec, host);
}

void Http1Backend::record_connect_failure(bool timeout, TimePoint now) {
  weir::record_connect_failure(lease_->transport, *cluster_, backend_,
                               timeout ? ConnectError::timeout : connect_error(lease_->transport),
                               now);
}

HeadText Http1Backend::write_head(const ForwardedHead& forwarded, HttpResources& http) {
  if (authenticates_connection(forwarded.head)) lease_->make_private();
  const bool extended = !forwarded.head.protocol().empty();
  answers_ = extended ? AnswerTo::other : answer_to(forwarded.head.method());
  may_upgrade_ = forwarded.head.upgrades() || extended;
  limits_ = forwarded.listener.http->head_limits();
  sent_ = true;
  parser_.reset(answers_, limits_);
  fault_ = {};
  key_.front() = '\0';
  return extended ? write_upgrade(forwarded, http) : write_forwarded_head(forwarded, http);
}

// To HTTP/1 an extended CONNECT is a GET with Upgrade (RFC 8441 5), and its key is weir's.
HeadText Http1Backend::write_upgrade(ForwardedHead forwarded, HttpResources& http) {
  if (iequals(forwarded.head.protocol(), "websocket")) {
    const std::array<uint64_t, 2> bits{http.random().next(), http.random().next()};
    std::array<uint8_t, sizeof(bits)> random;
    std::memcpy(random.data(), bits.data(), sizeof(bits));
    key_ = websocket_key(random);
    forwarded.websocket_key = {key_.data(), key_.size()};
  }
  return write_forwarded_head(forwarded, http);
}

HeadRead Http1Backend::read_head(HeadBuffer& in, ResponseHead& head) {
  // Bytes after a 101 are kept until the client has taken the head: no more than fit into a block.
  HeadRead read = read_h1_head(parser_, channel_, in, head, limits_.head,
                               may_upgrade_ ? kBlockSize / 2 : kBlockSize);
  if (read.status != HeadRead::Status::complete || head.interim()) return read;
  note_final(head);
  if (fault_) read.status = HeadRead::Status::malformed;
  return read;
}

void Http1Backend::note_final(const ResponseHead& head) {
  if (authenticates_connection(head)) lease_->make_private();
  keeps_ = head.keep_alive() && head.framing() != BodyFraming::until_close;
  if (const auto seconds = head.keep_alive_timeout()) keeps_for_ = std::chrono::seconds(*seconds);
  if (head.status() != 101 || key_.front() == '\0') return;
  const WebSocketAccept right = accept_for({key_.data(), key_.size()});
  if (head.find("Sec-WebSocket-Accept") != std::string_view(right.data(), right.size()))
    fault_ = {502, "the answer to the WebSocket handshake does not match its key"};
}

void Http1Backend::over(ConnectionUse use, PrivateConnections* own) {
  lease_->transport.set_reader(nullptr);
  lease_->transport.set_writer(nullptr);
  // A kept connection would be taken by requests that want HTTP/2, such as gRPC.
  const bool own_only = beside_http2_ && !lease_->is_private();
  if (use == ConnectionUse::complete && keeps_ && !own_only) give_back(own);
  // After a FIN a backend goes on with its work: it may be a half-close (RFC 9112 9.6).
  if (use == ConnectionUse::given_up && sent_) lease_->transport.abort();
  lease_.reset();
  channel_ = {};
}

void Http1Backend::give_back(PrivateConnections* own) {
  if (!lease_->is_private())
    lease_->pool().give_back(std::move(lease_), keeps_for_);
  else if (own != nullptr)
    own->keep(std::move(lease_), *cluster_, backend_, keeps_for_);
}

}  // namespace weir
