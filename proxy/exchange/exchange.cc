// The stages of an exchange, and those from the first byte of the request to its route.
#include "exchange/exchange.h"

#include <algorithm>

#include "base/log.h"
#include "exchange/http2_backend.h"
#include "exchange/tunnel_offer.h"
#include "routing/decide.h"

namespace weir {
namespace {

// A backend that sends interim responses without end, or head bytes one by one, would keep the
// worker busy with one request (trap T5).
constexpr int kStepsPerTurn = 256;

// The client authenticated for another host, or before the rules changed: RFC 9110 15.5.20.
bool is_misdirected(const TlsServer* server, const TlsStream* tls, std::string_view host,
                    std::string_view authority) {
  if (server == nullptr || !server->requests_client_certificates()) return false;
  if (is_ambiguous_host(host, authority)) return true;
  return server->rules_for(host).id != (tls != nullptr ? tls->client_rules() : 0);
}

}  // namespace

// What is read with a head may be the beginning of a body, which BodyRelay frames where it stands.
static_assert(HeadBuffer::kReserve >= BodyRelay::kTailRoom);

Exchange::Exchange(HttpResources& http, BackendSides sides)
    : http_(http),
      sides_(sides),
      in_(http.pipes().buffers),
      up_(http.pipes(), *this),
      out_(http.pipes().buffers),
      down_(http.pipes(), *this) {
  if (sides.stream != nullptr) sides.stream->fill(out_);
}

Exchange::~Exchange() {
  reset();
}

void Exchange::begin(ClientSide& side) {
  client_side_ = &side;
  connection_ = side.connection();
  request_.began = http_.pipes().loop.now();
  hold_configuration();
  enter(Stage::read_head);
  client().set_reader(&client_events_);
  client().set_writer(&client_events_);
  advance();
}

void Exchange::reset() {
  abandon(EndReason::shutdown);
  Deadline::cancel();
  cancel_yield();
  end_attempt();
  attempt_.reset();
  search_.end();
  if (client_side_ != nullptr) {
    client().set_reader(nullptr);
    client().set_writer(nullptr);
  }
  in_.clear();
  out_.clear();
  in_.to_fill().release_fields();
  out_.to_fill().release_fields();
  for (TextBuffer* text : {&matched_.host, &matched_.path, &answer_})
    text->release_above(kBlockSize);
  answer_.clear();
  up_.kept().forget();
  client_side_ = nullptr;
  connection_ = {};
  books_ = {};
  request_ = {};
  upload_ = {};
  response_ = {};
  failure_.reset();
  expired_ = {};
  again_ = false;
  if (stage_ != Stage::idle) enter(Stage::idle);
}

void Exchange::enter(Stage next) {
  DCHECK(may_move(stage_, next));
  stage_ = next;
}

void Exchange::advance() {
  if (advancing_) {
    again_ = true;
    return;
  }
  advancing_ = true;
  // over() may begin the next request of the client in this exchange before it returns.
  int budget = kRequestsPerTurn;
  int steps = kStepsPerTurn;
  do {
    again_ = false;
    while (perform() == Step::next) {
      if (--steps > 0) continue;
      again_ = true;
      break;
    }
  } while (again_ && steps > 0 && under_way() && --budget > 0);
  advancing_ = false;
  if (!under_way()) return;
  if (client_is_gone()) return (void)cancel();
  books_.worked(http_.pipes().loop.now(), http_.pipes().loop.into_turn());
  if (again_) return http_.pipes().loop.yield(*this);
  arm();
}

Exchange::Step Exchange::perform() {
  switch (stage_) {
    case Stage::idle: return Step::wait;
    case Stage::read_head: return read_head();
    case Stage::route: return route();
    case Stage::acquire: return acquire();
    case Stage::queued:
    case Stage::pause: return Step::wait;
    case Stage::connect: return connect();
    case Stage::send_request: return send_request();
    case Stage::await_response: return await_response();
    case Stage::relay: return relay();
    case Stage::answer: return flush_answer();
    case Stage::tunnel: return Step::wait;
    case Stage::delivering: return deliver();
    case Stage::over: return Step::wait;
  }
  CHECK_UNREACHABLE();
}

// The request waits for a backend or its response, and the client has left.
bool Exchange::client_is_gone() {
  switch (stage_) {
    case Stage::queued:
    case Stage::pause:
    case Stage::connect:
    case Stage::send_request:
    case Stage::await_response:
    case Stage::relay: return client_has_left();
    case Stage::idle:
    case Stage::read_head:
    case Stage::route:
    case Stage::acquire:
    case Stage::answer:
    case Stage::tunnel:
    case Stage::delivering:
    case Stage::over: return false;
  }
  CHECK_UNREACHABLE();
}

// Nothing of the request is still to be read, and the client has closed its side. A FIN that comes
// with the request is a half-close: the client has finished sending (RFC 9112 9.6). With a later
// FIN the client leaves, unless `cancel_on_close` says otherwise.
bool Exchange::client_has_left() {
  if (!cancels_on_close() || request_.half_closed || up_.running()) return false;
  const TimePoint now = http_.pipes().loop.now();
  if (!request_.read_whole && up_.state() == BodyRelay::State::done) {
    request_.read_whole = true;
    request_.read_at = now;
  }
  if (!client().ended_by_peer()) return false;
  request_.half_closed = !client().failed() && now - request_.read_at < kHalfCloseGrace;
  return !request_.half_closed;
}

Exchange::Step Exchange::cancel() {
  if (client().failed()) return client_failed();
  request_.client_gone = true;
  return over(response_.begun ? after_cut() : AfterExchange::close, EndReason::client_closed);
}

// While weir does not read from the client, this detects its reset and its FIN. The reset of a
// stream cancels the request, whatever was received before.
void Exchange::on_client() {
  if (stage_ != Stage::read_head && stage_ != Stage::delivering &&
      (!up_.running() || client().delimits()) && client().has_pending_error())
    return (void)client_failed();
  advance();
}

Exchange::Step Exchange::read_head() {
  const HeadRead read = client_side_->read_head(in_, in_.to_fill());
  request_.received += read.bytes;
  switch (read.status) {
    case HeadRead::Status::complete: return take_head(read.size);
    case HeadRead::Status::again: return Step::next;
    case HeadRead::Status::incomplete:
      // A wake-up without a byte: the connection waits without an exchange.
      return in_.empty() ? over(AfterExchange::keep, std::nullopt) : Step::wait;
    case HeadRead::Status::malformed:
      take_configuration();
      return reply(client_side_->fault().status, client_side_->fault().reason,
                   EndReason::bad_request);
    case HeadRead::Status::ended: return over(AfterExchange::close, EndReason::client_closed);
    case HeadRead::Status::failed: return client_failed();
    case HeadRead::Status::http2: return over(AfterExchange::http2, std::nullopt);
  }
  CHECK_UNREACHABLE();
}

// The head is complete or malformed: the configuration in force serves the request.
void Exchange::take_configuration() {
  if (client_side_->on_head()) hold_configuration();
}

void Exchange::hold_configuration() {
  const ClientConfiguration now = client_side_->configuration();
  request_.snapshot = now.snapshot;
  request_.listener = &now.listener;
  http_.fit_scratch(request_.listener->http->head_room);
}

Exchange::Step Exchange::take_head(size_t size) {
  request_.head_size = size;
  request_.read_at = http_.pipes().loop.now();
  request_.read_whole = request().framing() == BodyFraming::none;
  take_configuration();
  // A client may send bytes for the tunnel before CONNECT is answered. If no tunnel is opened,
  // these bytes must not be read as a request.
  response_.keep_client = request().keep_alive() && request().form() != TargetForm::authority;
  request_.client = RequestClient(request(), *connection_.address, connection_.tls != nullptr,
                                  *request_.listener->http);
  recognize_grpc();
  enter(Stage::route);
  return Step::next;
}

Exchange::Step Exchange::route() {
  RequestFacts facts = facts_of(request(), matched_.host, request_.client.scheme);
  const ListenerSpec& listener = *request_.listener;
  facts.misdirected = is_misdirected(listener.tls.get(), connection_.tls, matched_.host.view(),
                                     request().authority());
  // Few clients open another connection otherwise.
  if (facts.misdirected) response_.keep_client = false;
  const Decision decision =
      decide(*listener.http, facts, {http_.text_scratch(), http_.target_scratch()});
  matched_.path.assign(decision.choice.path);
  const Route* const route = request_.route = decision.choice.route;
  if (route != nullptr) books_.routed(request_.snapshot->route_cells(listener, route));
  switch (decision.kind) {
    case Decision::Kind::forward: return forward(*route);
    case Decision::Kind::respond:
      return send_answer(decision.status, route->respond.content_type, route->respond.body, {});
    case Decision::Kind::redirect: return send_answer(decision.status, {}, {}, decision.location);
    case Decision::Kind::refuse: return refuse(decision);
  }
  CHECK_UNREACHABLE();
}

// A request that no route takes is answered, and not counted among the malformed ones.
Exchange::Step Exchange::refuse(const Decision& decision) {
  if (decision.status == 404) return reply(404, decision.reason, std::nullopt);
  return reply(decision.status, decision.reason, EndReason::bad_request);
}

Exchange::Step Exchange::forward(const Route& route) {
  if (!request().protocol().empty() && !offers_tunnel(request(), route))
    return reply(501, "the route does not allow this protocol", EndReason::bad_request);
  Cluster& cluster = request_.snapshot->cluster(route.pick(http_.random().next()));
  books_.forwarded(cluster.cells());
  if (!search_.begin(cluster))
    return reply(503, "the cluster has too many requests", EndReason::cluster_requests);
  const RequestHead& head = request();
  const size_t read = in_.view().size() - request_.head_size;
  if (head.framing() == BodyFraming::length && !client().delimits())
    request_.body_known = static_cast<size_t>(std::min<uint64_t>(read, head.content_length()));
  if (client().delimits()) up_.kept().begin();
  enter(Stage::acquire);
  return Step::next;
}

// While no relay reads from the client.
void Exchange::watch_client() {
  client().set_reader(&client_events_);
}

}  // namespace weir
