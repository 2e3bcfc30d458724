// Sessions of every kind, each through every kind of reload: all bytes in transit arrive, and the
// session ends as without a reload.
#include <poll.h>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/session_pair.h"

namespace weir {
namespace {

using End = Socket::End;
using Behaviour = LoadServer::Behaviour;

enum class Kind {
  idle,
  upload,
  download,
  half_closed_by_client,
  half_closed_by_backend,
  client_never_reads,
  backend_dies
};
enum class Change { nothing, listener_added, backend_removed, listener_rebound, invalid };

constexpr Kind kKinds[] = {Kind::idle,
                           Kind::upload,
                           Kind::download,
                           Kind::half_closed_by_client,
                           Kind::half_closed_by_backend,
                           Kind::client_never_reads,
                           Kind::backend_dies};
constexpr const char* kKindNames[] = {"Idle",
                                      "Upload",
                                      "Download",
                                      "HalfClosedByClient",
                                      "HalfClosedByBackend",
                                      "ClientNeverReads",
                                      "BackendDies"};
constexpr Change kChanges[] = {Change::nothing, Change::listener_added, Change::backend_removed,
                               Change::listener_rebound, Change::invalid};
constexpr const char* kChangeNames[] = {"NothingChanged", "ListenerAdded", "BackendRemoved",
                                        "ListenerRebound", "InvalidFile"};
constexpr size_t kLastingTransfer = 12 << 20;  // more than the kernel's buffers on the way hold

class ReloadTableTest : public testing::TestWithParam<std::tuple<Kind, Change>> {
 protected:
  // The state of the session at the reload.
  void open() {
    const Kind kind = std::get<Kind>(GetParam());
    pair_ = open_pair(bind_, backend_, true);
    ASSERT_TRUE(pair_);
    switch (kind) {
      case Kind::idle:
        ASSERT_TRUE(run_flows({{&pair_.client, &pair_.server, 1000}}));
        ASSERT_TRUE(run_flows({{&pair_.server, &pair_.client, 1000}}));
        return;
      case Kind::upload:
        flow_.push_back({&pair_.client, &pair_.server, kLastingTransfer});
        ASSERT_TRUE(fill(flow_, weir_, "web", "backend_read"));
        return;
      case Kind::download:
      case Kind::client_never_reads:
        flow_.push_back({&pair_.server, &pair_.client, kLastingTransfer});
        ASSERT_TRUE(fill(flow_, weir_, "web", "client_read"));
        return;
      case Kind::half_closed_by_client:
        ASSERT_TRUE(pair_.client.send("question"));
        pair_.client.finish();
        ASSERT_TRUE(await_waiting(weir_, "web", "backend_fin", 1));
        return;
      case Kind::half_closed_by_backend:
        ASSERT_TRUE(pair_.server.send("greeting"));
        pair_.server.finish();
        ASSERT_TRUE(await_waiting(weir_, "web", "client_fin", 1));
        return;
      case Kind::backend_dies:
        ASSERT_TRUE(pair_.client.send("request"));
        ASSERT_TRUE(wait_ready(pair_.server.fd(), POLLIN));
        return;
    }
  }

  void reload() {
    switch (std::get<Change>(GetParam())) {
      case Change::nothing: return expect_reload(start_, 200, "unchanged");
      case Change::listener_added:
        return expect_reload(
            config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                        cluster("app", {backend_.address()})),
            200, "ok");
      case Change::backend_removed:
        return expect_reload(simple(bind_, {next_.address()}), 200, "ok");
      case Change::listener_rebound:
        return expect_reload(simple(other_, {backend_.address()}), 200, "ok");
      case Change::invalid: return expect_reload(start_ + "no_such_key: 1\n", 422, "invalid");
    }
  }
  void expect_reload(const std::string& text, int status, const std::string& result) {
    weir_.write_config(text);
    const AdminAnswer answer = weir_.reload();
    ASSERT_EQ(answer.status, status) << answer.body;
    ASSERT_EQ(answer.json()["result"], result);
  }

