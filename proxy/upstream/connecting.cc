#include "upstream/connecting.h"

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "base/system_error.h"

namespace weir {
namespace {

Transport::Connecting connect_socket(Transport& transport, std::string_view proxy_header) {
  const Transport::Connecting state = transport.finish_connecting();
  if (state != Transport::Connecting::done || proxy_header.empty()) return state;
  // The send buffer of a new socket has room for a PROXY header.
  const bool sent = transport.write(proxy_header).bytes == proxy_header.size();
  return sent ? Transport::Connecting::done : Transport::Connecting::failed;
}

Transport::Connecting start_handshake(Transport& transport, std::unique_ptr<TlsStream> tls) {
  if (!tls) return Transport::Connecting::failed;
  transport.start_tls(std::move(tls));
  return transport.handshake();
}

// Every connection to a backend with a bad certificate fails: one line a minute is enough.
void log_refused_certificate(const TlsStream& tls, Backend& backend, TimePoint now) {
  if (tls.refusal() == nullptr || !backend.may_log_refusal(now)) return;
  LOG(warn, "backend.certificate_refused", kv("cluster", backend.cluster()),
      kv("backend", backend.name()), kv("address", backend.text()),
      kv("subject", tls.refusal()->subject), kv("reason", tls.refusal()->reason));
}

}  // namespace

Transport::Connecting begin_connecting(EventLoop& loop, Transport& transport,
                                       const ClusterSpec& cluster, const HostSpec& host) {
  return transport.connect(loop, host.backend->address(), cluster.connect_options());
}

Transport::Connecting continue_connecting(Transport& transport, const ClusterSpec& cluster,
                                          const HostSpec& host, std::string_view proxy_header) {
  if (transport.tls() != nullptr) return transport.handshake();
  const Transport::Connecting state = connect_socket(transport, proxy_header);
  if (state != Transport::Connecting::done || !cluster.tls) return state;
  return start_handshake(transport, cluster.tls->connect(host.tls_host, host.backend->text()));
}

Transport::Connecting continue_connecting_http1(Transport& transport, const ClusterSpec& cluster,
                                                const HostSpec& host) {
  if (transport.tls() != nullptr) return transport.handshake();
  const Transport::Connecting state = connect_socket(transport, {});
  if (state != Transport::Connecting::done || !cluster.tls) return state;
  return start_handshake(transport,
                         cluster.tls->connect_http1(host.tls_host, host.backend->text()));
}

Transport::Connecting continue_connecting(Transport& transport, std::unique_ptr<TlsStream>& tls,
                                          std::string_view proxy_header) {
  if (transport.tls() != nullptr) return transport.handshake();
  const Transport::Connecting state = connect_socket(transport, proxy_header);
  if (state != Transport::Connecting::done || !tls) return state;
  return start_handshake(transport, std::move(tls));
}

ConnectError connect_error(const Transport& transport) {
  if (const TlsStream* tls = transport.tls(); tls != nullptr && !tls->handshake_done()) {
    if (tls->refused_name()) return ConnectError::tls_name;
    return tls->refused_certificate() ? ConnectError::tls_verify : ConnectError::tls;
  }
  switch (transport.error()) {
    case ECONNREFUSED:
    case ENOENT: return ConnectError::refused;  // ENOENT: a UNIX socket that does not exist
    case ETIMEDOUT: return ConnectError::timeout;
    case ENETUNREACH:
    case EHOSTUNREACH: return ConnectError::unreachable;
    default: return ConnectError::other;
  }
}

bool is_local(int error) {
  return is_out_of_resources(error) || error == EADDRNOTAVAIL;
}

void record_connect_failure(const Transport& transport, const ConnectTarget& target,
                            ConnectError error, TimePoint now) {
  Backend& backend = target.backend;
  const TlsStream* const tls = transport.tls();
  const int code = transport.error();
  const char* const why = tls != nullptr ? tls->failure() : "";
  target.cells.connect_errors[error].add();
  if (!is_local(code)) backend.note_connect_failure(now, target.backoff);
  LOG(debug, "backend.connect_failed", kv("cluster", backend.cluster()),
      kv("backend", backend.name()), kv("error", text(error)), kv("errno", code),
      kv_if(*why != '\0', "tls", why));
  if (tls != nullptr) log_refused_certificate(*tls, backend, now);
  if (error == ConnectError::alpn && backend.may_log_refusal(now))
    LOG(warn, "backend.http2_refused", kv("cluster", backend.cluster()),
        kv("backend", backend.name()), kv("reason", "the backend does not agree on h2 (ALPN)"));
}

void record_connect_failure(const Transport& transport, Cluster& cluster, BackendIndex index,
                            ConnectError error, TimePoint now) {
  const ConnectTarget target{*cluster.spec().hosts[index].backend, cluster.cells_of(index),
                             cluster.spec().backoff};
  record_connect_failure(transport, target, error, now);
}

void record_connect_success(Cluster& cluster, BackendIndex index) {
  cluster.spec().hosts[index].backend->note_connect_success();
}

}  // namespace weir
