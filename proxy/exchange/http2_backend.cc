#include "exchange/http2_backend.h"

#include "exchange/tunnel_offer.h"
#include "http/semantics.h"

namespace weir {

Http2Backend::Http2Backend(HttpResources& http) : SharedStream(http.pipes().buffers), http_(http) {}

Http2Backend::~Http2Backend() {
  DCHECK(shared_connection() == nullptr);
}

void Http2Backend::begin(Cluster& cluster, BackendIndex, Claim claim) {
  may_use_http1_ = cluster.spec().protocol == config::BackendProtocol::automatic;
  no_tunnels_ = false;
  claim.shared->join(*this, claim);
  channel_ = static_cast<Stream&>(*this);
  fault_ = {};
  unread_ = 0;
  has_head_ = false;
}

Transport::Connecting Http2Backend::connect() {
  switch (place()) {
    case Place::waiting: return Transport::Connecting::pending;
    case Place::ready:
    case Place::open: return Transport::Connecting::done;
    case Place::none:
    case Place::refused:
    case Place::moved: break;
  }
  return Transport::Connecting::failed;
}

std::optional<Lease> Http2Backend::elsewhere() {
  if (place() != Place::moved) return std::nullopt;
  return take_lease();
}

// The output of the connection has the head afterwards: no text is to be sent in front of the body.
// BodyRelay ends the stream of a request without a body, with the same frame.
HeadText Http2Backend::write_head(const ForwardedHead& forwarded, HttpResources& http) {
  SharedConnection& connection = *shared_connection();
  // RFC 8441 5: a 2xx opens the tunnel.
  const bool extended = !tunnel_protocol(forwarded.head, forwarded.route).empty();
  if (extended && !connection.allows_connect_protocol()) {
    no_tunnels_ = true;
    if (!may_use_http1_) fault_ = {502, "does not support extended CONNECT (RFC 8441)"};
    return reset_unsent(), HeadText{};
  }
  answers_ = extended ? AnswerTo::connect : answer_to(forwarded.head.method());
  limits_ = forwarded.listener.http->head_limits();
  HpackWriter block(http.head_scratch());
  connection.begin_block(block);
  write_forwarded_head(block, forwarded, http, connection.tls() != nullptr ? "https" : "http");
  if (!block.ok()) return {.ok = false};
  connection.open(*this, block.block());
  return {};
}

HeadRead Http2Backend::read_head(HeadBuffer& in, ResponseHead&) {
  using Status = HeadRead::Status;
  const uint32_t bytes = std::exchange(unread_, 0);
  if (has_head_) return {Status::complete, bytes, static_cast<uint32_t>(in.view().size())};
  if (fault_) return {Status::malformed, bytes};
  return {was_reset() ? Status::failed : Status::incomplete, bytes};
}

// RFC 9113 9.2.3, RFC 8441 3: nothing was done for the request.
std::optional<EarlyEnd> Http2Backend::early_end() const {
  if (may_use_http1_ && (no_tunnels_ || requires_http1()))
    return EarlyEnd{RetryCause::refused_stream, /*new_connection=*/true, /*needs_http1=*/true};
  return EarlyEnd{why_ended(), left_by_connection()};
}

void Http2Backend::next_head() {
  has_head_ = later_ != nullptr;
  if (!has_head_) return;
  const std::unique_ptr<LaterHead> next = std::move(later_);
  later_ = std::move(next->next);
  waiting_ -= next->text.size();
  response_->assign({next->text.data(), next->text.size()});
  response_->to_fill() = std::move(next->head);
}

H2FieldTarget Http2Backend::on_fields(H2Fields kind) {
  const std::span<char> scratch = http_.head_scratch();
  if (kind == H2Fields::trailers) {
    http_.trailer_reader().begin(trailer_memory());
    return {&http_.trailer_reader(), scratch, kMaxH2TrailersSize};
  }
  if (has_head_) reading_ = std::make_unique<LaterHead>();
  ResponseHead& head = reading_ != nullptr ? reading_->head : response_->to_fill();
  http_.response_reader().begin(head, scratch.first(limits_.head), limits_, answers_);
  return {&http_.response_reader(), scratch.first(limits_.head), limits_.head};
}

void Http2Backend::on_fields_end(H2Fields kind, const HpackOutcome& outcome, bool end) {
  if (kind == H2Fields::trailers) return on_trailers_end(outcome, end);
  on_head_end(outcome, end);
}

void Http2Backend::on_head_end(const HpackOutcome& outcome, bool end) {
  const H2HeadFault found = http_.response_reader().finish(outcome, end);
  if (found) {
    fault_ = found.fault;
    reading_.reset();
    return reset(H2Error::protocol_error, true);
  }
  const ResponseHead& head = reading_ != nullptr ? reading_->head : response_->to_fill();
  if (!head.interim()) {
    expect_trailers();
    if (head.framing() == BodyFraming::length) expect_length(head.content_length());
  }
  keep(http_.response_reader().size());
}

void Http2Backend::keep(size_t size) {
  unread_ += static_cast<uint32_t>(size);
  const std::string_view text(http_.head_scratch().data(), size);
  if (reading_ == nullptr) {
    response_->assign(text);
    has_head_ = true;
    return;
  }
  waiting_ += size;
  if (waiting_ > kMostWaiting) {
    fault_ = {502, "too many interim responses at once"};
    return reset(H2Error::enhance_your_calm, true);
  }
  reading_->text.assign(text.begin(), text.end());
  std::unique_ptr<LaterHead>* end = &later_;
  while (*end != nullptr) end = &(*end)->next;
  *end = std::move(reading_);
}

void Http2Backend::on_trailers_end(const HpackOutcome& outcome, bool end) {
  if (http_.trailer_reader().finish(outcome, end)) return reset(H2Error::protocol_error, true);
  set_trailers(http_.trailer_reader().lines().size());
}

void Http2Backend::over(ConnectionUse use, PrivateConnections*) {
  set_reader(nullptr);
  set_writer(nullptr);
  channel_ = {};
  reading_.reset();
  while (later_ != nullptr) later_ = std::move(later_->next);
  waiting_ = 0;
  shared_connection()->leave(*this, use == ConnectionUse::complete);
}

}  // namespace weir
