// Plans of the real binary with open sessions.
#include <sys/stat.h>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"

namespace weir {
namespace {

class PlanTest : public testing::Test {
 protected:
  static constexpr const char* kDraining = "state: drain";

  static std::string backend(const std::string& name, const Address& at,
                             const std::string& more = {}) {
    return "{name: " + name + ", address: \"" + at.text() + "\"" + (more.empty() ? "" : ", ") +
           more + "}";
  }
  std::string config_of(const std::string& backends, const std::string& of_listener = {},
                        const std::string& more = {}) const {
    return config_text(listener("web", bind_, "app", of_listener),
                       "  - {name: app, backends: [" + backends + "]}\n", more);
  }
  void open(size_t n, std::vector<Socket>& sessions) const {
    for (size_t i = 0; i < n; ++i) {
      sessions.push_back(Socket::connect(bind_));
      ASSERT_TRUE(sessions.back().send("x"));
      ASSERT_EQ(sessions.back().receive(1), "x");
    }
  }
  // The only change of the plan to `text`, with the number of sessions it affects.
  static nlohmann::json change_to(const ProxyProcess& weir, const std::string& text) {
    weir.write_config(text);
    const nlohmann::json plan = weir.post("/v1/reload?wait=1&dry_run=1").json();
    EXPECT_EQ(plan["result"], "planned") << plan;
    EXPECT_EQ(plan["changes"].size(), 1u) << plan;
    return plan["changes"].empty() ? nlohmann::json() : plan["changes"][0];
  }

  LoadServer a_{LoadServer::Behaviour::echo}, b_{LoadServer::Behaviour::echo};
  Address bind_ = free_address();
};

TEST_F(PlanTest, CountsTheSessionsThatAChangeAffects) {
  const std::string a = backend("a", a_.address()), b = backend("b", b_.address());
  ProxyProcess weir(config_of(a + ", " + backend("b", b_.address(), kDraining)));
  std::vector<Socket> sessions;
  open(3, sessions);
  weir.write_config(config_of(backend("a", a_.address(), kDraining) + ", " + b));
  ASSERT_EQ(weir.reload().status, 200);
  open(2, sessions);
  weir.write_config(config_of(a + ", " + b));
  ASSERT_EQ(weir.reload().json()["changes"][0]["sessions"], 3)
      << "sessions on a, whose state changes";

  nlohmann::json change = change_to(weir, config_of(a));
  EXPECT_EQ(change["path"], "clusters.app.backends.b");
  EXPECT_EQ(change["kind"], "removed");
  EXPECT_EQ(change["sessions"], 2);
  change = change_to(weir, config_of(backend("a", a_.address(), "weight: 7") + ", " + b));
  EXPECT_EQ(change["path"], "clusters.app.backends.a.weight");
  EXPECT_EQ(change["sessions"], 3);
  change = change_to(weir, config_of(a + ", " + b, "timeouts: {idle: 30m}"));
  EXPECT_EQ(change["path"], "listeners.web.timeouts.idle");
  EXPECT_EQ(change["sessions"], 5);
  change = change_to(weir, config_of(a + ", " + b, "", "drain: {timeout: 77s}\n"));
  EXPECT_EQ(change["path"], "drain.timeout");
  EXPECT_EQ(change["sessions"], 0);
  change = change_to(weir, config_of(a + ", " + b + ", " + backend("c", b_.address())));
  EXPECT_EQ(change["kind"], "added");
  EXPECT_EQ(change["sessions"], 0);
}

TEST_F(PlanTest, ReportsMissingHostResourcesLikeAReload) {
  const std::string a = backend("a", a_.address());
  ProxyProcess weir(config_of(a));
  const std::string missing = weir.directory() + "/missing";
  weir.write_config(
      config_of(a, "", "logging: {access: {output: \"" + missing + "/access.log\"}}\n"));
  const nlohmann::json plan = weir.post("/v1/reload?wait=1&dry_run=1").json();
  EXPECT_EQ(plan["result"], "invalid") << plan;
  ASSERT_EQ(plan["diagnostics"].size(), 1u) << plan;
  EXPECT_EQ(plan["diagnostics"][0]["code"], "E251");
  EXPECT_EQ(weir.reload().status, 422);
  ASSERT_EQ(::mkdir(missing.c_str(), 0755), 0);
  EXPECT_EQ(weir.post("/v1/reload?wait=1&dry_run=1").json()["result"], "planned");
  EXPECT_EQ(weir.reload().status, 200);
}

TEST_F(PlanTest, ChangesThatNeedARestartAreReportedUntilThen) {
  const std::string a = backend("a", a_.address());
  const auto with_workers = [&](int n) {
    return config_of(a, "", "global: {workers: " + std::to_string(n) + "}\n");
  };
  ProxyProcess weir(with_workers(1));
  weir.write_config(with_workers(2));
  const nlohmann::json reloaded = weir.reload().json();
  EXPECT_EQ(reloaded["result"], "ok");
  ASSERT_EQ(reloaded["changes"].size(), 1u) << reloaded;
  for (const nlohmann::json& again :
       {change_to(weir, with_workers(2)), weir.reload().json()["changes"][0]}) {
    EXPECT_EQ(again["path"], "global.workers");
    EXPECT_EQ(again["effect"], "restart");
    EXPECT_EQ(again["from"], "1");
    EXPECT_EQ(again["to"], "2");
  }
  EXPECT_EQ(weir.reload().json()["result"], "unchanged");
  EXPECT_EQ(change_to(weir, with_workers(3))["from"], "1");
  weir.write_config(with_workers(1));
  EXPECT_TRUE(weir.reload().json()["changes"].empty()) << "as it was started";
}

}  // namespace
}  // namespace weir
