// Every label value that is not a configured name: closed lists, so that no client can add a
// series. text() gives the value as written in /metrics, in the log and in the admin API.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

// The values of a closed label, in the order of its enum.
template <typename E>
struct LabelValues;

template <typename E>
inline constexpr size_t kLabelCount = LabelValues<E>::names.size();

template <typename E>
constexpr size_t label_index(E value) {
  return static_cast<size_t>(value);
}

#define WEIR_LABEL_ENTRY(name) name,
#define WEIR_LABEL_TEXT(name) #name,
#define WEIR_CLOSED_LABEL(Type, LIST)                                                  \
  enum class Type : uint8_t { LIST(WEIR_LABEL_ENTRY) };                                \
  template <>                                                                          \
  struct LabelValues<Type> {                                                           \
    static constexpr auto names = std::to_array<const char*>({LIST(WEIR_LABEL_TEXT)}); \
  };                                                                                   \
  constexpr const char* text(Type value) {                                             \
    return LabelValues<Type>::names[label_index(value)];                               \
  }

// Why a session ended; see the table for what each means.
enum class EndReason : uint8_t {
#define END_REASON(name, help) name,
#include "metrics/end_reasons.def"
#undef END_REASON
};
template <>
struct LabelValues<EndReason> {
  static constexpr auto names = std::to_array<const char*>({
#define END_REASON(name, help) #name,
#include "metrics/end_reasons.def"
#undef END_REASON
  });
};
constexpr const char* text(EndReason reason) {
  return LabelValues<EndReason>::names[label_index(reason)];
}
inline constexpr size_t kEndReasons = kLabelCount<EndReason>;

// Refused at accept. Each is an EndReason as well; see ListenerCells::refused.
#define WEIR_REJECT_REASONS(X) \
  X(max_connections) X(listener_limit) X(out_of_descriptors) X(handshake_limit)
WEIR_CLOSED_LABEL(RejectReason, WEIR_REJECT_REASONS)

constexpr EndReason end_reason(RejectReason reason) {
  switch (reason) {
    case RejectReason::max_connections: return EndReason::max_connections;
    case RejectReason::listener_limit: return EndReason::listener_limit;
    case RejectReason::out_of_descriptors: return EndReason::out_of_descriptors;
    case RejectReason::handshake_limit: return EndReason::handshake_limit;
  }
  return EndReason::error;
}

//   tls: no handshake · tls_verify: the certificate is not to be trusted · tls_name: it is
//   another's
#define WEIR_CONNECT_ERRORS(X) \
  X(refused) X(timeout) X(unreachable) X(tls) X(tls_verify) X(tls_name) X(other)
WEIR_CLOSED_LABEL(ConnectError, WEIR_CONNECT_ERRORS)

// budget_exhausted: not sent again, since too many of the requests under way were retries.
#define WEIR_RETRY_RESULTS(X) X(ok) X(failed) X(budget_exhausted)
WEIR_CLOSED_LABEL(RetryResult, WEIR_RETRY_RESULTS)

// What had happened to a request that was sent again.
#define WEIR_RETRY_CAUSES(X) \
  X(connect_failure) X(not_sent) X(reused_connection) X(reset_before_response) X(timeout) X(status)
WEIR_CLOSED_LABEL(RetryCause, WEIR_RETRY_CAUSES)

// Why a TLS handshake with a client failed.
//   version, cipher, alpn: nothing in common · server_name: no certificate for it · client_cert:
//   none, or not to be trusted · not_tls: what came is no TLS · refused: the client said no ·
//   closed: it went away · timeout: timeouts.tls_handshake
#define WEIR_TLS_ERRORS(X) \
  X(version)               \
  X(cipher)                \
  X(alpn) X(server_name) X(client_cert) X(not_tls) X(refused) X(closed) X(timeout) X(other)
WEIR_CLOSED_LABEL(TlsError, WEIR_TLS_ERRORS)

enum class TlsVersion : uint8_t { tls_1_2, tls_1_3 };
template <>
struct LabelValues<TlsVersion> {
  static constexpr auto names = std::to_array<const char*>({"1.2", "1.3"});
};
constexpr const char* text(TlsVersion value) {
  return LabelValues<TlsVersion>::names[label_index(value)];
}

// What a file that TLS reads holds: certificates (of weir's own), authorities whose certificates
// count, lists of revoked certificates, OCSP responses to staple.
#define WEIR_TLS_FILE_KINDS(X) X(certificate) X(authorities) X(crl) X(ocsp)
WEIR_CLOSED_LABEL(TlsFileKind, WEIR_TLS_FILE_KINDS)

// Methods are the client's to choose: those of RFC 9110 and PATCH by name, all others as one.
#define WEIR_REQUEST_METHODS(X) \
  X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE) X(PATCH) X(other)
