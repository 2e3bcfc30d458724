// The label values that only metrics have. Like those of base/outcomes.h they are closed lists: a
// label whose values are not configured names has a closed list, so that no client can add a
// series.
#pragma once

#include "base/log_kinds.h"
#include "base/outcomes.h"

namespace weir {

// The client chooses the method: those of RFC 9110 and PATCH have their name, others are `other`.
#define WEIR_REQUEST_METHODS(X) \
  X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(CONNECT) X(OPTIONS) X(TRACE) X(PATCH) X(other)
WEIR_CLOSED_LIST(RequestMethod, WEIR_REQUEST_METHODS);

// Why a request was invalid or incomplete.
#define WEIR_REQUEST_ERRORS(X) \
  X(malformed)                 \
  X(header_too_large)          \
  X(uri_too_long) X(body_too_large) X(misdirected) X(header_timeout) X(body_timeout) X(client_abort)
WEIR_CLOSED_LIST(RequestError, WEIR_REQUEST_ERRORS);

// The version of HTTP that a connection uses: 1.0 or 1.1, or 2.
#define WEIR_HTTP_MAJORS(X) X(h1) X(h2)
WEIR_CLOSED_LIST(HttpMajor, WEIR_HTTP_MAJORS);

// Why weir cut a response that had begun.
#define WEIR_CUT_PHASES(X) X(drain) X(timeout)
WEIR_CLOSED_LIST(CutPhase, WEIR_CUT_PHASES);

// Of a response; none: there was no response.
enum class CodeClass : uint8_t {
  none,
  informational,
  success,
  redirection,
  client_error,
  server_error
};
constexpr auto list_names(CodeClass) {
  return std::to_array<const char*>({"none", "1xx", "2xx", "3xx", "4xx", "5xx"});
}
// A status above 599 counts as 5xx (RFC 9110 15).
constexpr CodeClass code_class(unsigned status) {
  return static_cast<CodeClass>(status < 600 ? status / 100 : 5);
}

//   connect: no connection · timeout: no response or no more of it in time · reset: closed without
//   a response · protocol: not HTTP · truncated: closed in the middle of a response
#define WEIR_BACKEND_ERRORS(X) X(connect) X(timeout) X(reset) X(protocol) X(truncated)
WEIR_CLOSED_LIST(BackendError, WEIR_BACKEND_ERRORS);

// Why a request left a cluster's queue without a backend.
#define WEIR_QUEUE_REJECTIONS(X) X(full) X(timeout) X(cluster_requests)
WEIR_CLOSED_LIST(QueueRejection, WEIR_QUEUE_REJECTIONS);

}  // namespace weir
