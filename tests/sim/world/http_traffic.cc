// HTTP exchanges: clients, backends, and the checks of each request.
#include <algorithm>
#include <map>

#include "world/books.h"
#include "world/http2_scripts.h"
#include "world/http2_verdict.h"
#include "world/http_causes.h"
#include "world/http_scripts.h"

namespace weir::sim {
namespace {

using Outcome = Request::Outcome;

// The line of a request that was refused or cut before its head was complete: its path may be cut
// off.
bool is_of_a_part(const std::string& line) {
  if (!log_field(line, "route").empty()) return false;
  const uint64_t status = log_number(line, "status");
  const std::optional<EndReason> reason = end_reason(log_field(line, "reason"));
  return status == 0 || status == 400 || status == 408 || status == 414 || status == 431 ||
         (status == 503 && reason && is_by_drain(*reason));
}

class HttpTraffic final : public Traffic {
 public:
  HttpTraffic(const Scenario& scenario, Network& network) : scenario_(scenario), ledger_(network) {}

  void open_client(std::shared_ptr<Wire> wire, const Address&) override;
  void open_backend(std::shared_ptr<Wire> wire, const Address&) override;
  bool clients_over() const override { return all_over(clients_); }
  bool backends_over() const override { return all_over(backends_); }
  std::vector<std::string> stuck() const override;
  std::vector<std::string> judge(const Evidence& evidence, Tally& tally) override;

 private:
  using Peers = std::vector<std::shared_ptr<HttpPeer>>;
  static bool all_over(const Peers& peers) {
    return std::all_of(peers.begin(), peers.end(), [](const auto& peer) { return peer->over(); });
  }
  void judge_backends(const Evidence& evidence);
  void judge_log(const Evidence& evidence);
  void judge_request(const Request& request);
  void judge_own_answer(const Request& request);
  void judge_cancelled(const Answer& answer);
  void judge_last(const HttpClient& client, const Evidence& evidence);
  void judge_cut(const Request& request, const Evidence& evidence, Tally& tally);
  void judge_tunnel(const Request& request, const Answer& answer);

