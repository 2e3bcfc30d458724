// TCP sessions: talkers on both sides, whose bytes identify their stream.
#include <fmt/format.h>

#include "world/tcp_verdict.h"

namespace weir::sim {
namespace {

class TcpTraffic final : public Traffic {
 public:
  TcpTraffic(const Scenario& scenario, Network& network) : scenario_(scenario), book_(network) {}

  void open_client(std::shared_ptr<Wire> wire, const Address& from) override {
    const Script script = scenario_.client_script(book_.network().random());
    book_.open(script, std::move(wire), from, true);
  }
  void open_backend(std::shared_ptr<Wire> wire, const Address& at) override {
    const Script script = scenario_.backend_script(book_.network().random());
    book_.open(script, std::move(wire), at, false);
  }
  bool clients_over() const override { return book_.all_over(); }
  bool backends_over() const override { return book_.all_over(); }
  std::vector<std::string> stuck() const override;
  std::vector<std::string> judge(const Evidence& evidence, Tally& tally) override;

 private:
  const Scenario& scenario_;
  Book book_;
};

std::vector<std::string> TcpTraffic::stuck() const {
  std::vector<std::string> lines;
  for (const auto* talkers : {&book_.clients(), &book_.backends()})
    for (const auto& talker : *talkers)
      if (!talker->over())
        lines.push_back(fmt::format("{} is stuck: sent {} of {}, received {}, end {}",
                                    talker->number(), talker->sent(), talker->script().to_send,
                                    talker->received(), talker->received_end()));
  return lines;
}

std::vector<std::string> TcpTraffic::judge(const Evidence& evidence, Tally& tally) {
  std::vector<std::string> failures = book_.failures();
  const std::vector<AccessLine> lines = read_access_log(evidence.access_log, failures);
  TcpVerdict(evidence, book_, lines, failures).judge();
  for (const AccessLine& line : lines) {
    ++tally[fmt::format("ended: {}", text(line.reason))];
    ++tally["sessions"];
    tally["bytes"] += line.received_bytes + line.sent_bytes;
  }
  return failures;
}

}  // namespace

std::unique_ptr<Traffic> make_tcp_traffic(const Scenario& scenario, Network& network) {
  return std::make_unique<TcpTraffic>(scenario, network);
}

}  // namespace weir::sim
