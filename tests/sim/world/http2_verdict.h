// Http2Verdict: the checks of the streams of HTTP/2 clients, after those that hold for every
// request. A stream that ended without a response was not processed, or was cut for a reason in the
// access log.
#pragma once

#include <map>

#include "peers/http2_client.h"
#include "world/http_causes.h"

namespace weir::sim {

class Http2Verdict {
 public:
  Http2Verdict(const Evidence& evidence, Ledger& ledger,
               const std::map<uint64_t, RequestLine>& lines)
      : evidence_(evidence), ledger_(ledger), lines_(lines) {}
  void judge(const Http2Client& client, Tally& tally);

 private:
  void judge_refused(const Request& request, const Http2Client& client);
  void judge_nothing(const Request& request, const Http2Client& client);

  const Evidence& evidence_;
  Ledger& ledger_;
  const std::map<uint64_t, RequestLine>& lines_;
};

}  // namespace weir::sim
