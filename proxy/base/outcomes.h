// The possible outcomes and states of sessions, requests, backends, checks and reloads: closed
// lists. The data path and the control thread decide by them; the log, /metrics and the admin API
// report them.
#pragma once

#include "base/closed_list.h"

namespace weir {

// ---- sessions

// Why a session ended. base/end_reasons.def has the meaning of each.
enum class EndReason : uint8_t {
#define END_REASON(name, help) name,
#include "base/end_reasons.def"
#undef END_REASON
};
constexpr auto list_names(EndReason) {
  return std::to_array<const char*>({
#define END_REASON(name, help) #name,
#include "base/end_reasons.def"
#undef END_REASON
  });
}

// Whether weir ended the session because the process stops.
constexpr bool is_by_drain(EndReason reason) {
  return reason == EndReason::drain_idle || reason == EndReason::drain_deadline ||
         reason == EndReason::shutdown;
}

// Why a connection was refused at accept. Each is an EndReason as well.
#define WEIR_REJECT_REASONS(X) \
  X(max_connections) X(listener_limit) X(out_of_descriptors) X(handshake_limit)
WEIR_CLOSED_LIST(RejectReason, WEIR_REJECT_REASONS);

constexpr EndReason end_reason(RejectReason reason) {
  switch (reason) {
    case RejectReason::max_connections: return EndReason::max_connections;
    case RejectReason::listener_limit: return EndReason::listener_limit;
    case RejectReason::out_of_descriptors: return EndReason::out_of_descriptors;
    case RejectReason::handshake_limit: return EndReason::handshake_limit;
  }
  return EndReason::error;
}

// What an open connection waits for. traffic: nothing, the connection is in use.
#define WEIR_WAITS(X) \
  X(handshake)        \
  X(client_fin) X(backend_fin) X(backend_connect) X(client_read) X(backend_read) X(traffic)
WEIR_CLOSED_LIST(WaitingFor, WEIR_WAITS);

// Whether the configuration under which a session was accepted is still the one in force.
#define WEIR_CONFIG_AGES(X) X(current) X(old)
WEIR_CLOSED_LIST(ConfigAge, WEIR_CONFIG_AGES);

// How a connection that was open when a drain began ended.
//   peer: the client or the backend closed it · idle_spread: weir closed it while it was idle ·
//   deadline_fin: cut, all data was delivered · deadline_rst: aborted, data was left
#define WEIR_DRAIN_ENDS(X) X(peer) X(idle_spread) X(deadline_fin) X(deadline_rst)
WEIR_CLOSED_LIST(DrainEnd, WEIR_DRAIN_ENDS);

// ---- HTTP/2

// Why a connection with HTTP/2 was ended by an error.
//   protocol, frame_size, compression, flow_control: the peer broke the rules of RFC 9113 ·
//   inadequate_security: TLS with a cipher of its Appendix A · flood_*: the peer made more work
//   than it took answers; what took most: RST_STREAMs (reset), faults that weir answers with
//   RST_STREAM (provoked), streams above the limit (refused), header blocks, PINGs, SETTINGS, empty
//   DATA, or other frames
#define WEIR_H2_ERRORS(X)                                                                \
  X(protocol)                                                                            \
  X(frame_size) X(compression) X(flow_control) X(inadequate_security) X(flood_reset)     \
      X(flood_provoked) X(flood_refused) X(flood_header) X(flood_ping) X(flood_settings) \
          X(flood_empty) X(flood_other)
WEIR_CLOSED_LIST(H2ErrorReason, WEIR_H2_ERRORS);
constexpr bool is_flood(H2ErrorReason reason) {
  return reason >= H2ErrorReason::flood_reset;
}

// How a stream of a client ended.
//   complete: both directions had their end · reset_by_client, reset_by_weir: RST_STREAM ·
//   refused: above the limit of streams · connection: with its connection
#define WEIR_STREAM_ENDS(X) X(complete) X(reset_by_client) X(reset_by_weir) X(refused) X(connection)
WEIR_CLOSED_LIST(StreamEnd, WEIR_STREAM_ENDS);

// What a gRPC call ended with: `grpc-status` by its number, 0 to 16.
//   none: no status came, since the call was cut · other: the status is no number of these
#define WEIR_GRPC_STATUSES(X) \
  X(OK)                       \
  X(CANCELLED)                \
  X(UNKNOWN)                  \
  X(INVALID_ARGUMENT)         \
  X(DEADLINE_EXCEEDED)        \
  X(NOT_FOUND)                \
  X(ALREADY_EXISTS)           \
  X(PERMISSION_DENIED)        \
  X(RESOURCE_EXHAUSTED)       \
  X(FAILED_PRECONDITION)      \
  X(ABORTED)                  \
  X(OUT_OF_RANGE)             \
  X(UNIMPLEMENTED) X(INTERNAL) X(UNAVAILABLE) X(DATA_LOSS) X(UNAUTHENTICATED) X(none) X(other)
WEIR_CLOSED_LIST(GrpcStatus, WEIR_GRPC_STATUSES);

// ---- TLS

// Why a TLS handshake with a client failed.
//   version, cipher, alpn: nothing in common · server_name: no certificate for the name ·
//   client_cert: missing or not trusted · not_tls: the bytes are not TLS · refused: the client sent
//   an alert · closed: the client closed the connection · timeout: timeouts.tls_handshake
#define WEIR_TLS_ERRORS(X) \
  X(version)               \
  X(cipher)                \
  X(alpn) X(server_name) X(client_cert) X(not_tls) X(refused) X(closed) X(timeout) X(other)
WEIR_CLOSED_LIST(TlsError, WEIR_TLS_ERRORS);

enum class TlsVersion : uint8_t { tls_1_2, tls_1_3 };
constexpr auto list_names(TlsVersion) {
  return std::to_array<const char*>({"1.2", "1.3"});
}

// What a TLS file contains: weir's own certificates, authorities that weir trusts, lists of revoked
// certificates, OCSP responses to staple.
#define WEIR_TLS_FILE_KINDS(X) X(certificate) X(authorities) X(crl) X(ocsp)
WEIR_CLOSED_LIST(TlsFileKind, WEIR_TLS_FILE_KINDS);

// ---- requests and connections to backends

// Why no connection to a backend was made.
//   tls: the handshake failed · tls_verify: the certificate is not trusted · tls_name: the
//   certificate is for another name · alpn: the backend did not agree on h2, which `protocol: http2`
//   needs
#define WEIR_CONNECT_ERRORS(X) \
  X(refused) X(timeout) X(unreachable) X(tls) X(tls_verify) X(tls_name) X(alpn) X(other)
WEIR_CLOSED_LIST(ConnectError, WEIR_CONNECT_ERRORS);

// budget_exhausted: not retried, because too many of the requests under way were retries.
#define WEIR_RETRY_RESULTS(X) X(ok) X(failed) X(budget_exhausted)
WEIR_CLOSED_LIST(RetryResult, WEIR_RETRY_RESULTS);

// Why a request was retried.
//   refused_stream: the backend reported that it has not begun to process the request (REFUSED_STREAM
//   or GOAWAY of HTTP/2)
#define WEIR_RETRY_CAUSES(X) \
  X(connect_failure) X(not_sent) X(refused_stream) X(reused_connection) X(reset_before_response) X(timeout) X(status)
WEIR_CLOSED_LIST(RetryCause, WEIR_RETRY_CAUSES);

// ---- backends

// unknown: not checked, or not checked yet. Only up and unknown get traffic. draining: by the
// configuration; self_draining: by the backend's answer to checks.
#define WEIR_BACKEND_STATUSES(X) \
  X(up) X(unknown) X(down) X(held_off) X(ejected) X(draining) X(maintenance) X(self_draining)
WEIR_CLOSED_LIST(BackendStatus, WEIR_BACKEND_STATUSES);

#define WEIR_LOOKUP_RESULTS(X) X(ok) X(failed)
WEIR_CLOSED_LIST(LookupResult, WEIR_LOOKUP_RESULTS);

#define WEIR_CHECK_RESULTS(X) X(ok) X(fail) X(timeout)
WEIR_CLOSED_LIST(CheckResult, WEIR_CHECK_RESULTS);

#define WEIR_HEALTH_CHANGES(X) X(up) X(down) X(draining)
WEIR_CLOSED_LIST(HealthChange, WEIR_HEALTH_CHANGES);

// ---- the process

#define WEIR_PHASES(X) X(starting) X(serving) X(lame_duck) X(draining) X(terminating)
WEIR_CLOSED_LIST(ProcessPhase, WEIR_PHASES);

#define WEIR_RELOAD_RESULTS(X) X(ok) X(unchanged) X(invalid) X(failed)
WEIR_CLOSED_LIST(ReloadResult, WEIR_RELOAD_RESULTS);

}  // namespace weir
