// The verbs that call a running weir: status, healthcheck, reload, plan.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/admin_call.h"
#include "cli/verbs.h"
#include "cli/views.h"
#include "config/load.h"
#include "config/print.h"

namespace weir::cli {
namespace {

using nlohmann::json;

constexpr Duration kRefresh = std::chrono::seconds(1);
constexpr Duration kPlanTimeout = std::chrono::seconds(30);
constexpr Duration kRetry = std::chrono::milliseconds(50);
constexpr Duration kHealthcheckTimeout = std::chrono::seconds(10);
constexpr Duration kShortestTry = std::chrono::milliseconds(100);  // at the end of --wait

struct Printing {
  std::string_view done;  // text before a list of changes
  bool as_json = false;
};

// The exit code for the result of a reload or a plan.
Exit code_of(const std::string& result) {
  if (result == "invalid") return kInvalidConfig;
  const bool good = result == "ok" || result == "unchanged" || result == "planned";
  return good ? kOk : kFailed;
}

// Prints the answer to a reload or a plan. Returns the exit code.
int print_outcome(const json& outcome, const Printing& how, const Console& console) {
  std::string result = text_of(outcome, "result");
  if (how.as_json) {
    console.print(outcome.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
    return code_of(result);
  }
  std::string problems = diagnostic_list(part_of(outcome, "diagnostics"));
  if (result == "invalid") {
    console.report("the configuration is invalid; the running configuration was not changed\n" +
                   problems);
    return kInvalidConfig;
  }
  if (!problems.empty()) console.report("the configuration has warnings\n" + problems);
  if (code_of(result) != kOk) {
    std::string message = text_of(outcome, "message");
    console.report(message.empty() ? "refused: " + result : message);
    return kFailed;
  }
  const json& changes = part_of(outcome, "changes");
  const std::string list = change_list(changes, console);
  if (result == "unchanged" || (result == "planned" && changes.empty()))
    console.print(list.empty() ? "nothing changes\n"
                               : "nothing changes; these changes need a restart:\n" + list);
  else if (changes.empty())
    console.print(fmt::format("{}\n", how.done));  // the text changed, the configuration did not
  else
    console.print(fmt::format("{}{} {}:\n{}", how.done, result == "planned" ? "" : ",",
                              count_text(static_cast<double>(changes.size()), "change"), list));
  return kOk;
}

// weir cannot be reached, but the file is invalid: prints what weir would refuse.
int refuse(const std::vector<config::Diagnostic>& mistakes, const std::string& why, bool as_json,
           const Console& console) {
  if (as_json) {
    const json found = json::parse(config::format_json(mistakes), nullptr, false);
    return print_outcome({{"result", "invalid"},
                          {"generation", nullptr},
                          {"message", why},
                          {"changes", json::array()},
                          {"diagnostics", found}},
                         {"", true}, console);
  }
  console.report("the configuration is invalid; the running configuration was not changed\n" +
                 config::format_text(mistakes, false) + (why.empty() ? "" : "weir: " + why));
  return kInvalidConfig;
}

bool is_outcome(const AdminCall& call, bool good) {
  return good || call.status() == 409 || call.status() == 422;
}

// Over TCP, and to the socket of another user, the text is sent instead of the path: weir would
// read the file with its own rights, not with those of the caller. Variables and includes are
// replaced here.
int plan_by_text(AdminCall& call, const std::string& path, const Printing& how,
                 const Console& console) {
  const config::Loaded loaded = config::load(path, config::process_environment());
  if (!loaded.valid()) return refuse(loaded.diagnostics, "", how.as_json, console);
  const json body{{"text", config::to_yaml(loaded.model)}};
  const bool good =
      call.post("/v1/plan", body.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!is_outcome(call, good)) return call.report(console);
  return print_outcome(call.document(), how, console);
}

// Whether the running weir uses this file as its configuration.
bool is_running_file(AdminCall& call, const std::filesystem::path& path) {
  std::error_code error;
  return call.get("/v1/status") &&
         std::filesystem::equivalent(text_of(call.document(), "config_path"), path, error);
}

}  // namespace

int run_status(const StatusOptions& options, const Console& console) {
  FoundAdmin client = find_admin(options.target);
  if (!client) return report_error(client, console);
  for (;;) {
    AdminCall call(*client);
    if (!call.get("/v1/status")) return call.report(console);
    if (options.watch) console.clear_screen();
    std::string page = options.json ? call.body() + (call.body().ends_with('\n') ? "" : "\n")
                                    : status_page(call.document(), console);
    console.print(page);
    if (!options.watch || console.broken()) return kOk;
    pause_for(kRefresh);
  }
}

int run_healthcheck(const Target& target, Duration wait, const Console& console) {
  TimePoint deadline = std::chrono::steady_clock::now() + wait;
  for (;;) {
    FoundAdmin client = find_admin(target);
    if (!client) return report_error(client, console);
    AdminCall call(*client);
    call.expect_text();
    // With --wait, a server that does not answer must not hold the command for longer.
    const Duration left = deadline - std::chrono::steady_clock::now();
    if (wait > Duration::zero())
      call.set_timeout(std::clamp(left, kShortestTry, kHealthcheckTimeout));
    if (call.get("/ready")) return kOk;
    if (std::chrono::steady_clock::now() >= deadline) {
      if (call.status() != 503) return call.report(console);
      console.say("not ready: " + call.first_line());
      return kNotReady;
    }
    pause_for(kRetry);
  }
}

int run_reload(const ReloadOptions& options, const Console& console) {
  FoundAdmin client = find_admin(options.target);
  const bool invalid = !client.mistakes.empty();
  if (!client)
    return invalid ? refuse(client.mistakes, client.error.text(), options.json, console)
                   : report_error(client, console);
  bool wait = options.wait || options.dry_run;  // the answer of a dry run is its result
  AdminCall call(*client);
  call.set_timeout(options.timeout);
  std::string target =
      fmt::format("/v1/reload{}{}", wait ? "?wait=1" : "", options.dry_run ? "&dry_run=1" : "");
  bool good = call.post(target, "");
  if (call.unreached() && invalid)
    return refuse(client.mistakes, call.error().message, options.json, console);
  if (!is_outcome(call, good)) return call.report(console);
  if (call.status() == 202) {
    if (options.json) console.print(call.body());
    console.say("reload accepted; its result is in the log and in 'weir status'");
    return kOk;
  }
  const json& outcome = call.document();
  // Over TCP weir does not send what it read in its file. The caller can read the file: print the
  // findings from here.
  if (invalid && !(*client).is_unix() && text_of(outcome, "result") == "invalid")
    return refuse(client.mistakes, "", options.json, console);
  std::string done = options.dry_run
                         ? "a reload would make"
                         : fmt::format("reloaded, generation {}", text_of(outcome, "generation"));
  return print_outcome(outcome, {done, options.json}, console);
}

int run_plan(const PlanOptions& options, const Console& console) {
  Result<std::string> path =
      find_config(options.file.empty() ? options.target.config : options.file);
  if (!path) return report_error(path.error(), console);
  // The admin address is in the file that is in use, not in the file that may replace it, unless
  // there is only the latter.
  Target running{options.target.config, options.target.admin};
  if (!find_config(running.config)) running.config = *path;
  FoundAdmin client = find_admin(running);
  if (!client) return report_error(client, console);
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(*path, error);
  if (error) return report_error({error.message(), *path}, console);
  const Printing how{"a reload would make", options.json};
  AdminCall call(*client);
  call.set_timeout(kPlanTimeout);
  const bool own = !(*client).is_unix() && is_running_file(call, absolute);
  if (!(*client).is_unix() && call.status() == 0) return call.report(console);
  if (!(*client).is_unix() && !own) return plan_by_text(call, *path, how, console);
  const bool good = call.post("/v1/plan", own ? "" : json{{"path", absolute.string()}}.dump());
  if (call.status() == 403 && !own) return plan_by_text(call, *path, how, console);
  if (!is_outcome(call, good)) return call.report(console);
  return print_outcome(call.document(), how, console);
}

}  // namespace weir::cli
