#include "session/tcp_session.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "preamble/proxy_header.h"

namespace weir {

TcpSession::TcpSession(SessionOwner& owner, Start start)
    : Session(owner, std::move(start)),
      pipe_(owner.resources, client_, backend_, *this),
      connect_(loop(), backend_, *this),
      cluster_(listener().cluster) {}

void TcpSession::begin(int fd) {
  if (!client_.open(loop(), fd)) return end(EndReason::error, DrainEnd::peer);
  stage_ = Stage::opening;
  open(client_);
}

void TcpSession::on_opening_failed(EndReason reason) {
  drop_opening();
  client_.close();
  end(reason, DrainEnd::peer);
}

void TcpSession::on_opened() {
  drop_opening();
  stage_ = Stage::connecting;
  client_.set_reader(this);  // only to learn of a reset: nothing is read before there is a backend
  connect_.start(snapshot()->cluster(cluster_), client_address_.host_hash(kSourceSeed));
  on_connect();
}

void TcpSession::on_connect() {
  switch (connect_.state()) {
    case Connect::State::queued:
    case Connect::State::connecting: return arm();
    case Connect::State::connected: return relay();
    case Connect::State::failed: return abort(connect_.reason());
  }
}

void TcpSession::on_client_address(const Address& client, const Address& reached) {
  Session::on_client_address(client, reached);
  reached_ = std::make_unique<const Address>(reached);
}

std::string_view TcpSession::write_proxy_header(std::span<char> memory) {
  const config::ProxyVersion version = snapshot()->snapshot().clusters[cluster_].proxy_protocol;
  if (version == config::ProxyVersion::none) return {};
  const Address to = reached_ != nullptr ? *reached_ : client_.local_address();
  std::span<const char> header;
  if (version == config::ProxyVersion::v1) {
    header = write_proxy_v1(memory, client_address_, to);
  } else {
    ProxyTls tls;
    std::array<char, kMaxProxyValue> client;
    if (const TlsStream* stream = client_.tls()) {
      const char* name = stream->server_name();
      tls.alpn = stream->alpn();
      tls.authority = name != nullptr ? name : "";
      tls.version = stream->version();
      tls.cipher = stream->cipher();
      tls.common_name = stream->client_name(client);
      tls.client_certificate = stream->has_client_certificate();
      tls.verified = stream->client_is_verified();
      tls.resumed = stream->resumed();
    }
    header = write_proxy_v2(memory, client_address_, to, tls);
  }
  return {header.data(), header.size()};
}

void TcpSession::relay() {
  stage_ = Stage::relaying;
  pipe_.start();
  // Bytes that came while weir was connecting are latched and cause no further event.
  pipe_.request.pump();
  pipe_.response.pump();
  arm();
  if (pipe_.request.state() != HalfPipe::State::open ||
      pipe_.response.state() != HalfPipe::State::open)
    on_pipe();
}

// One half has ended or failed. All consequences of that are here.
void TcpSession::on_pipe() {
  if (stage_ == Stage::delivering) return go_on_delivering();
  const HalfPipe &request = pipe_.request, &response = pipe_.response;
  if (first_closed_ == Side::none && request.state() == HalfPipe::State::ended)
    first_closed_ = Side::client;
  if (first_closed_ == Side::none && response.state() == HalfPipe::State::ended)
    first_closed_ = Side::backend;
  if (pipe_.goes_on_delivering()) return;
  if (request.state() == HalfPipe::State::sink_failed ||
      response.state() == HalfPipe::State::source_failed)
    return fail(Side::backend);
  if (request.failed() || response.failed()) return fail(Side::client);
  if (!pipe_.ended()) return arm();  // the timeout for half-closed sessions begins
  client_.close();
  backend_.close();
  end(first_closed_ == Side::client ? EndReason::client_closed : EndReason::backend_closed,
      DrainEnd::peer);
}

void TcpSession::fail(Side side) {
  const Transport& failed = side == Side::client ? client_ : backend_;
  const EndReason reset = side == Side::client ? EndReason::client_reset : EndReason::backend_reset;
  const EndReason reason = failed.was_reset() ? reset : EndReason::error;
  if (side == Side::backend && pipe_.response.fin_sent()) return linger_with_client(reason);
  deliver(reason);
}

// Delivers the bytes that were received before the failure, in both directions, and then resets
// both sides: a reset before that would destroy bytes in transit.
void TcpSession::deliver(EndReason reason) {
  stage_ = Stage::delivering;
  reason_ = reason;
  pipe_.request.read_no_more();
  pipe_.response.read_no_more();
  last_bytes_.begin(loop().now());
  go_on_delivering();
}

void TcpSession::go_on_delivering() {
  const TimePoint now = loop().now();
  const bool arrived = last_bytes_.arrived(client_, backend_, &pipe_, now);
  if (arrived) return abort(reason_);
  if (patience().enabled() && now >= last_bytes_.last_moved() + patience().value)
    return abort(listener().timeouts.half_close.enabled() ? EndReason::half_close_timeout
                                                          : EndReason::idle_timeout);
  arm();
}

// The timeout of a session of which one side has failed or ended.
const config::Timeout& TcpSession::patience() const {
  const config::ListenerTimeouts& timeouts = listener().timeouts;
  return timeouts.half_close.enabled() ? timeouts.half_close : timeouts.idle;
}

// The backend has sent its whole answer and a FIN before it failed: a slow client still gets all of
// it. Further bytes of the client are discarded.
void TcpSession::linger_with_client(EndReason reason) {
  backend_.abort();
  linger(reason, patience().enabled() ? loop().now() + patience().value : kNever);
}

// Both pipes are over; waits for the FINs of the sides that are still open.
void TcpSession::linger(EndReason reason, TimePoint until) {
  pipe_.stop();
  stage_ = Stage::lingering;
  reason_ = reason;
  linger_until_ = until;
  client_.set_reader(this);
  backend_.set_reader(this);
  arm();
  discard();
}

void TcpSession::on_readable() {
  if (stage_ == Stage::lingering) return discard();
  if (stage_ == Stage::connecting && client_.has_pending_error()) fail(Side::client);
}

TimePoint TcpSession::idle_deadline() const {
  const config::ListenerTimeouts& timeouts = listener().timeouts;
  const bool half = pipe_.half_closed() && timeouts.half_close.enabled();
  const config::Timeout& timeout = half ? timeouts.half_close : timeouts.idle;
  return timeout.enabled() ? pipe_.last_moved() + timeout.value : kNever;
}

TimePoint TcpSession::max_age_deadline() const {
  const config::Timeout& max_age = listener().timeouts.max_age;
  return max_age.enabled() ? started() + max_age.value : kNever;
}

// The idle deadline moves with every byte. It is not moved in the wheel then; on_deadline()
// compares the time again.
void TcpSession::arm() {
  TimePoint at = kNever;
  switch (stage_) {
    case Stage::opening: return;  // Opening has its own deadline
    case Stage::connecting: at = std::min(connect_.deadline(), max_age_deadline()); break;
    case Stage::relaying: at = std::min(idle_deadline(), max_age_deadline()); break;
    case Stage::lingering: at = linger_until_; break;
    case Stage::delivering: at = last_bytes_.next_check(); break;
    case Stage::over: return;
  }
  loop().deadlines().set(*this, at);
}

void TcpSession::on_deadline() {
  const TimePoint now = loop().now();
  if (stage_ == Stage::lingering) {
    if (now < linger_until_) return discard();
    const bool unsent = !delivered();
    if (unsent) client_.abort(), backend_.abort();
    return end(reason_, unsent ? DrainEnd::deadline_rst : DrainEnd::deadline_fin);
  }
  if (stage_ == Stage::delivering) return go_on_delivering();
  if (now >= max_age_deadline()) return cut(EndReason::max_age);
  if (stage_ == Stage::connecting) {
    if (now >= connect_.deadline()) connect_.on_timeout();
    return on_connect();
  }
  if (now < idle_deadline()) return arm();
  const EndReason reason = pipe_.half_closed() && listener().timeouts.half_close.enabled()
                               ? EndReason::half_close_timeout
                               : EndReason::idle_timeout;
  if (quiet())
    close_quiet(reason);
  else
    abort(reason);
}

bool TcpSession::quiet() const {
  return stage_ == Stage::relaying && !pipe_.blocked() && !pipe_.half_closed();
}

bool TcpSession::delivered() const {
  return client_.unacknowledged() == 0 && backend_.unacknowledged() == 0;
}

TimePoint TcpSession::last_active() const {
  return stage_ < Stage::relaying ? started() : pipe_.last_moved();
}

WaitingFor TcpSession::waiting_for() const {
  if (stage_ == Stage::opening) return WaitingFor::handshake;
  if (stage_ == Stage::connecting) return WaitingFor::backend_connect;
  if (stage_ == Stage::delivering)
    return last_bytes_.for_client() ? WaitingFor::client_read : WaitingFor::backend_read;
  if (pipe_.request.blocked()) return WaitingFor::backend_read;
  if (pipe_.response.blocked()) return WaitingFor::client_read;
  if (pipe_.request.source_ended()) return WaitingFor::backend_fin;
  if (pipe_.response.source_ended()) return WaitingFor::client_fin;
  return WaitingFor::traffic;
}

void TcpSession::close_quiet(EndReason reason) {
  DCHECK(quiet());
  client_.shutdown_write();
  backend_.shutdown_write();
  linger(reason, loop().now() + snapshot()->snapshot().model.drain.linger);
}

void TcpSession::cut(EndReason reason) {
  if (stage_ == Stage::over) return;
  if (stage_ == Stage::lingering) {  // ending already; the rest may only take drain.linger
    linger_until_ =
        std::min(linger_until_, loop().now() + snapshot()->snapshot().model.drain.linger);
    return arm();
  }
  if (silent())
    close_quiet(reason);
  else
    abort(reason);
}

void TcpSession::discard() {
  const bool client_over = discard_from(client_), backend_over = discard_from(backend_);
  // No event reports bytes that are left unread again (trap T6): the next turn reads them.
  const auto has_more = [](const Transport& side) { return side.readable() && !side.fin_waits(); };
  if (has_more(client_) || has_more(backend_))
    loop().deadlines().set(*this, loop().now());
  else if (!client_over || !backend_over)
    arm();
  if (client_over && backend_over) end(reason_, DrainEnd::deadline_fin);
}

// True: the side is closed, because its FIN or its reset has come.
bool TcpSession::discard_from(Transport& transport) {
  char discarded[4096];
  for (int i = 0; i < kDiscardsPerEvent && transport.is_open() && transport.readable(); ++i) {
    const Io io = transport.read(discarded);
    if (io.status == Io::Status::eof && transport.fin_waits()) return false;
    if (io.status == Io::Status::eof || io.status == Io::Status::failed) transport.close();
  }
  return !transport.is_open();
}

void TcpSession::abort(EndReason reason) {
  drop_opening();
  client_.abort();
  backend_.abort();
  end(reason, DrainEnd::deadline_rst);
}

void TcpSession::end(EndReason reason, DrainEnd how) {
  if (stage_ == Stage::over) return;
  stage_ = Stage::over;
  account(reason, how);
  log_end(reason);
  owner_.release(*this);
}

void TcpSession::close() {
  stage_ = Stage::over;
  cancel();
  drop_opening();
  pipe_.stop();
  client_.close();
  backend_.close();
  connect_.release();
}

void TcpSession::settle() {
  const uint64_t up = pipe_.request.moved(), down = pipe_.response.moved();
  cells_.received_bytes.add(up - settled_up_);
  cells_.sent_bytes.add(down - settled_down_);
  if (BackendCells* backend = connect_.cells()) {
    backend->sent_bytes.add(up - settled_up_);
    backend->received_bytes.add(down - settled_down_);
  }
  settled_up_ = up;
  settled_down_ = down;
}

Session::View TcpSession::view() const {
  const TimePoint now = loop().now();
  const HostSpec* host = connect_.host();
  return {text(id()),
          listener().name,
          client_address_.text(),
          host != nullptr ? host->backend->cluster() + "/" + host->backend->name() : "",
          now - started(),
          now - last_active(),
          waiting_for(),
          pipe_.request.moved(),
          pipe_.response.moved()};
}

void TcpSession::log_end(EndReason reason) const {
  const HostSpec* host = connect_.host();
  const int error = client_.error() != 0 ? client_.error() : backend_.error();
  const std::string place = timeout_place(reason);
  std::array<char, Address::kTextSize> client_memory;
  ACCESS_LOG("session", kv("session", text(id())), kv("listener", listener().name),
             kv("client", client_address_.text(client_memory)),
             kv("cluster", snapshot()->snapshot().clusters[cluster_].name),
             kv_if(host != nullptr, "backend",
                   host != nullptr ? std::string_view(host->backend->name()) : std::string_view()),
             kv("attempts", connect_.attempts()), kv("received_bytes", pipe_.request.moved()),
             kv("sent_bytes", pipe_.response.moved()), kv("duration", loop().now() - started()),
             kv("reason", text(reason)), kv_if(error != 0, "errno", error),
             kv_if(!place.empty(), "config", place));
}

}  // namespace weir
