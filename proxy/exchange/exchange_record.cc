// The end of an exchange in the counters and in the access log.
#include "base/check.h"
#include "base/log.h"
#include "exchange/exchange.h"
#include "http/glimpse.h"

namespace weir {
namespace {

bool is_timeout(std::optional<EndReason> reason) {
  return reason == EndReason::request_timeout || reason == EndReason::response_timeout ||
         reason == EndReason::client_idle_timeout || reason == EndReason::request_body_timeout;
}

// `status`: what the client was told, 0 for nothing.
std::optional<RequestError> request_error(std::optional<EndReason> reason, unsigned status,
                                          bool client_gone) {
  if (reason == EndReason::request_header_timeout) return RequestError::header_timeout;
  if (reason == EndReason::request_body_timeout) return RequestError::body_timeout;
  if (reason == EndReason::client_reset) return RequestError::client_abort;
  if (reason == EndReason::client_closed && (status == 0 || client_gone))
    return RequestError::client_abort;
  if (reason != EndReason::bad_request) return std::nullopt;
  if (status == 413) return RequestError::body_too_large;
  if (status == 414) return RequestError::uri_too_long;
  if (status == 421) return RequestError::misdirected;
  if (status == 431) return RequestError::header_too_large;
  return RequestError::malformed;
}

std::string_view text(HttpVersion version) {
  switch (version) {
    case HttpVersion::http_1_0: return "HTTP/1.0";
    case HttpVersion::http_1_1: return "HTTP/1.1";
    case HttpVersion::http_2: return "HTTP/2.0";
  }
  CHECK_UNREACHABLE();
}

// Where the timeout that expired is configured; empty: none did. A request that waited may have
// changed to the cluster of a later configuration.
std::string place_of(const ExchangeLimit& expired, const BackendSearch& search,
                     const SnapshotRef& own) {
  if (expired.timeout == nullptr) return {};
  const SnapshotRef& has_it = expired.of_cluster && search.renewed() ? search.renewed() : own;
  return has_it->snapshot().place(expired.timeout->location);
}

}  // namespace

void Exchange::abandon(EndReason reason) {
  if (!under_way()) return;
  search_.end_retrying(RetryResult::failed);
  settle();
  request_.client_gone = reason == EndReason::client_closed;
  record(reason);
  // A part of a request, or of a tunnel, must not look whole to the backend.
  const BodyRelay::State sent = up_.state();
  const bool part = sent != BodyRelay::State::done && sent != BodyRelay::State::idle;
  if ((part || tunnel_) && attempt_ && attempt_->has_connection()) attempt_->channel().abort();
  enter(Stage::over);
}

// A request is counted if its head was read, or if it was answered. A request whose head was cut
// off is not counted, but is logged. A connection that is closed between two requests leaves no
// trace.
void Exchange::record(std::optional<EndReason> reason) {
  // The reason of the error answer counts, not a failure while it was sent.
  if (failure_) reason = failure_->cause;
  if (understood() || !in_.empty())
    if (const auto error = request_error(
            reason, upload_.fault_status != 0 ? upload_.fault_status : response_.status,
            request_.client_gone))
      connection_.cells->request_errors[*error].add();
  if (understood() || response_.status != 0) count(reason);
  if (understood() || response_.status != 0 || !in_.empty()) write_access_line(reason);
}

void Exchange::count(std::optional<EndReason> reason) {
  EventLoop& loop = http_.pipes().loop;
  ListenerCells& cells = *connection_.cells;
  const bool answering =
      stage_ == Stage::relay || (stage_ == Stage::delivering && response_.begun && !tunnel_);
  if (answering && reason && is_by_drain(*reason)) cells.truncated[CutPhase::drain].add();
  if (answering && is_timeout(reason)) cells.truncated[CutPhase::timeout].add();
  if (attempt_) attempt_->end(reason);
  books_.worked(loop.now(), loop.into_turn());
  if (request_.grpc.call)
    request_.snapshot->route_cells(*request_.listener, request_.route)
        .grpc_responses[grpc_status()]
        .add();
  books_.over(
      cells, request_.snapshot->route_cells(*request_.listener, request_.route),
      {understood() ? request_method(request().method()) : RequestMethod::other, response_.status,
       tunnel_.has_value(), reason, loop.now() - request_.began, received_bytes(), sent_bytes()},
      loop.now());
}

// What the client sent comes last: a line that is too long is cut there.
void Exchange::write_access_line(std::optional<EndReason> reason) {
  LogThread* log = LogThread::for_access();
  if (log == nullptr) return;
  static const RequestHead kNothing;
  // Of a stream the fields of a malformed head, too: its bytes are no text of HTTP/1.
  const uint32_t stream = client_side_->stream_id();
  const bool readable = understood() || stream != 0;
  const RequestHead& head = readable ? request() : kNothing;
  const HeadGlimpse seen =
      readable ? HeadGlimpse{head.method(), head.target(), head.authority()} : glimpse(in_.view());
  const std::string_view version = readable ? text(head.version()) : std::string_view();
  const uint64_t sent = sent_bytes();
  const std::string_view referer = head.find("Referer"), agent = head.find("User-Agent");
  std::array<char, IpAddress::kTextSize> client_memory;
  IpAddress ip;
  const Address& peer = *connection_.address;
  const bool named = request_.client.is_named();
  std::string_view client = "-";
  if (named)
    client = request_.client.address->text(client_memory);
  else if (ip.assign(peer))
    client = ip.text(client_memory);
  if (log->access_common({client, seen.method, seen.target, version, response_.status,
                          sent - std::min(sent, books_.head_bytes()), referer, agent}))
    return;
  std::array<char, Address::kTextSize> peer_memory;
  const std::string_view peer_text = peer.text(peer_memory);
  std::string_view route, cluster, backend;
  if (request_.route != nullptr) route = request_.route->name;
  if (search_.begun()) cluster = search_.cluster().spec().name;
  if (const HostSpec* to = host()) backend = to->backend->name();
  const std::string place = place_of(expired_, search_, request_.snapshot);
  const bool normalized = request_.route != nullptr && head.form() != TargetForm::asterisk &&
                          head.form() != TargetForm::authority &&
                          matched_.path.view() != head.path();
  const auto connected_in = attempt_ ? attempt_->connected_in() : std::nullopt;
  log->access("request",
              {kv("session", text(client_side_->session_id())),
               kv_if(stream != 0, "stream", stream),
               kv("listener", request_.listener->name),
               kv("client", named ? client : peer_text),
               kv_if(named, "peer", peer_text),
               kv("status", response_.status),
               kv_if(request_.grpc.call, "grpc_status",
                     request_.grpc.call ? weir::text(grpc_status()) : ""),
               kv_if(!route.empty(), "route", route),
               kv_if(!cluster.empty(), "cluster", cluster),
               kv_if(!backend.empty(), "backend", backend),
               kv_if(search_.tries() > 0, "tries", search_.tries()),
               kv("received_bytes", received_bytes()),
               kv("sent_bytes", sent),
               kv("duration", http_.pipes().loop.now() - request_.began),
               kv_if(books_.queued_for() > Duration::zero(), "queue", books_.queued_for()),
               kv_if(connected_in.has_value(), "connect", connected_in.value_or(Duration::zero())),
               kv_if(response_.first_byte_at != TimePoint{}, "first_byte",
                     response_.first_byte_at - request_.began),
               kv_if(reason.has_value(), "reason", reason ? weir::text(*reason) : ""),
               kv_if(books_.refusal() != nullptr, "error",
                     std::string_view(books_.refusal() != nullptr ? books_.refusal() : "")),
               kv_if(!place.empty(), "config", place),
               kv_if(!request_.id.empty(), "request_id", request_.id),
               kv_if(!version.empty(), "version", version),
               kv_if(!seen.method.empty(), "method", seen.method),
               kv_if(understood() || !seen.host.empty(), "host", seen.host),
               kv_if(!seen.target.empty(), "path", seen.target),
               kv_if(normalized, "routed_path", matched_.path.view()),
               kv_if(!referer.empty(), "referer", referer),
               kv_if(!agent.empty(), "user_agent", agent)});
}

}  // namespace weir