  const Scenario& scenario_;
  Ledger ledger_;
  Peers clients_, backends_;
  std::vector<std::shared_ptr<HttpClient>> http1_clients_;  // those of clients_
  std::vector<std::shared_ptr<Http2Client>> http2_clients_;
  std::map<uint64_t, RequestLine> lines_;  // by the number of the request
};

void HttpTraffic::open_client(std::shared_ptr<Wire> wire, const Address&) {
  if (scenario_.stack.http2_clients) {
    http2_clients_.push_back(std::make_shared<Http2Client>(
        ledger_, http2_client_script(scenario_, ledger_), std::move(wire)));
    clients_.push_back(http2_clients_.back());
  } else {
    http1_clients_.push_back(std::make_shared<HttpClient>(
        ledger_, http_client_script(scenario_, ledger_), std::move(wire)));
    clients_.push_back(http1_clients_.back());
  }
  clients_.back()->start();
}

void HttpTraffic::open_backend(std::shared_ptr<Wire> wire, const Address&) {
  Random& random = ledger_.network().random();
  if (scenario_.stack.http2_backends)
    backends_.push_back(std::make_shared<Http2Backend>(
        ledger_, http2_backend_script(scenario_, random), std::move(wire)));
  else
    backends_.push_back(std::make_shared<HttpBackend>(
        ledger_, http_backend_script(scenario_, random), std::move(wire)));
  backends_.back()->start();
}

std::vector<std::string> HttpTraffic::stuck() const {
  std::vector<std::string> lines;
  for (const auto& client : clients_)
    if (!client->over()) lines.push_back("stuck: " + client->state());
  for (const auto& backend : backends_)
    if (!backend->over()) lines.push_back("stuck: " + backend->state());
  return lines;
}

std::vector<std::string> HttpTraffic::judge(const Evidence& evidence, Tally& tally) {
  std::vector<std::string> books;
  check_listeners(evidence, books);
  for (const std::string& line : books) ledger_.failures().push_back(line);
  judge_backends(evidence);
  judge_log(evidence);
  for (const auto& request : ledger_.requests()) judge_request(*request);
  for (const auto& request : ledger_.requests()) judge_cut(*request, evidence, tally);
  if (scenario_.polite && ledger_.heads_cut() > 0)
    ledger_.fail("{} connections to backends ended in the middle of a head", ledger_.heads_cut());
  tally["heads cut"] += ledger_.heads_cut();
  for (const auto& client : http1_clients_) judge_last(*client, evidence);
  for (const auto& client : http2_clients_)
    Http2Verdict(evidence, ledger_, lines_).judge(*client, tally);
  for (const auto& answer : ledger_.answers()) judge_cancelled(*answer);

  for (const auto& request : ledger_.requests()) {
    ++tally[fmt::format("requests: {}", Request::text(request->outcome))];
    if (request->outcome == Outcome::by_weir)
      ++tally[fmt::format("own answers: {}", request->status)];
    if (request->heads_at_backends > 1) ++tally["requests: sent to backends more than once"];
    if (request->status == 101) ++tally["tunnels"];
  }
  for (const auto& [id, cells] : evidence.report.listeners)
    for (size_t i = 0; i < kListSize<H2ErrorReason>; ++i)
      tally[fmt::format("HTTP/2 errors: {}", kListNames<H2ErrorReason>[i])] +=
          cells.http2_errors[static_cast<H2ErrorReason>(i)].value;
  for (const auto& [id, cells] : evidence.report.backends) {
    tally["connections to backends"] += cells.connects.value;
    tally["connections to backends: reused"] += cells.reuses.value;
  }
  return ledger_.failures();
}

// No request is in progress, so open connections are kept ones. A shared one may just be leaving.
void HttpTraffic::judge_backends(const Evidence& evidence) {
  for (const auto& [id, cells] : evidence.report.backends) {
    if (cells.in_flight.value != 0 || cells.load != 0)
      ledger_.fail("backend {}: {} requests under way, load {}", id, cells.in_flight.value,
                   cells.load);
    const int64_t leaving = cells.active.value - cells.idle.value;
    if (leaving < 0 || (leaving > 0 && !scenario_.stack.http2_backends))
      ledger_.fail("backend {}: {} connections, {} idle", id, cells.active.value, cells.idle.value);
  }
}

// One line for each request that was understood.
void HttpTraffic::judge_log(const Evidence& evidence) {
  for (const std::string& line : lines_of(evidence.access_log)) {
    const std::string path = log_field(line, "path");
    if (path.empty() || path == Http2Flood::kPath || is_of_a_part(line)) continue;
    const uint64_t number = std::strtoull(path.c_str() + path.rfind('/') + 1, nullptr, 10);
    const Request* request = ledger_.request(number);
    if (request == nullptr) {
      ledger_.fail("an access line for '{}'", path);
      continue;
    }
    const RequestLine entry{end_reason(log_field(line, "reason")),
                            std::strtod(log_field(line, "duration").c_str(), nullptr)};
    if (!lines_.try_emplace(number, entry).second)
      ledger_.fail("{} has more than one access line", number);
    const bool whole =
        request->outcome == Outcome::answered || request->outcome == Outcome::by_weir;
    if (whole && log_number(line, "status") != request->status)
      ledger_.fail("{} was answered with {}, the log says {}", number, request->status,
                   log_number(line, "status"));
  }
  for (const auto& request : ledger_.requests())
    if (request->outcome == Outcome::answered && !lines_.contains(request->number))
      ledger_.fail("{} was answered and has no access line", request->number);
}

void HttpTraffic::judge_request(const Request& request) {
  const uint32_t tries = 1 + scenario_.retry.attempts;
  if (request.heads_at_backends > tries)
    ledger_.fail("{} was sent {} times", request.number, request.heads_at_backends);
  if (request.outcome == Outcome::cut && request.clean && !request.follows)
    ledger_.fail("the answer to {} ends in the middle, as if that were all", request.number);
  if (request.outcome == Outcome::by_weir) judge_own_answer(request);
  const Answer* answer = ledger_.answer(request.answer);
  if (answer != nullptr && answer->status == 101 && request.status == 101)
    judge_tunnel(request, *answer);
  if (!scenario_.polite) return;
  const bool nothing = request.http2 && request.outcome == Outcome::nothing && !request.refused;
  if (request.outcome == Outcome::cut || request.outcome == Outcome::abandoned || nothing)
    ledger_.fail("{} was not answered in full: outcome {}", request.number,
                 static_cast<int>(request.outcome));
}

// The client is gone: weir cancels the request at the backend soon.
void HttpTraffic::judge_cancelled(const Answer& answer) {
  constexpr Duration kSoon = 3s;
  const TimePoint reset_at = ledger_.request(answer.request)->reset_at;
  if (reset_at != kNever && (answer.over_at == kNever || answer.over_at > reset_at + kSoon))
    ledger_.fail("{} was reset by its client, and answer {} went on", answer.request,
                 answer.number);
}

void HttpTraffic::judge_own_answer(const Request& request) {
  if (request.fixed || !scenario_.polite) return;
  // The kept connection was closed, and weir cannot know whether the backend received the request.
  const bool unlucky = scenario_.idle_closes && request.status == 502 && !request.replayable();
  const bool refused = scenario_.stack.http2_backends && request.status == 502 &&
                       request.may_be_refused_for_good(scenario_.retry.attempts);
  if (unlucky || refused) return;
  const auto line = lines_.find(request.number);
  const bool known = line != lines_.end() && line->second.reason.has_value();
  ledger_.fail("{} {} got {}, for {}", request.method, request.number, request.status,
               known ? text(*line->second.reason) : "no reason");
}

void HttpTraffic::judge_last(const HttpClient& client, const Evidence& evidence) {
  const HttpClient::LastAsked& last = client.last_asked();
  const Request* request = ledger_.request(last.request);
  if (request == nullptr || request->outcome != Outcome::nothing) return;
  const HttpCauses causes(evidence, ledger_);
  if (causes.may_end_silently(last, request->clean)) return;
  if (!request->clean && causes.failed_at_backend(*request)) return;
  ledger_.fail("{} {} got nothing but {}: asked after {:.3f} s of silence, {:.3f} s ago, {}",
               request->method, request->number, request->clean ? "a FIN" : "a reset",
               seconds(last.silence), seconds(last.waited), last.whole ? "whole" : "in part");
}

// The log has the true reason for a truncated response. The reset may overtake all bytes of the
// response.
void HttpTraffic::judge_cut(const Request& request, const Evidence& evidence, Tally& tally) {
  const auto line = lines_.find(request.number);
  const bool known = line != lines_.end();
  // A stream of HTTP/2 ends with its connection, too.
  const bool overtaken = request.outcome == Outcome::nothing && known && !request.refused &&
                         (request.http2 || !request.clean);
  if (request.outcome != Outcome::cut && !overtaken) return;
  if (!known) return ledger_.fail("{} was cut and has no access line", request.number);
  const auto& [why, duration] = line->second;
  const std::string_view reason = why ? text(*why) : "no reason";
  ++tally[fmt::format("cut: {}", reason)];
  const Answer* answer = ledger_.answer(request.answer);
  const bool by_backend = why == EndReason::backend_closed || why == EndReason::backend_reset;
  // RST_STREAM does not wait for the bytes before it.
  if (by_backend && !request.http2 && request.outcome == Outcome::cut && answer != nullptr &&
      answer->cut_off_at != Answer::kWhole && request.cut_at != answer->cut_off_at)
    ledger_.fail("{}: its answer was cut off after {} bytes, {} came", request.number,
                 answer->cut_off_at, request.cut_at);
  if (!HttpCauses(evidence, ledger_).can_be_true(request, line->second))
    ledger_.fail("{} {} was cut after {:.3f} s, and that cannot be for {}", request.method,
                 request.number, duration, reason);
}

void HttpTraffic::judge_tunnel(const Request& request, const Answer& answer) {
  if (answer.tunnel_received > request.tunnel || request.tunnel_received > answer.tunnel)
    ledger_.fail("{}: its tunnel has more bytes than the script", request.number);
  if (answer.tunnel_cut && request.tunnel_heard_out && request.tunnel_received != answer.tunnel)
    ledger_.fail("{}: its backend sent {} bytes before it was cut off, {} arrived", request.number,
                 answer.tunnel, request.tunnel_received);
  if (request.tunnel_cut && answer.tunnel_heard_out && answer.tunnel_received != request.tunnel)
    ledger_.fail("{}: its client sent {} bytes before it was cut off, {} arrived", request.number,
                 request.tunnel, answer.tunnel_received);
  if (!scenario_.polite) return;
  if (answer.tunnel_received != request.tunnel || request.tunnel_received != answer.tunnel ||
      !request.tunnel_saw_fin || !answer.tunnel_saw_fin)
    ledger_.fail("{}: {} of {} and {} of {} bytes went through its tunnel, ends {} and {}",
                 request.number, answer.tunnel_received, request.tunnel, request.tunnel_received,
                 answer.tunnel, answer.tunnel_saw_fin, request.tunnel_saw_fin);
}

}  // namespace

std::unique_ptr<Traffic> make_http_traffic(const Scenario& scenario, Network& network) {
  return std::make_unique<HttpTraffic>(scenario, network);
}

}  // namespace weir::sim
