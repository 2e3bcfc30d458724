// weir drain: starts a drain, and with --watch shows it until nothing is left.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/exchange.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace weir::cli {
namespace {

using nlohmann::json;

constexpr Duration kSlowest = std::chrono::milliseconds(500);
constexpr Duration kFastest = std::chrono::milliseconds(50);

// What was last known of a drain whose end closes the admin API too.
struct Seen {
  double remaining = 0;
  double cut = 0;               // sessions that were not waited for
  TimePoint deadline = kNever;  // when the rest will be cut
  bool any_cut() const {
    bool late = std::chrono::steady_clock::now() + kFastest >= deadline;
    return cut > 0 || (remaining > 0 && late);
  }
};

// Often near the deadline: what is cut there is counted for `drain.linger` only, then weir is gone.
Duration next_look(const Seen& seen) {
  if (seen.deadline == kNever) return kSlowest;
  Duration left = seen.deadline - std::chrono::steady_clock::now();
  return std::clamp<Duration>(left / 4, kFastest, kSlowest);
}

// False when weir is gone.
bool look(const AdminClient& client, double cut_before, Seen& seen, json& page) {
  Exchange drain(client), status(client);
  if (!drain.get("/v1/drain")) return false;
  page = drain.document();
  seen.remaining = number_of(page, "remaining");
  const json& deadline = part_of(page, "deadline_seconds");
  if (deadline.is_number()) {
    seen.deadline =
        std::chrono::steady_clock::now() +
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(deadline.get<double>()));
  }
  if (status.get("/v1/status"))
    seen.cut = std::max(seen.cut, cut_sessions(status.document()) - cut_before);
  return true;
}

int watch(const AdminClient& client, double cut_before, const Console& console) {
  Seen seen;
  json page;
  std::string shown;  // what a reader who has no terminal saw last
  while (look(client, cut_before, seen, page)) {
    std::string news = text_of(page, "phase") + text_of(page, "remaining");
    console.clear_screen();
    if (console.terminal() || news != shown) console.print(drain_page(page, console));
    shown = std::move(news);
    pause_for(next_look(seen));
  }
  if (seen.any_cut()) {
    double cut = std::max(seen.cut, seen.remaining);
    console.complain(
        fmt::format("drained; {} cut at the deadline",
                    cut == 1 ? "1 session was" : fmt::format("{:.0f} sessions were", cut)));
    return kCut;
  }
  console.say("drained; nothing was cut");
  return kOk;
}

}  // namespace

int run_drain(const DrainOptions& options, const Console& console) {
  Result<AdminClient> client = find_admin(options.target);
  if (!client) return complain_of(client.error(), console);
  Exchange status(*client), exchange(*client);
  if (!status.get("/v1/status")) return status.complain(console);
  double cut_before = cut_sessions(status.document());
  std::string body;
  if (options.timeout) {
    auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(*options.timeout).count();
    body = json{{"timeout", fmt::format("{}ms", milliseconds)}}.dump();
  }
  if (!exchange.post("/v1/drain", body)) {
    if (exchange.status() != 409) return exchange.complain(console);
    console.complain("already draining");
    if (!options.watch) return kFailed;
  }
  if (options.watch) return watch(*client, cut_before, console);
  console.print(drain_page(exchange.document(), console));
  return kOk;
}

}  // namespace weir::cli
