#include "session/http1_client.h"

#include <new>

#include "exchange/h1_head.h"
#include "http/websocket.h"
#include "session/http_session.h"

namespace weir {
namespace {

// RFC 9113 3.4: its beginning, which HTTP/1 reads as a request line.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";

}  // namespace

// PageBlocks lends whole pages of 4 KiB.
static_assert(sizeof(Http1Client) <= 2 * 4096);

void Http1Client::begin(HttpSession& session, std::string_view begun) {
  session_ = &session;
  connection_ = session.connection();
  const HeadLimits limits = session.configuration().listener.http->head_limits();
  max_head_size_ = limits.head;
  version_ = HttpVersion::http_1_1;
  parser_.reset(limits);
  exchange_.incoming().assign(begun);
  exchange_.begin(*this);
}

ClientConfiguration Http1Client::configuration() const {
  return session_->configuration();
}

SessionId Http1Client::session_id() const {
  return session_->id();
}

bool Http1Client::on_head() {
  const bool renewed = session_->on_head();
  if (!session_->served_before()) connection_.cells->http_connections[HttpMajor::h1].add();
  return renewed;
}

bool Http1Client::last_request() const {
  return session_->last_request();
}

bool Http1Client::served_before() const {
  return session_->served_before();
}

void Http1Client::on_exchange_over(AfterExchange after, std::optional<EndReason> failure) {
  session_->on_exchange_over(after, failure);
}

HeadRead Http1Client::read_head(HeadBuffer& in, RequestHead& head) {
  const HeadRead read = read_h1_head(parser_, connection_.channel, in, head, max_head_size_);
  if (read.status == HeadRead::Status::complete) version_ = head.version();
  if (read.status == HeadRead::Status::malformed && in.view().starts_with(kPreface) &&
      session_->may_be_http2())
    return {HeadRead::Status::http2, read.bytes};
  return read;
}

HeadText Http1Client::write_head(const ResponseHead& head, ResponsePlan& plan, bool& keep) {
  plan.body = relayed_body(head, version_);
  if (plan.body.framing == BodyFraming::until_close) keep = false;
  plan.client = version_;
  plan.connection = option(keep);
  return written_response(head, plan);
}

// HTTP/1.0 has no interim responses.
HeadText Http1Client::write_interim_head(const ResponseHead& head, const ResponsePlan& plan) {
  if (version_ == HttpVersion::http_1_0) return {};
  return written_response(head, plan);
}

// Of an extended CONNECT to the backend: the key is the client's.
HeadText Http1Client::write_tunnel_head(const ResponseHead& head, const ResponsePlan& plan) {
  const std::string_view key = exchange_.incoming().head().find("Sec-WebSocket-Key");
  if (plan.protocol.empty() || key.empty()) return written_response(head, plan);
  const WebSocketAccept accept = accept_for(key);
  ResponsePlan opening = plan;
  opening.websocket_accept = {accept.data(), accept.size()};
  return written_response(head, opening);
}

HeadText Http1Client::written_response(const ResponseHead& head, const ResponsePlan& plan) {
  H1HeadWriter out(http_.head_scratch(), kChunkHeadSize);
  write_response(out, head, plan);
  return {out.ok(), out.bytes()};
}

HeadText Http1Client::write_own_head(const OwnHead& head, bool keep) {
  H1HeadWriter out(http_.head_scratch());
  weir::write_own_head(out, head, option(keep));
  return {out.ok(), out.bytes()};
}

ConnectionOption Http1Client::option(bool keep) const {
  if (!keep) return ConnectionOption::close;
  return version_ == HttpVersion::http_1_0 ? ConnectionOption::keep_alive : ConnectionOption::none;
}

Http1Clients::Http1Clients(HttpResources& http)
    : Spares(http.pipes().loop), http_(http), memory_(sizeof(Http1Client)) {}

Http1Clients::~Http1Clients() {
  for (Http1Client* client : free_) client->~Http1Client();
}

Http1Client& Http1Clients::lend() {
  note_lent();
  if (free_.empty()) return *new (memory_.take()) Http1Client(http_);
  Http1Client* client = free_.back();
  free_.pop_back();
  return *client;
}

void Http1Clients::take_back(Http1Client& client) {
  // Its own frames may still be on the stack: it is kept, and freed between two turns at the
  // earliest.
  free_.push_back(&client);
  note_taken_back();
}

size_t Http1Clients::keep_spares(size_t most) {
  for (; free_.size() > most; free_.pop_back()) {
    free_.back()->~Http1Client();
    memory_.give_back(free_.back());
  }
  memory_.trim(0);
  return free_.size();
}

}  // namespace weir
