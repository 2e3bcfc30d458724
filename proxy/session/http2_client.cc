#include "session/http2_client.h"

#include <algorithm>

#include "base/log.h"
#include "session/http_session.h"

namespace weir {
namespace {

Http2Request& request_of(H2Stream& stream) {
  return static_cast<Http2Request&>(stream);
}

TimePoint later(TimePoint from, const config::Timeout& timeout) {
  return timeout.enabled() && from != kNever ? from + timeout.value : kNever;
}

}  // namespace

Http2Client::Http2Client(HttpSession& session, Http2Requests& requests, Transport& transport)
    : session_(session),
      requests_(requests),
      link_(requests.http().pipes(), transport, H2Role::server, *this) {}

void Http2Client::start(std::string_view first) {
  since_ = session_.loop().now();
  const HttpSpec& http = *session_.listener().http;
  H2OwnSettings settings;
  settings.max_streams = http.max_streams;
  settings.max_header_list = static_cast<uint32_t>(http.limits.max_header_size);
  settings.connect_protocol = http.allows_upgrade;
  const unsigned patience = http.trusted.contains(session_.client_address()) ? 10 : 1;
  link_.start(settings, patience);
  arm();
  const TlsStream* const tls = session_.connection().tls;
  if (tls == nullptr || tls->cipher_allowed_for_http2()) return link_.receive_first(first);
  link_.connection().fail(H2Error::inadequate_security, H2ErrorReason::inadequate_security,
                          "the cipher of TLS is not allowed with HTTP/2");
  failed();
}

void Http2Client::close(EndReason reason) {
  if (stage_ == Stage::over) return;
  stage_ = Stage::over;
  Deadline::cancel();
  cancel_yield();
  end_requests(reason);
  link_.close();
}

// ---- what comes

H2Stream* Http2Client::on_new_stream(uint32_t) {
  ListenerCells& cells = session_.cells();
  cells.stream_begun();
  if (count_ >= link_.connection().own().max_streams) {
    cells.stream_ended(StreamEnd::refused);
    return nullptr;
  }
  Http2Request& request = requests_.lend();
  request.open(*this);
  waiting_.push_back(request);
  ++count_;
  return &request;
}

H2FieldTarget Http2Client::on_fields(H2Stream& stream, H2Fields kind) {
  HttpResources& http = requests_.http();
  const HttpSpec& spec = *session_.listener().http;
  http.fit_scratch(spec.head_room);
  if (kind == H2Fields::trailers) {
    requests_.trailer_reader().begin(stream.trailer_memory());
    return {&requests_.trailer_reader(), http.head_scratch(), kMaxH2TrailersSize};
  }
  const HeadLimits limits = spec.head_limits();
  H2RequestReader& reader = requests_.head_reader();
  reader.begin(request_of(stream).exchange().incoming().to_fill(),
               http.head_scratch().first(2 * limits.head), limits);
  return {&reader, reader.texts(), limits.head};
}

void Http2Client::on_fields_end(H2Stream& stream, H2Fields kind, const HpackOutcome& outcome,
                                bool end) {
  if (kind == H2Fields::trailers) return on_trailers_end(request_of(stream), outcome, end);
  on_head_end(request_of(stream), outcome, end);
}

void Http2Client::on_head_end(Http2Request& request, const HpackOutcome& outcome, bool end) {
  H2RequestReader& reader = requests_.head_reader();
  const H2HeadFault found = reader.finish(outcome, end);
  if (found.kind == H2HeadFault::Kind::stream) {
    LOG(debug, "http2.malformed", kv("session", text(session_.id())), kv("stream", request.id()),
        kv("reason", found.fault.reason));
    request.reset(H2Error::protocol_error, true);
    request.note_reset(false);
    return forget(request);
  }
  auto& incoming = request.exchange().incoming();
  incoming.assign({requests_.http().head_scratch().data(), reader.size()});
  const RequestHead& head = incoming.head();
  if (found)
    link_.connection().patience().spend(H2ErrorReason::flood_provoked, H2Cost::kProvoked,
                                        session_.loop().now());
  else if (const auto length = head.announced_length())
    request.expect_length(*length);
  // A PRIORITY_UPDATE is newer than the field (RFC 9218 7), also when it came first.
  if (const std::optional<H2Priority> updated = coming_.take(request.id()))
    request.set_priority(*updated);
  else if (const std::string_view priority = head.find("Priority"); !priority.empty())
    request.set_priority(parse_h2_priority(priority));
  request.on_head_read(reader.size(), found.fault);
}

void Http2Client::on_trailers_end(Http2Request& request, const HpackOutcome& outcome, bool end) {
  const H2TrailerReader& reader = requests_.trailer_reader();
  const H2HeadFault found = requests_.trailer_reader().finish(outcome, end);
  if (found) {
    request.reset(H2Error::protocol_error, true);
    request.note_reset(false);
    if (!request.begun()) forget(request);
    return;
  }
  request.set_trailers(reader.lines().size());
}

// A request that has not begun never becomes an exchange.
void Http2Client::on_stream_reset(H2Stream& stream, H2Error, bool by_peer) {
  Http2Request& request = request_of(stream);
  request.note_reset(by_peer);
  if (!request.begun()) forget(request);
}

void Http2Client::on_priority(uint32_t stream, std::string_view value) {
  const H2Priority priority = parse_h2_priority(value);
  if (auto* const state = link_.connection().streams().find(stream))
    link_.set_priority(*static_cast<H2Stream*>(state), priority);
  else
    coming_.keep(stream, priority);
}

void Http2Client::on_settings() {}

// Its streams finish (RFC 9113 6.8).
void Http2Client::on_goaway(uint32_t, H2Error, std::string_view) {
  if (stage_ < Stage::told) reason_ = EndReason::client_closed;
  if (stage_ < Stage::leaving) leave_now();
}

void Http2Client::on_ping_ack(uint64_t) {
  pinged_at_ = kNever;
  if (stage_ == Stage::told) leave_now();
}

// Behind the last byte of a read.
void Http2Client::on_received() {
  H2Connection& connection = link_.connection();
  if (stage_ == Stage::preface && connection.established()) {
    stage_ = Stage::open;
    since_ = session_.loop().now();
    session_.cells().http_connections[HttpMajor::h2].add();
  }
  const uint32_t fields = connection.fields_of();
  if (fields == 0)
    fields_since_ = kNever;
  else if (fields_since_ == kNever || fields != fields_of_)
    fields_since_ = session_.loop().now();
  fields_of_ = fields;
  pinged_at_ = kNever;
  if (connection.error()) return;  // on_down() is next
  begin_requests();
  if (link_.is_open()) arm();
}

// A client that does not receive fills the output with heads: DATA never fill so much of it.
void Http2Client::begin_requests() {
  for (int i = 0; i < kBegunPerTurn; ++i) {
    if (link_.outbox().size() > kMostUnsent) return;  // on_flushed() goes on
    Http2Request* const request = waiting_.pop_front();
    if (request == nullptr) return;
    begun_.push_back(*request);
    request->begin();
    if (!link_.is_open()) return;
  }
  if (!waiting_.empty()) session_.loop().yield(*this);
}

// ---- the end of requests

void Http2Client::begin_block(HpackWriter& block) {
  if (std::exchange(first_block_, false)) block.empty_table();
}

void Http2Client::on_request_over(Http2Request& request) {
  if (stage_ == Stage::over) return;  // close() forgets it
  forget(request);
  if (stage_ >= Stage::told) link_.flush_later();  // it may have been the last one
  arm();
}

// Back to the pool: of a request that has begun its exchange is over.
void Http2Client::forget(Http2Request& request) {
  session_.cells().stream_ended(request.ended_how());
  request.exchange().reset();
  request.detach();
  static_cast<RequestNode&>(request).unlink();
  requests_.take_back(request);
  if (--count_ == 0 && stage_ == Stage::open) since_ = session_.loop().now();
}

// ---- the end of the connection

void Http2Client::leave(EndReason reason) {
  if (stage_ >= Stage::told) return;
  reason_ = reason;
  stage_ = Stage::told;
  since_ = session_.loop().now();
  link_.connection().announce_leaving();
  link_.flush_later();
  arm();
}

void Http2Client::leave_now() {
  stage_ = Stage::leaving;
  since_ = session_.loop().now();
  link_.connection().leave();
  link_.flush_later();
  arm();
}

void Http2Client::cut(EndReason reason) {
  if (stage_ >= Stage::over) return;
  // Requests are cut, for whatever reason their client was told that the connection ends.
  if (stage_ < Stage::leaving || count_ > 0) reason_ = reason;
  if (stage_ < Stage::leaving) leave_now();
  // Nothing was done for these: their client may send them again (RFC 9113 8.7).
  while (!waiting_.empty()) {
    Http2Request& request = waiting_.front();
    request.reset(H2Error::refused_stream);
    request.note_reset(false);
    forget(request);
  }
  begun_.for_each_safe([&](Http2Request& request) { request.exchange().give_up(503, reason); });
}

void Http2Client::on_flushed() {
  if (!waiting_.empty()) session_.loop().yield(*this);
  if (stage_ < Stage::leaving || stage_ == Stage::over || count_ > 0) return;
  session_.on_http2_over(reason_, false);
}

void Http2Client::on_down(Down how) {
  if (stage_ == Stage::over) return;
  switch (how) {
    case Down::error: return failed();
    case Down::failed: {
      const bool reset = session_.connection().channel.transport()->was_reset();
      return gone(stage_ == Stage::failed ? reason_
                  : reset                 ? EndReason::client_reset
                                          : EndReason::error);
    }
    case Down::ended: break;
  }
  if (stage_ < Stage::told) reason_ = EndReason::client_closed;
  // It cannot open a window any more: a response that needs one would never be complete.
  end_requests(EndReason::client_closed);
  if (link_.outbox().empty()) return gone(reason_);
  // The client takes what is still to be sent.
  stage_ = Stage::leaving;
  link_.flush_later();
  arm();
}

// The client has broken the rules, or has made too much work: its GOAWAY is in the output, and
// nothing that its requests still send could be of use.
void Http2Client::failed() {
  if (stage_ == Stage::failed) return;
  if (reason_ != EndReason::request_header_timeout) count_error(*link_.connection().error());
  stage_ = Stage::failed;
  since_ = session_.loop().now();
  end_requests(reason_);
  link_.flush_later();
  arm();
}

void Http2Client::count_error(const H2ConnectionError& error) {
  session_.cells().http2_errors[error.counted].add();
  LOG(info, "http2.error", kv("session", text(session_.id())),
      kv("client", session_.client_address().text()), kv("kind", text(error.counted)),
      kv("reason", error.reason));
  reason_ = is_flood(error.counted) ? EndReason::http2_flood : EndReason::http2_error;
}

// Nothing can be sent any more.
void Http2Client::gone(EndReason reason) {
  stage_ = Stage::failed;
  end_requests(reason);
  session_.on_http2_over(reason, true);
}

void Http2Client::end_requests(EndReason reason) {
  while (!begun_.empty()) {
    begun_.front().exchange().abandon(reason);
    forget(begun_.front());
  }
  while (!waiting_.empty()) forget(waiting_.front());
}

// ---- times

TimePoint Http2Client::next_deadline() const {
  const config::ListenerTimeouts& timeouts = session_.listener().timeouts;
  if (idle() && session_.snapshot() != session_.current()) return session_.loop().now();
  TimePoint at = later(link_.blocked_since(), timeouts.client_idle);
  if (stage_ == Stage::preface) at = std::min(at, later(since_, timeouts.request_header));
  at = std::min(at, later(fields_since_, timeouts.request_header));
  if (stage_ == Stage::open && count_ == 0) at = std::min(at, later(since_, timeouts.keep_alive));
  if (stage_ <= Stage::open) at = std::min(at, session_.max_age_deadline());
  if (stage_ == Stage::told) at = std::min(at, since_ + kToldFor);
  return std::min(at, later(silent_since(), timeouts.client_idle));
}

// Of a client with open streams, from its last byte or from the PING that asks for one.
TimePoint Http2Client::silent_since() const {
  if (count_ == 0) return kNever;
  return pinged_at_ != kNever ? pinged_at_ : link_.last_received();
}

void Http2Client::arm() {
  if (stage_ != Stage::over) session_.loop().deadlines().set(*this, next_deadline());
}

void Http2Client::on_deadline() {
  const config::ListenerTimeouts& timeouts = session_.listener().timeouts;
  const TimePoint now = session_.loop().now();
  if (now < next_deadline()) return arm();
  // The last stream of an old configuration has ended.
  if (idle() && session_.snapshot() != session_.current()) return session_.on_reload();
  const bool silent = now >= later(silent_since(), timeouts.client_idle);
  if (now >= later(link_.blocked_since(), timeouts.client_idle) || (silent && pinged_at_ != kNever))
    return session_.abort(EndReason::client_idle_timeout);
  if ((stage_ == Stage::preface && now >= later(since_, timeouts.request_header)) ||
      now >= later(fields_since_, timeouts.request_header))
    return expire();
  if (stage_ == Stage::told) return leave_now();
  if (stage_ <= Stage::open && now >= session_.max_age_deadline()) return leave(EndReason::max_age);
  if (stage_ == Stage::open && count_ == 0) return leave(EndReason::keep_alive_timeout);
  if (silent) {
    pinged_at_ = now;
    link_.connection().send_ping(kSilencePing);
    link_.flush_later();
  }
  arm();
}

// The preface or a block of fields takes too long.
void Http2Client::expire() {
  reason_ = EndReason::request_header_timeout;
  fields_since_ = kNever;
  link_.connection().fail(H2Error::no_error, H2ErrorReason::protocol, "a head takes too long");
  failed();
}

// ---- what others see

bool Http2Client::has_tunnel() {
  bool found = false;
  begun_.for_each_safe(
      [&](Http2Request& request) { found |= request.exchange().stage() == ExchangeStage::tunnel; });
  return found;
}

TimePoint Http2Client::last_active() const {
  return count_ > 0 ? std::max(since_, link_.last_received()) : since_;
}

WaitingFor Http2Client::waiting_for() {
  if (stage_ == Stage::failed || (stage_ == Stage::leaving && count_ == 0))
    return WaitingFor::client_read;
  return begun_.empty() ? WaitingFor::traffic : begun_.front().exchange().waiting_for();
}

const HostSpec* Http2Client::host() {
  return begun_.empty() ? nullptr : begun_.front().exchange().host();
}

void Http2Client::settle() {
  begun_.for_each_safe([](Http2Request& request) { request.exchange().settle(); });
}

}  // namespace weir
