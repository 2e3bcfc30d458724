#include "cli/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace weir::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const Console kPlain("never", false);

TEST(StatusPage, ReportsTheDurationOfADrain) {
  const nlohmann::json status = {{"version", "1"},         {"phase", "lame_duck"},
                                 {"uptime_seconds", 7200}, {"draining_seconds", 0.3},
                                 {"workers", 2},           {"workers_by", "cpu_quota"}};
  EXPECT_THAT(status_page(status, Console("never", false)),
              HasSubstr("lame duck for 0.3s, up for 2h00m, 2 workers (by the CPU quota of the "
                        "cgroup)"));
}

TEST(StatusPage, ShowsListenersAndBackendsWithProblems) {
  json status = json::parse(R"({
    "version": "0.1.0", "revision": "abc", "pid": 42, "generation": 7, "config_hash": "h",
    "config_path": "/etc/weir/weir.yaml", "phase": "serving", "uptime_seconds": 3725, "ready": true, "workers": 2,
    "connections": {"active": 3, "total": 100, "max": 5000},
    "listeners": [{"name": "web", "bind": [":80", "[::1]:81"], "cluster": "app", "active": 3, "total": 100,
                   "received_bytes": 2048, "sent_bytes": 3145728, "ended": {"client_closed": 97, "error": 0}}],
    "clusters": [{"name": "app", "panic": true, "backends": [
      {"name": "a", "address": "10.0.0.1:80", "state": "active", "health": "up", "weight": 1, "active": 3, "total": 60},
      {"name": "b", "address": "10.0.0.2:80", "state": "active", "health": "down", "weight": 1, "connect_errors": 9},
      {"name": "c", "address": "10.0.0.3:80", "state": "drain", "health": "up", "weight": 2, "backup": true},
      {"name": "d", "address": "10.0.0.4:80", "state": "active", "health": "up", "held_off_seconds": 4},
      {"name": "e", "address": "10.0.0.5:80", "state": "active", "health": "up", "ejected_seconds": 25},
      {"name": "f", "address": "10.0.0.6:80", "state": "active", "health": "draining"}]}],
    "last_reload": {"result": "invalid", "message": "3 errors"}})");
  std::string page = status_page(status, kPlain);
  EXPECT_THAT(page,
              AllOf(HasSubstr("weir 0.1.0 (abc), pid 42, ready, serving for 1h02m, 2 workers"),
                    HasSubstr("generation 7"), HasSubstr("last reload: invalid 3 errors"),
                    HasSubstr(":80, [::1]:81"), HasSubstr("2.0 KiB"), HasSubstr("3.0 MiB"),
                    HasSubstr("97 client_closed"), Not(HasSubstr("0 error")),
                    HasSubstr("app (panic)"), HasSubstr("held off 4.0s"), HasSubstr("ejected 25s"),
                    HasSubstr("draining itself"), HasSubstr("2 backup")));
}

TEST(StatusPage, NamesTheCommandLineIfThereIsNoFile) {
  const json status = json::parse(
      R"({"config_path": "", "generation": 1, "last_reload": {"result": "unchanged", "message": ""}})");
  EXPECT_THAT(status_page(status, kPlain),
              AllOf(HasSubstr("configuration from the command line, generation 1"),
                    HasSubstr("last reload: unchanged\n")));
}

TEST(StatusPage, PrintsTheDocumentOfAnotherVersion) {
  EXPECT_THAT(
      status_page(
          json::parse(R"({"version": 3, "listeners": "none", "clusters": [1, {"backends": 2}]})"),
          kPlain),
      HasSubstr("weir 3"));
  EXPECT_THAT(drain_page(json::parse("[]"), kPlain), HasSubstr("0 sessions left"));
}

TEST(DrainPage, ShowsRemainingSessionsByListenerAndTheDeadline) {
  json drain = json::parse(R"({
    "phase": "draining", "deadline_seconds": 12.34, "remaining": 2,
    "listeners": [{"name": "web", "active": 2, "waiting_for": {"client_fin": 2, "traffic": 0}},
                  {"name": "idle", "active": 0, "waiting_for": {}}],
    "oldest": [{"session": "0.3.1", "listener": "web", "client": "10.1.1.1:5", "backend": "a", "age_seconds": 90,
                "idle_seconds": 1.5, "waiting_for": "client_fin", "version": "h2", "streams": 7, "sent_bytes": 1, "received_bytes": 2}]})");
  std::string page = drain_page(drain, kPlain);
  EXPECT_THAT(page, AllOf(HasSubstr("draining: 2 sessions left, cut in 12s\n"),
                          HasSubstr("2 client_fin\n"), HasSubstr("0.3.1"), HasSubstr("1m30s"),
                          HasSubstr("1.5s"), HasSubstr("h2, 7 streams"), Not(HasSubstr("idle  "))));
}

TEST(ChangeList, ShowsChangesAndAffectedSessions) {
  json changes = json::parse(R"([
    {"effect": "rebind", "kind": "added", "path": "listeners[web]", "from": "", "to": ":80", "sessions": 0},
    {"effect": "new_sessions", "kind": "removed", "path": "clusters[old]", "from": "a", "to": "", "sessions": 3},
    {"effect": "live", "kind": "changed", "path": "logging.level", "from": "info", "to": "debug", "sessions": 0}])");
  EXPECT_EQ(change_list(changes, kPlain),
            "  + listeners[web]: :80  [rebind]\n"
            "  - clusters[old]: a  [new sessions, affects 3 open sessions]\n"
            "  ~ logging.level: info → debug  [live]\n");
}

TEST(DiagnosticList, LooksLikeWeirCheck) {
  json diagnostics = json::parse(
      R"([{"severity": "error", "code": "E103", "file": "w.yaml", "line": 14, "column": 7,
                                      "message": "unknown key 'x'", "hint": "did you mean 'y'?"}])");
  EXPECT_THAT(diagnostic_list(diagnostics), HasSubstr("w.yaml:14:7: error[E103]: unknown key 'x'"));
}

TEST(Table, AlignsByVisibleColumns) {
  Table table({"A", "B"});
  table.add({"→→→", "x"});
  table.add({"\033[31mred\033[0m", "y"});
  EXPECT_EQ(table.text(), "A    B\n→→→  x\n\033[31mred\033[0m  y\n");
}

}  // namespace
}  // namespace weir::cli
