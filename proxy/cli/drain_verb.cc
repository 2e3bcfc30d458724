// weir drain: starts a drain, and with --watch shows it until it ends.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/admin_call.h"
#include "cli/verbs.h"
#include "cli/views.h"

namespace weir::cli {
namespace {

using nlohmann::json;

constexpr Duration kRefresh = std::chrono::milliseconds(500);
// For the answer about the end of the drain, once weir accepts no further admin connections.
constexpr Duration kPatience = std::chrono::seconds(10);

// One line: programs read one document per line.
void print_json(const json& document, const Console& console) {
  console.print(document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

// Shows a drain until it ends. At the end weir accepts no further admin connections, so the request
// for the result is sent before the drain begins: weir answers it when the drain has ended.
class DrainView {
 public:
  DrainView(const AdminClient& client, const Console& console, bool as_json)
      : client_(client), console_(console), as_json_(as_json) {}

  bool ask(AdminError& error) {
    end_ = client_.begin({"GET", "/v1/drain?wait=1", "", kPatience}, error);
    return static_cast<bool>(end_);
  }
  int show(json page) {
    for (Duration patience = kRefresh;;) {
      if (page.is_object()) show_page(page);
      if (console_.broken()) return kFailed;
      if (AdminClient::answered(end_, patience)) {
        json end = read_end();
        if (text_of(end, "phase") == "drained") {
          if (as_json_) print_json(end, console_);
          return report(number_of(end, "cut"));
        }
        AdminError error;
        if (text_of(end, "phase").empty() || !ask(error)) return lost();
      } else if (patience == kPatience) {
        return lost();
      }
      AdminCall now(client_);
      bool there = now.get("/v1/drain");
      if (there) page = now.document();
      patience = there ? kRefresh : kPatience;
    }
  }

 private:
  void show_page(const json& page) {
    // Without a terminal: print changes only.
    std::string news = text_of(page, "phase") + text_of(page, "remaining");
    if (as_json_) {
      if (news != shown_) print_json(page, console_);
    } else {
      console_.clear_screen();
    }
    if (!as_json_ && (console_.terminal() || news != shown_))
      console_.print(drain_page(page, console_));
    shown_ = std::move(news);
    remaining_ = number_of(page, "remaining");
  }
  json read_end() const {
    AdminAnswer answer;
    AdminError error;
    if (!client_.finish(end_, kPatience, answer, error)) return nullptr;
    return json::parse(answer.body, nullptr, false);
  }
  int report(double cut) const {
    if (cut == 0) {
      console_.say("drained; no session was cut");
      return kOk;
    }
    console_.report(fmt::format(
        "drained; {} cut", cut == 1 ? "1 session was" : fmt::format("{:.0f} sessions were", cut)));
    return kCut;
  }
  int lost() const {
    console_.report(fmt::format(
        "weir exited before it reported the end of the drain; {} open at the last report",
        remaining_ == 1 ? "1 session was" : fmt::format("{:.0f} sessions were", remaining_)));
    return remaining_ == 0 ? kOk : kCut;
  }

  const AdminClient& client_;
  const Console& console_;
  const bool as_json_;
  UniqueFd end_;  // the request that is answered at the end of the drain
  std::string shown_;
  double remaining_ = 0;
};

}  // namespace

int run_drain(const DrainOptions& options, const Console& console) {
  FoundAdmin client = find_admin(options.target);
  if (!client) return report_error(client, console);
  DrainView view(*client, console, options.json);
  if (AdminError error; options.watch && !view.ask(error)) {
    console.report(error.message);
    return error.timed_out ? kCut : kUnreachable;
  }
  std::string body;
  if (options.timeout) {
    auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(*options.timeout).count();
    body = json{{"timeout", fmt::format("{}ms", milliseconds)}}.dump();
  }
  AdminCall call(*client);
  if (!call.post("/v1/drain", body)) {
    if (call.status() != 409) return call.report(console);
    console.report("already draining");
    if (!options.watch) return kFailed;
    (void)call.get("/v1/drain");  // no document if the drain has just ended: only its end is shown
  }
  if (options.watch) return view.show(call.document());
  console.print(options.json ? call.body() : drain_page(call.document(), console));
  return kOk;
}

}  // namespace weir::cli
