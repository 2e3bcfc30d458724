#include "world/tls_verdict.h"

#include <fmt/format.h>

namespace weir::sim {
namespace {

constexpr Duration kSoon = 3s;
constexpr Duration kTravel = 200ms;  // of the last message of a handshake

// The sums of the counters of all listeners.
struct Counted {
  uint64_t done = 0, failed = 0, timed_out = 0;
  uint64_t errors_of_failures = 0, errors_of_timeouts = 0;
};

Counted count(const WorkerReport& report) {
  Counted counted;
  for (const auto& [id, cells] : report.listeners) {
    counted.done += cells.tls_handshakes.sum();
    counted.failed += cells.ended_total[EndReason::tls_handshake_failed].value;
    counted.timed_out += cells.ended_total[EndReason::tls_handshake_timeout].value;
    counted.errors_of_timeouts += cells.tls_errors[TlsError::timeout].value;
    counted.errors_of_failures +=
        cells.tls_errors.sum() - cells.tls_errors[TlsError::timeout].value;
  }
  return counted;
}

void tell(const Wire& wire, Tally& tally) {
  ++tally[wire.open() ? "handshakes: done" : "handshakes: not done"];
  tally["handshakes: resumed"] += wire.resumed();
  tally["handshakes: silent"] += wire.silent() && !wire.behavior().garbage;
  tally["handshakes: garbage"] += wire.behavior().garbage;
  tally["ends without close_notify"] += wire.open() && wire.cut();
  tally["ends without close_notify: weir's"] += wire.open() && wire.received_cut();
}

}  // namespace

void judge_handshakes(const Evidence& evidence, std::vector<std::string>& failures, Tally& tally) {
  const Duration timeout = evidence.scenario.timeouts.tls_handshake.value;
  uint64_t done = 0, not_done = 0, crossing = 0, late = 0;
  for (const auto& wire : evidence.wires.all()) {
    if (!wire->has_tls()) continue;
    tell(*wire, tally);
    if (wire->behavior().role == TlsBehavior::Role::server) continue;
    ++(wire->open() ? done : not_done);
    late += wire->open() && wire->opened_at() > wire->began() + timeout - kTravel;
    crossing += !wire->open() && wire->behavior().old;  // with TLS 1.2 a server is ready first
    // The client sends nothing more, and waits.
    if (wire->silent() &&
        std::min(wire->ended_at(), wire->left_at()) > wire->began() + timeout + kSoon)
      failures.push_back(
          fmt::format("a client that stopped in its handshake is there after {:.3f} s",
                      seconds(timeout + kSoon)));
  }
  const Counted counted = count(evidence.report);
  if (counted.done > done + crossing)
    failures.push_back(fmt::format("{} handshakes counted, {} done", counted.done, done));
  if (counted.timed_out > not_done + late)
    failures.push_back(
        fmt::format("{} handshakes timed out, {} not done", counted.timed_out, not_done));
  if (counted.failed != counted.errors_of_failures ||
      counted.timed_out != counted.errors_of_timeouts)
    failures.push_back(fmt::format("{} handshakes failed, {} timed out; errors counted: {}, {}",
                                   counted.failed, counted.timed_out, counted.errors_of_failures,
                                   counted.errors_of_timeouts));
  if (evidence.scenario.polite && (counted.done < done || counted.failed + counted.timed_out > 0))
    failures.push_back(fmt::format("of {} polite handshakes {} are counted, {} failed", done,
                                   counted.done, counted.failed + counted.timed_out));
}

}  // namespace weir::sim
