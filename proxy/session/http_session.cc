#include "session/http_session.h"

#include <algorithm>

#include "base/log.h"

namespace weir {

namespace {

constexpr std::string_view kHttp2Protocol = "h2";  // in ALPN (RFC 9113 3.2)

}  // namespace

HttpSession::HttpSession(SessionOwner& owner, Http1Clients& clients, Http2Requests& requests,
                         Start start)
    : Session(owner, std::move(start)),
      clients_(clients),
      http2_requests_(requests),
      standing_(age() == ConfigAge::old ? Standing::behind : Standing::current) {}

void HttpSession::begin(int fd) {
  if (!client_.open(loop(), fd)) return end(EndReason::error, DrainEnd::peer);
  stage_ = Stage::opening;
  open(client_);
}

void HttpSession::on_opened() {
  drop_opening();
  if (client_.tls() != nullptr && client_.tls()->alpn() == kHttp2Protocol) return begin_http2({});
  await_request();
  // The request may have come with the last message of the handshake.
  if (stage_ == Stage::idle && client_.readable()) on_readable();
}

void HttpSession::on_opening_failed(EndReason reason) {
  drop_opening();
  client_.close();
  end(reason, DrainEnd::peer);
}

// The timeout between requests counts from here; that of the head from its first byte. An old
// configuration is dropped by on_deadline(): an exchange that is over may still be on the stack.
void HttpSession::await_request() {
  stage_ = Stage::idle;
  // Unless it was woken for nothing.
  if (requests_ != answered_ || idle_since_ == TimePoint{}) idle_since_ = loop().now();
  answered_ = requests_;
  client_.set_reader(this);
  client_.set_writer(nullptr);
  const bool behind = standing_ == Standing::behind;
  const TimePoint at = behind ? loop().now() : std::min(idle_deadline(), max_age_deadline());
  loop().deadlines().set(*this, at);
}

TimePoint HttpSession::idle_deadline() const {
  const config::ListenerTimeouts& timeouts = listener().timeouts;
  const config::Timeout& timeout = requests_ == 0 ? timeouts.request_header : timeouts.keep_alive;
  return timeout.enabled() ? idle_since_ + timeout.value : kNever;
}

TimePoint HttpSession::max_age_deadline() const {
  const config::Timeout& max_age = listener().timeouts.max_age;
  return max_age.enabled() ? started() + max_age.value : kNever;
}

bool HttpSession::used_up() const {
  const uint64_t most = listener().http->limits.max_requests_per_connection;
  return standing_ == Standing::gone || (most != 0 && requests_ >= most) ||
         loop().now() >= max_age_deadline();
}

// Continues with the configuration in force. False: that no longer has this listener.
bool HttpSession::renew() {
  if (snapshot_ == current() || !current()) return true;
  const ListenerSpec* const spec = current()->same_listener(listener());
  if (spec == nullptr) return false;
  cells_.renewed();
  listener_ = spec;
  snapshot_ = current();
  return true;
}

bool HttpSession::on_head() {
  const ListenerSpec* const before = listener_;
  ++requests_;
  const bool gone = !renew() || (http2_ && !listener().http->http2_enabled);
  standing_ = gone ? Standing::gone : Standing::current;
  // HTTP/1 says it in the answer. A drain has its own time for each connection with HTTP/2.
  if (http2_ && used_up()) http2_->leave(EndReason::last_request);
  return listener_ != before;
}

void HttpSession::on_readable() {
  if (stage_ == Stage::lingering) return discard();
  if (stage_ == Stage::idle) begin_exchange({});
}

void HttpSession::begin_exchange(std::string_view begun) {
  stage_ = Stage::busy;
  Deadline::cancel();
  request_ = &clients_.lend();
  request_->begin(*this, begun);
}

void HttpSession::on_exchange_over(AfterExchange after, std::optional<EndReason> failure) {
  switch (after) {
    case AfterExchange::keep: {
      const std::string begun(request_->exchange().leftover());
      give_back_exchange();
      if (!begun.empty()) return begin_exchange(begun);
      await_request();
      if (client_.readable()) on_readable();
      return;
    }
    case AfterExchange::http2: {
      const std::string first(request_->exchange().leftover());
      give_back_exchange();
      return begin_http2(first);
    }
    case AfterExchange::linger:
      give_back_exchange();
      // A client that has left while weir sent its last response is no other end of the session.
      return linger(failure == EndReason::client_closed
                        ? EndReason::last_request
                        : failure.value_or(EndReason::last_request));
    case AfterExchange::abort:
      give_back_exchange();
      return abort(failure.value_or(EndReason::error));
    case AfterExchange::refused: break;
    case AfterExchange::close:
      give_back_exchange();
      client_.close();
      return end(failure.value_or(EndReason::client_closed), DrainEnd::peer);
  }
  CHECK_UNREACHABLE();
}

// Where no request is under way it continues with the configuration in force: an idle connection
// may last for hours. A client with HTTP/2 is told at once that its connection ends.
void HttpSession::on_reload() {
  const bool busy = stage_ == Stage::opening || awaits_answer();
  standing_ = busy ? Standing::behind : Standing::current;
  const ListenerSpec* const spec = current()->same_listener(listener());
  if (!busy) (void)renew();
  // Without its listener: the next response has Connection: close.
  if (stage_ == Stage::idle) return await_request();
  if (stage_ != Stage::http2) return;
  const bool gone = spec == nullptr || !spec->http->http2_enabled;
  if (gone) http2_->leave(EndReason::last_request);
  http2_->arm();
}

bool HttpSession::may_be_http2() const {
  return requests_ == 0 && client_.tls() == nullptr && listener().http->http2_enabled;
}

void HttpSession::begin_http2(std::string_view first) {
  stage_ = Stage::http2;
  Deadline::cancel();
  http2_ = std::make_unique<Http2Client>(*this, http2_requests_, client_);
  http2_->start(first);
}

// Called by it: it is closed now, and freed with the session.
void HttpSession::on_http2_over(EndReason reason, bool closed) {
  http2_->close(reason);
  if (!closed) return linger(reason);
  client_.close();
  end(reason, DrainEnd::peer);
}

void HttpSession::give_back_exchange() {
  if (request_ == nullptr) return;
  Exchange& exchange = request_->exchange();
  received_ += exchange.received_bytes();
  sent_ += exchange.sent_bytes();
  exchange.reset();
  clients_.take_back(*std::exchange(request_, nullptr));
}

// Our FIN, then what still comes is discarded, so that the answer is not lost (RFC 9112 9.6).
void HttpSession::linger(EndReason reason) {
  stage_ = Stage::lingering;
  reason_ = reason;
  private_.close();
  const config::Timeout& patience = listener().timeouts.client_idle;
  patience_until_ = patience.enabled() ? loop().now() + patience.value : kNever;
  client_.set_reader(this);
  client_.set_writer(nullptr);
  client_.shutdown_write();
  linger_on();
  discard();
}

void HttpSession::linger_on() {
  linger_until_ = loop().now() + snapshot()->snapshot().model.drain.linger;
  loop().deadlines().set(*this, linger_until_);
}

void HttpSession::discard() {
  char discarded[4096];
  for (int i = 0; i < kDiscardsPerEvent && client_.is_open() && client_.readable(); ++i) {
    const Io io = client_.read(discarded);
    if (io.status == Io::Status::eof && client_.fin_waits()) return;
    if (io.status == Io::Status::eof || io.status == Io::Status::failed) client_.close();
    // A request crossed our FIN: the client cannot know what became of it. With HTTP/2 it can, by
    // GOAWAY (RFC 9113 6.8).
    if (io.bytes > 0 && !http2_ && reason_ == EndReason::drain_idle && !std::exchange(raced_, true))
      cells_.drain_races.add();
  }
  if (!client_.is_open()) return end(reason_, DrainEnd::deadline_fin);
  if (client_.readable()) loop().deadlines().set(*this, loop().now());  // trap T6
}

void HttpSession::on_deadline() {
  const TimePoint now = loop().now();
  if (stage_ == Stage::idle) {
    if (standing_ == Standing::behind) return on_reload();
    if (now >= max_age_deadline()) return linger(EndReason::max_age);
    client_.close();
    return end(requests_ == 0 ? EndReason::request_header_timeout : EndReason::keep_alive_timeout,
               DrainEnd::peer);
  }
  if (stage_ != Stage::lingering) return;
  if (now < linger_until_) {
    loop().deadlines().set(*this, linger_until_);
    return discard();
  }
  const bool unsent = !delivered();
  if (unsent && now < patience_until_) return linger_on();
  if (unsent) client_.abort();
  end(reason_, unsent ? DrainEnd::deadline_rst : DrainEnd::deadline_fin);
}

TimePoint HttpSession::last_active() const {
  if (stage_ == Stage::opening) return started();
  if (stage_ == Stage::http2) return http2_->last_active();
  return request_ != nullptr ? request_->exchange().last_active() : idle_since_;
}

WaitingFor HttpSession::waiting_for() const {
  if (request_ != nullptr) return request_->exchange().waiting_for();
  if (stage_ == Stage::opening) return WaitingFor::handshake;
  if (stage_ == Stage::http2) return http2_->waiting_for();
  return stage_ == Stage::lingering ? WaitingFor::client_fin : WaitingFor::traffic;
}

void HttpSession::close_quiet(EndReason reason) {
  if (stage_ == Stage::http2) return http2_->leave(reason);
  linger(reason);
}

void HttpSession::cut(EndReason reason) {
  switch (stage_) {
    case Stage::over: return;
    case Stage::opening: return abort(reason);
    case Stage::idle: return linger(reason);
    case Stage::busy: return request_->exchange().give_up(503, reason);
    case Stage::http2: return http2_->cut(reason);
    case Stage::lingering: patience_until_ = loop().now(); return;  // it may not take long now
  }
}

void HttpSession::abort(EndReason reason) {
  if (request_ != nullptr) request_->exchange().abandon(reason);
  give_back_exchange();
  if (http2_) http2_->close(reason);
  drop_opening();
  client_.abort();
  end(reason, DrainEnd::deadline_rst);
}

void HttpSession::end(EndReason reason, DrainEnd how) {
  if (stage_ == Stage::over) return;
  stage_ = Stage::over;
  account(reason, how);
  owner_.release(*this);
}

void HttpSession::close() {
  Deadline::cancel();
  drop_opening();
  give_back_exchange();
  if (http2_) http2_->close();
  private_.close();
  client_.close();
}

HttpSession::Bytes HttpSession::moved() const {
  if (http2_) return {received_ + http2_->link().received(), sent_ + http2_->link().sent()};
  if (request_ == nullptr) return {received_, sent_};
  const Exchange& exchange = request_->exchange();
  return {received_ + exchange.received_bytes(), sent_ + exchange.sent_bytes()};
}

void HttpSession::settle() {
  if (request_ != nullptr) request_->exchange().settle();
  if (http2_) http2_->settle();
  const auto [received, sent] = moved();
  cells_.received_bytes.add(received - std::exchange(settled_received_, received));
  cells_.sent_bytes.add(sent - std::exchange(settled_sent_, sent));
}

Session::View HttpSession::view() const {
  const TimePoint now = loop().now();
  const Bytes bytes = moved();
  const HostSpec* host = request_ != nullptr ? request_->exchange().host() : nullptr;
  if (stage_ == Stage::http2) host = http2_->host();
  std::optional<HttpMajor> version;  // none: not known yet
  if (requests_ > 0 || http2_) version = http2_ ? HttpMajor::h2 : HttpMajor::h1;
  return {text(id()),
          listener().name,
          client_address_.text(),
          host != nullptr ? host->backend->cluster() + "/" + host->backend->name() : "",
          now - started(),
          now - last_active(),
          waiting_for(),
          bytes.received,
          bytes.sent,
          version,
          http2_                ? http2_->streams()
          : request_ != nullptr ? 1u
                                : 0u};
}

}  // namespace weir
