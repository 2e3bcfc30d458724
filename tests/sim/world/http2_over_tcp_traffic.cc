// HTTP/2 clients and backends that talk to each other, weir relaying TCP between them. weir has no
// part in their HTTP/2, so this is a test of the peers; and it is a TCP traffic of many small
// messages in both directions.
#include <algorithm>

#include "world/books.h"
#include "world/http2_scripts.h"

namespace weir::sim {
namespace {

using Outcome = Request::Outcome;

class Http2OverTcpTraffic final : public Traffic {
 public:
  Http2OverTcpTraffic(const Scenario& scenario, Network& network)
      : scenario_(scenario), ledger_(network) {}

  void open_client(std::shared_ptr<Wire> wire, const Address&) override {
    const auto client = std::make_shared<Http2Client>(
        ledger_, http2_client_script(scenario_, ledger_), std::move(wire));
    clients_.push_back(client);
    client->start();
  }
  void open_backend(std::shared_ptr<Wire> wire, const Address&) override {
    backends_.push_back(std::make_shared<Http2Backend>(
        ledger_, http2_backend_script(scenario_, ledger_.network().random()), std::move(wire)));
    backends_.back()->start();
  }
  bool clients_over() const override {
    return std::all_of(clients_.begin(), clients_.end(), [](const auto& p) { return p->over(); });
  }
  bool backends_over() const override {
    return std::all_of(backends_.begin(), backends_.end(), [](const auto& p) { return p->over(); });
  }
  std::vector<std::string> stuck() const override;
  std::vector<std::string> judge(const Evidence& evidence, Tally& tally) override;

 private:
  void judge_polite(const Http2Client& client);

  const Scenario& scenario_;
  Ledger ledger_;
  std::vector<std::shared_ptr<Http2Client>> clients_;
  std::vector<std::shared_ptr<Http2Backend>> backends_;
};

std::vector<std::string> Http2OverTcpTraffic::stuck() const {
  std::vector<std::string> lines;
  for (const auto& client : clients_)
    if (!client->over()) lines.push_back("stuck: " + client->state());
  for (const auto& backend : backends_)
    if (!backend->over()) lines.push_back("stuck: " + backend->state());
  return lines;
}

// Everything is answered, except what a GOAWAY or a REFUSED_STREAM has excluded.
void Http2OverTcpTraffic::judge_polite(const Http2Client& client) {
  for (const Http2Ask& ask : client.script().asks) {
    const Request& request = *ledger_.request(ask.request);
    const bool proven = request.outcome == Outcome::nothing && request.refused;
    const bool unsent = request.outcome == Outcome::unsent && client.ended().goaway;
    if (proven && request.heads_at_backends > 0)
      ledger_.fail("{} was refused, and processed", request.number);
    if (request.outcome != Outcome::answered && !proven && !unsent)
      ledger_.fail("{} was not answered: outcome {}, {}", request.number,
                   static_cast<int>(request.outcome), nghttp2_http2_strerror(request.error));
  }
}

std::vector<std::string> Http2OverTcpTraffic::judge(const Evidence& evidence, Tally& tally) {
  std::vector<std::string> failures;
  check_listeners(evidence, failures);
  if (scenario_.polite)
    for (const auto& client : clients_) judge_polite(*client);
  for (const auto& request : ledger_.requests()) {
    ++tally[fmt::format("requests: {}", Request::text(request->outcome))];
    if (request->refusals > 0) ++tally["requests: refused"];
  }
  for (const auto& client : clients_) {
    if (client->ended().goaway) ++tally["clients: got a GOAWAY"];
    if (client->hostile()) ++tally["clients: hostile"];
  }
  failures.insert(failures.end(), ledger_.failures().begin(), ledger_.failures().end());
  return failures;
}

}  // namespace

std::unique_ptr<Traffic> make_http2_over_tcp_traffic(const Scenario& scenario, Network& network) {
  return std::make_unique<Http2OverTcpTraffic>(scenario, network);
}

}  // namespace weir::sim
