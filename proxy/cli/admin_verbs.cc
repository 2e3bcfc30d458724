// The verbs that ask a running weir: status, healthcheck, reload, plan.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/exchange.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace weir::cli {
namespace {

using nlohmann::json;

constexpr Duration kRefresh = std::chrono::seconds(1);
constexpr Duration kRetry = std::chrono::milliseconds(50);

// What a reload or a plan answered, printed; the exit code is what it means.
int print_outcome(const json& outcome, std::string_view done, const Console& console) {
  std::string result = text_of(outcome, "result");
  std::string problems = diagnostic_list(part_of(outcome, "diagnostics"));
  if (result == "invalid") {
    console.complain("the configuration is invalid; what runs was not changed\n" + problems);
    return kInvalidConfig;
  }
  if (!problems.empty()) console.complain("the configuration has warnings\n" + problems);
  if (result == "failed" || result == "draining") {
    std::string message = text_of(outcome, "message");
    console.complain(message.empty() ? "refused: " + result : message);
    return kFailed;
  }
  const json& changes = part_of(outcome, "changes");
  const std::string list = change_list(changes, console);
  if (result == "unchanged" || (result == "planned" && changes.empty()))
    console.print(list.empty() ? "nothing changes\n"
                               : "nothing changes; what waits for a restart:\n" + list);
  else if (changes.empty())
    console.print(fmt::format("{}\n", done));  // another text that means the same
  else
    console.print(fmt::format("{}, {}:\n{}", done,
                              count_text(static_cast<double>(changes.size()), "change"), list));
  return kOk;
}

// Nobody can be asked. What would be refused can be said all the same.
int refuse_reload(const FoundAdmin& asked, const std::string& why, const Console& console) {
  console.complain("the configuration is invalid; what runs was not changed\n" +
                   config::format_text(asked.mistakes, false) + "weir: " + why);
  return kInvalidConfig;
}

}  // namespace

int run_status(const StatusOptions& options, const Console& console) {
  FoundAdmin client = find_admin(options.target);
  if (!client) return complain_of(client, console);
  for (;;) {
    Exchange exchange(*client);
    if (!exchange.get("/v1/status")) return exchange.complain(console);
    if (options.watch) console.clear_screen();
    std::string page = options.json
                           ? exchange.body() + (exchange.body().ends_with('\n') ? "" : "\n")
                           : status_page(exchange.document(), console);
    console.print(page);
    if (!options.watch || console.broken()) return kOk;
    pause_for(kRefresh);
  }
}

int run_healthcheck(const Target& target, Duration wait, const Console& console) {
  TimePoint deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    FoundAdmin client = find_admin(target);
    if (!client) return complain_of(client, console);
    Exchange exchange(*client);
    exchange.expect_text();
    if (exchange.get("/ready")) return kOk;
    if (std::chrono::steady_clock::now() >= deadline) {
      if (exchange.status() != 503) return exchange.complain(console);
      console.say("not ready: " + exchange.first_line());
      return kNotReady;
    }
    pause_for(kRetry);
  }
}

int run_reload(const ReloadOptions& options, const Console& console) {
  FoundAdmin client = find_admin(options.target);
  const bool invalid = !client.mistakes.empty();
  if (!client)
    return invalid ? refuse_reload(client, client.error.text(), console)
                   : complain_of(client, console);
  bool wait = options.wait || options.dry_run;  // a plan is nothing without its answer
  Exchange exchange(*client);
  exchange.set_timeout(options.timeout);
  std::string target =
      fmt::format("/v1/reload{}{}", wait ? "?wait=1" : "", options.dry_run ? "&dry_run=1" : "");
  bool good = exchange.post(target, "");
  if (exchange.unreached() && invalid)
    return refuse_reload(client, exchange.error().message, console);
  if (!good && (exchange.status() != 409 && exchange.status() != 422))
    return exchange.complain(console);
  if (exchange.status() == 202) {
    console.say("reload accepted; its result is in the log and in 'weir status'");
    return kOk;
  }
  const json& outcome = exchange.document();
  std::string done = options.dry_run
                         ? "a reload would make"
                         : fmt::format("reloaded, generation {}", text_of(outcome, "generation"));
  return print_outcome(outcome, done, console);
}

int run_plan(const PlanOptions& options, const Console& console) {
  Result<std::string> path =
      find_config(options.file.empty() ? options.target.config : options.file);
  if (!path) return complain_of(path.error(), console);
  // The address is that of what runs: of its file, not of the one that may replace it, unless
  // there is no other.
  Target running{options.target.config, options.target.admin};
  if (!find_config(running.config)) running.config = *path;
  FoundAdmin client = find_admin(running);
  if (!client) return complain_of(client, console);
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(*path, error);
  if (error) return complain_of({error.message(), *path}, console);
  Exchange exchange(*client);
  bool good = exchange.post("/v1/plan", json{{"path", absolute.string()}}.dump());
  if (!good && exchange.status() != 409 && exchange.status() != 422)
    return exchange.complain(console);
  return print_outcome(exchange.document(), "a reload would make", console);
}

}  // namespace weir::cli
