// The causes of incomplete responses: whether the reason in the access log is possible, and whether
// there was a reason for no response. A truncation without a cause is a response that weir has
// lost.
#pragma once

#include <optional>

#include "base/outcomes.h"
#include "peers/http_client.h"
#include "peers/ledger.h"
#include "world/traffic.h"

namespace weir::sim {

struct RequestLine {
  std::optional<EndReason> reason;  // none: the exchange was complete
  double duration = 0;              // seconds
};

class HttpCauses {
 public:
  HttpCauses(const Evidence& evidence, const Ledger& ledger)
      : evidence_(evidence), ledger_(ledger) {}

  // For a request whose client has received a reset before the end of the response.
  bool can_be_true(const Request& request, const RequestLine& line) const;
  // Whether there was a reason to end a connection after a request without a byte of a response.
  bool may_end_silently(const HttpClient::LastAsked& last, bool clean) const;
  // A backend did not send its response completely, or sent bytes that are no response.
  bool failed_at_backend(const Request& request) const;

 private:
  bool lasted(const RequestLine& line, const config::Timeout& timeout) const;

  const Evidence& evidence_;
  const Ledger& ledger_;
};

}  // namespace weir::sim