  // Continues the session to its end after the reload. Returns the counted reason.
  std::string go_on() {
    switch (std::get<Kind>(GetParam())) {
      case Kind::idle:
        EXPECT_TRUE(run_flows({{&pair_.client, &pair_.server, 1 << 20}}));
        EXPECT_TRUE(run_flows({{&pair_.server, &pair_.client, 1 << 20}}));
        return end_by(pair_.client, pair_.server, "client_closed");
      case Kind::upload:
        EXPECT_TRUE(run_flows(flow_));
        return end_by(pair_.client, pair_.server, "client_closed");
      case Kind::download:
        EXPECT_TRUE(run_flows(flow_));
        return end_by(pair_.server, pair_.client, "backend_closed");
      case Kind::half_closed_by_client:
        EXPECT_EQ(pair_.server.receive_all(), "question");
        EXPECT_TRUE(run_flows({{&pair_.server, &pair_.client, 1 << 20}}));
        pair_.server.finish();
        EXPECT_EQ(pair_.client.wait_end(), End::fin);
        return "client_closed";
      case Kind::half_closed_by_backend:
        EXPECT_EQ(pair_.client.receive_all(), "greeting");
        EXPECT_TRUE(run_flows({{&pair_.client, &pair_.server, 1 << 20}}));
        pair_.client.finish();
        EXPECT_EQ(pair_.server.wait_end(), End::fin);
        return "backend_closed";
      case Kind::client_never_reads:
        EXPECT_EQ(waiting(weir_, "web", "client_read"), 1u) << "and is left alone";
        pair_.client.reset();
        EXPECT_EQ(pair_.server.wait_end(), End::reset);
        return "client_reset";
      case Kind::backend_dies:
        pair_.server.close();  // with the request unread
        EXPECT_EQ(pair_.client.wait_end(), End::reset);
        return "backend_reset";
    }
    return "";
  }
  static std::string end_by(Socket& first, Socket& second, const std::string& reason) {
    first.finish();
    EXPECT_EQ(second.wait_end(), End::fin);
    second.finish();
    EXPECT_EQ(first.wait_end(), End::fin);
    return reason;
  }

  // New connections use the current configuration.
  void expect_the_new_are_served() {
    const Change change = std::get<Change>(GetParam());
    if (change == Change::listener_rebound) {
      EXPECT_FALSE(Socket::connect(bind_));
    }
    if (change == Change::listener_added) expect_served(other_, backend_);
    expect_served(change == Change::listener_rebound ? other_ : bind_,
                  change == Change::backend_removed ? next_ : backend_);
  }
  static void expect_served(const Address& at, Acceptor& by) {
    SessionPair pair = open_pair(at, by);
    ASSERT_TRUE(pair) << at.text();
    EXPECT_TRUE(run_flows({{&pair.client, &pair.server, 1000}}));
    pair.client.reset();
    EXPECT_EQ(pair.server.wait_end(), End::reset);
  }

  Address bind_ = free_address(), other_ = free_address();
  Acceptor backend_, next_;
  const std::string start_ = simple(bind_, {backend_.address()});
  ProxyProcess weir_{start_};
  SessionPair pair_;
  std::vector<Flow> flow_;
};

INSTANTIATE_TEST_SUITE_P(Table, ReloadTableTest,
                         testing::Combine(testing::ValuesIn(kKinds), testing::ValuesIn(kChanges)),
                         [](const auto& one) {
                           return std::string(kKindNames[size_t(std::get<Kind>(one.param))]) + "_" +
                                  kChangeNames[size_t(std::get<Change>(one.param))];
                         });

TEST_P(ReloadTableTest, SessionsContinueAsTheyStarted) {
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_NO_FATAL_FAILURE(reload());
  expect_the_new_are_served();
  const std::string reason = go_on();
  ASSERT_TRUE(weir_.await_metric("weir_connections_active", {}, 0));
  const Scrape scrape = weir_.scrape();
  const double others = std::get<Change>(GetParam()) == Change::listener_added ? 2 : 1;
  const auto ended = [&](const std::string& why) {
    return scrape.sum("weir_connections_ended_total", {{"reason", why}});
  };
  EXPECT_EQ(ended(reason), reason == "client_reset" ? others + 1 : 1);
  EXPECT_EQ(scrape.sum("weir_connections_ended_total"), others + 1);
  EXPECT_EQ(scrape.imbalance(), 0);
}

}  // namespace
}  // namespace weir
