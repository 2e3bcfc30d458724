#include "world/http2_verdict.h"

namespace weir::sim {
namespace {

using Outcome = Request::Outcome;

}  // namespace

void Http2Verdict::judge(const Http2Client& client, Tally& tally) {
  if (client.hostile()) ++tally["clients: hostile"];
  if (client.ended().goaway) ++tally["clients: got a GOAWAY"];
  for (const Http2Ask& ask : client.script().asks) {
    const Request& request = *ledger_.request(ask.request);
    if (request.refusals > 0) ++tally["requests: refused by a backend"];
    if (request.by_stream) ++tally["requests: reset by weir"];
    if (request.outcome != Outcome::nothing) continue;
    if (request.refused)
      judge_refused(request, client);
    else
      judge_nothing(request, client);
  }
}

// RST_STREAM(REFUSED_STREAM), or a GOAWAY with a lower id: the client may send it again.
void Http2Verdict::judge_refused(const Request& request, const Http2Client& client) {
  if (request.heads_at_backends > 0)
    ledger_.fail("{} {} was refused as unprocessed, and a backend has received it", request.method,
                 request.number);
  const bool leaves = client.ended().goaway || evidence_.control.drained();
  const bool too_many = request.unsettled && client.script().ahead > evidence_.scenario.max_streams;
  const bool by_backends = evidence_.scenario.stack.http2_backends &&
                           request.may_be_refused_for_good(evidence_.scenario.retry.attempts);
  if (evidence_.scenario.polite && !leaves && !too_many && !by_backends)
    ledger_.fail("{} {} was refused for no reason", request.method, request.number);
}

void Http2Verdict::judge_nothing(const Request& request, const Http2Client& client) {
  if (lines_.contains(request.number)) return;  // that line has the reason
  const Http2Client::Ended& ended = client.ended();
  if (request.by_stream)
    return ledger_.fail("{} {} was reset with {} and has no access line", request.method,
                        request.number, nghttp2_http2_strerror(request.error));
  const HttpClient::LastAsked last{.connected = ended.connected,
                                   .silence = ended.silence,
                                   .at = ended.at,
                                   .asked = true,
                                   .request = request.number};
  if (HttpCauses(evidence_, ledger_).may_end_silently(last, ended.clean)) return;
  ledger_.fail("{} {} got nothing but {}, {}, and has no access line", request.method,
               request.number, ended.clean ? "a FIN" : "a reset",
               ended.goaway ? "after a GOAWAY" : "without a GOAWAY");
}

}  // namespace weir::sim
