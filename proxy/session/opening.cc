#include "session/opening.h"

#include <array>
#include <utility>

#include "base/log.h"
#include "preamble/client_hello.h"
#include "preamble/proxy_header.h"
#include "session/session.h"

namespace weir {

Opening::Opening(Session& session, Handshakes& handshakes, Transport& client)
    : Retirable(session.loop()), session_(session), handshakes_(handshakes), client_(client) {}

void Opening::start(bool expects_header) {
  client_.set_reader(this);
  client_.set_writer(this);
  if (!expects_header) return behind_header();
  until(session_.listener().timeouts.proxy_header);
  if (client_.readable()) read_header();
}

void Opening::until(const config::Timeout& timeout) {
  loop().deadlines().set(*this, timeout.enabled() ? loop().now() + timeout.value : kNever);
}

void Opening::go_on() {
  switch (stage_) {
    case Stage::proxy_header: return read_header();
    case Stage::handshake: return handshake();
    case Stage::client_hello: return read_hello();
    case Stage::over: return;
  }
}

void Opening::read_header() {
  std::array<char, kMaxProxyHeader> memory;
  const Io io = client_.peek(memory);
  if (io.status == Io::Status::blocked) return;
  if (io.status != Io::Status::ok)
    return fail(io.status == Io::Status::eof ? EndReason::client_closed : EndReason::client_reset);
  const ProxyRead read = read_proxy_header({memory.data(), io.bytes});
  switch (read.state) {
    case ProxyRead::State::complete: break;
    case ProxyRead::State::incomplete:
      // Neither the bytes in the socket nor the FIN after them cause a further event.
      if (client_.peer_closed()) return fail(EndReason::client_closed);
      return;
    case ProxyRead::State::malformed:
      LOG(warn, "proxy_header.malformed", kv("session", text(session_.id())),
          kv("listener", session_.listener().name), kv("peer", session_.client_address().text()),
          kv("reason", read.reason));
      return fail(EndReason::bad_proxy_header);
  }
  if (read.header.has_addresses())
    session_.on_client_address(read.header.source, read.header.destination);
  const Io taken = client_.read(std::span(memory).first(read.header.size));
  if (taken.status != Io::Status::ok || taken.bytes != read.header.size)
    return fail(EndReason::error);
  behind_header();
}

void Opening::behind_header() {
  const ListenerSpec& listener = session_.listener();
  if (listener.tls) return begin_handshake();
  if (!listener.passthrough) return succeed();
  stage_ = Stage::client_hello;
  until(listener.timeouts.tls_handshake);
  if (client_.readable()) read_hello();
}

// The ClientHello determines the cluster; its bytes stay in the socket.
void Opening::read_hello() {
  std::array<char, kMaxClientHelloInput> memory;
  std::array<char, kMaxClientHello> scratch;
  const Io io = client_.peek(memory);
  if (io.status == Io::Status::blocked) return;
  if (io.status != Io::Status::ok)
    return fail(io.status == Io::Status::eof ? EndReason::client_closed : EndReason::client_reset);
  const ClientHello hello = read_client_hello({memory.data(), io.bytes}, scratch);
  switch (hello.state) {
    case ClientHello::State::complete: {
      const size_t cluster = session_.listener().passthrough->cluster_for(hello);
      if (cluster != Passthrough::kNone) session_.choose_cluster(cluster);
      return succeed();
    }
    case ClientHello::State::incomplete:
      if (client_.peer_closed()) return fail(EndReason::client_closed);
      return;
    case ClientHello::State::not_tls: return succeed();
    case ClientHello::State::malformed:
    case ClientHello::State::too_long:
      return fail_tls(TlsError::not_tls, EndReason::tls_handshake_failed, hello.reason);
  }
}

void Opening::begin_handshake() {
  const ListenerSpec& listener = session_.listener();
  std::unique_ptr<TlsStream> tls = listener.tls->accept();
  if (!tls) return fail(EndReason::error);
  stage_ = Stage::handshake;
  ++handshakes_.under_way_;
  client_.start_tls(std::move(tls));
  until(listener.timeouts.tls_handshake);
  if (client_.readable()) handshake();
}

void Opening::handshake() {
  if (!handshakes_.may_step(loop().turn())) return loop().yield(*this);
  switch (client_.handshake()) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed:
      return fail_tls(client_.tls()->reason(), EndReason::tls_handshake_failed,
                      client_.tls()->failure());
    case Transport::Connecting::done: break;
  }
  const TlsStream& tls = *client_.tls();
  const bool newest = std::string_view(tls.version()) == "TLSv1.3";
  session_.cells().tls_handshakes[newest ? TlsVersion::tls_1_3 : TlsVersion::tls_1_2].add();
  if (tls.resumed()) session_.cells().tls_resumed.add();
  succeed();
}

void Opening::on_deadline() {
  if (stage_ == Stage::proxy_header) return fail(EndReason::proxy_header_timeout);
  fail_tls(TlsError::timeout, EndReason::tls_handshake_timeout, "");
}

void Opening::succeed() {
  close();
  session_.on_opened();
}

void Opening::fail_tls(TlsError error, EndReason reason, std::string_view why) {
  session_.cells().tls_errors[error].add();
  if (error == TlsError::client_cert) {
    log_refused_client(why);
    return fail(reason);
  }
  LOG(debug, "tls.handshake_failed", kv("session", text(session_.id())), kv("reason", text(error)),
      kv_if(!why.empty(), "error", why));
  fail(reason);
}

// The client gets only an alert without details, so the log has them for the operator.
void Opening::log_refused_client(std::string_view why) const {
  const TlsStream& tls = *client_.tls();
  const TlsRefusal* const refusal = tls.refusal();
  const char* const name = tls.server_name();
  LOG(info, "tls.client_refused", kv("session", text(session_.id())),
      kv("listener", session_.listener().name), kv("client", session_.client_address().text()),
      kv_if(name != nullptr, "sni", name != nullptr ? name : ""),
      kv_if(refusal != nullptr, "subject",
            refusal != nullptr ? std::string_view(refusal->subject) : ""),
      kv("reason", refusal != nullptr ? std::string_view(refusal->reason) : why));
}

void Opening::fail(EndReason reason) {
  close();
  session_.on_opening_failed(reason);
}

void Opening::close() {
  if (stage_ == Stage::handshake) --handshakes_.under_way_;
  if (std::exchange(stage_, Stage::over) == Stage::over) return;
  Deadline::cancel();
  cancel_yield();
  client_.set_reader(nullptr);
  client_.set_writer(nullptr);
}

}  // namespace weir
