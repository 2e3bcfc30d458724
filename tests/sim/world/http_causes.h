// Why a client got no whole answer: whether what the access log gives as the reason can be true,
// and whether there was one to say nothing. A cut without a cause is an answer that weir has lost.
#pragma once

#include <optional>

#include "base/outcomes.h"
#include "peers/http_client.h"
#include "peers/ledger.h"
#include "world/traffic.h"

namespace weir::sim {

struct RequestLine {
  std::optional<EndReason> reason;  // none: it went as it should
  double duration = 0;              // seconds
};

class HttpCauses {
 public:
  HttpCauses(const Evidence& evidence, const Ledger& ledger)
      : evidence_(evidence), ledger_(ledger) {}

  // Of a request whose client has seen a reset before the end of its answer.
  bool can_be_true(const Request& request, const RequestLine& line) const;
  // Whether there was a reason to end a connection that had asked without a word of an answer.
  bool may_end_silently(const HttpClient::LastAsked& last, bool clean) const;
  // A backend did not send its answer whole, or nothing that is an answer.
  bool failed_at_backend(const Request& request) const;

 private:
  bool lasted(const RequestLine& line, const config::Timeout& timeout) const;

  const Evidence& evidence_;
  const Ledger& ledger_;
};

}  // namespace weir::sim