WEIR_CLOSED_LABEL(RequestMethod, WEIR_REQUEST_METHODS)

// What was wrong with a request, or with how it came.
#define WEIR_REQUEST_ERRORS(X) \
  X(malformed)                 \
  X(header_too_large)          \
  X(uri_too_long) X(body_too_large) X(misdirected) X(header_timeout) X(body_timeout) X(client_abort)
WEIR_CLOSED_LABEL(RequestError, WEIR_REQUEST_ERRORS)

// Who cut a response short that had begun.
#define WEIR_CUT_PHASES(X) X(drain) X(timeout)
WEIR_CLOSED_LABEL(CutPhase, WEIR_CUT_PHASES)

// Of a response; none: there was none.
enum class CodeClass : uint8_t {
  none,
  informational,
  success,
  redirection,
  client_error,
  server_error
};
template <>
struct LabelValues<CodeClass> {
  static constexpr auto names =
      std::to_array<const char*>({"none", "1xx", "2xx", "3xx", "4xx", "5xx"});
};
constexpr const char* text(CodeClass value) {
  return LabelValues<CodeClass>::names[label_index(value)];
}
// What is neither is taken for a 5xx (RFC 9110 15).
constexpr CodeClass code_class(unsigned status) {
  return static_cast<CodeClass>(status < 600 ? status / 100 : 5);
}

//   connect: no connection · timeout: no or no further bytes in time · reset: gone without an
//   answer · protocol: not HTTP · truncated: gone in the middle of its answer
#define WEIR_BACKEND_ERRORS(X) X(connect) X(timeout) X(reset) X(protocol) X(truncated)
WEIR_CLOSED_LABEL(BackendError, WEIR_BACKEND_ERRORS)

#define WEIR_QUEUE_REJECTIONS(X) X(full) X(timeout)
WEIR_CLOSED_LABEL(QueueRejection, WEIR_QUEUE_REJECTIONS)

// Of a session: whether the config it was accepted under is still the one in force.
#define WEIR_CONFIG_AGES(X) X(current) X(old)
WEIR_CLOSED_LABEL(ConfigAge, WEIR_CONFIG_AGES)

// How a connection that was open when a drain began came to its end.
//   peer: by itself · idle_spread: we closed it while it was idle ·
//   deadline_fin: cut with everything delivered · deadline_rst: cut with bytes left, so aborted
#define WEIR_DRAIN_ENDS(X) X(peer) X(idle_spread) X(deadline_fin) X(deadline_rst)
WEIR_CLOSED_LABEL(DrainEnd, WEIR_DRAIN_ENDS)

// Ended by us because the process goes, whatever it was doing.
constexpr bool is_by_drain(EndReason reason) {
  return reason == EndReason::drain_idle || reason == EndReason::drain_deadline ||
         reason == EndReason::shutdown;
}

// What an open connection waits for; traffic: for nothing, it is in use.
#define WEIR_WAITS(X) \
  X(handshake)        \
  X(client_fin) X(backend_fin) X(backend_connect) X(client_read) X(backend_read) X(traffic)
WEIR_CLOSED_LABEL(WaitingFor, WEIR_WAITS)

#define WEIR_PHASES(X) X(starting) X(serving) X(lame_duck) X(draining) X(terminating)
WEIR_CLOSED_LABEL(ProcessPhase, WEIR_PHASES)

#define WEIR_RELOAD_RESULTS(X) X(ok) X(unchanged) X(invalid) X(failed)
WEIR_CLOSED_LABEL(ReloadResult, WEIR_RELOAD_RESULTS)

// unknown: not checked, or not yet. The first two get traffic.
#define WEIR_BACKEND_STATUSES(X) \
  X(up) X(unknown) X(down) X(held_off) X(ejected) X(draining) X(maintenance)
WEIR_CLOSED_LABEL(BackendStatus, WEIR_BACKEND_STATUSES)

#define WEIR_LOOKUP_RESULTS(X) X(ok) X(failed)
WEIR_CLOSED_LABEL(LookupResult, WEIR_LOOKUP_RESULTS)

#define WEIR_CHECK_RESULTS(X) X(ok) X(fail) X(timeout)
WEIR_CLOSED_LABEL(CheckResult, WEIR_CHECK_RESULTS)

#define WEIR_HEALTH_CHANGES(X) X(up) X(down)
WEIR_CLOSED_LABEL(HealthChange, WEIR_HEALTH_CHANGES)

#define WEIR_LOG_SEVERITIES(X) X(error) X(warn) X(info) X(debug)
WEIR_CLOSED_LABEL(LogSeverity, WEIR_LOG_SEVERITIES)

#define WEIR_LOG_STREAMS(X) X(messages) X(access)
WEIR_CLOSED_LABEL(LogStream, WEIR_LOG_STREAMS)

}  // namespace weir
