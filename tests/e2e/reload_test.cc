// Reloads of the real binary: their changes, what they keep, and what they refuse.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/network.h"
#include "support/session_pair.h"

namespace weir {
namespace {

using End = Socket::End;

class ReloadTest : public testing::Test {
 protected:
  // The state that a refused reload must not change.
  struct State {
    double generation, listeners, active;
    nlohmann::json hash;
    friend bool operator==(const State&, const State&) = default;
  };
  static State state(const ProxyProcess& weir) {
    const Scrape scrape = weir.scrape();
    const nlohmann::json status = weir.get("/v1/status").json();
    return {scrape.sum("weir_config_generation"), double(status["listeners"].size()),
            scrape.sum("weir_connections_active"), status["config_hash"]};
  }
  static double generation(const ProxyProcess& weir) {
    return weir.scrape().sum("weir_config_generation");
  }
  static double reloads(const ProxyProcess& weir, const std::string& result) {
    return weir.scrape().sum("weir_config_reloads_total", {{"result", result}});
  }

  LoadServer backend_{LoadServer::Behaviour::echo};
  Address bind_ = free_address(), other_ = free_address();
};

TEST_F(ReloadTest, AnswersWithTheChanges) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const double before = generation(weir);
  weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                                cluster("app", {backend_.address()})));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 200) << answer.body;
  const nlohmann::json json = answer.json();
  EXPECT_EQ(json["result"], "ok");
  EXPECT_EQ(json["generation"], before + 1);
  ASSERT_FALSE(json["changes"].empty()) << answer.body;
  EXPECT_EQ(json["changes"][0]["kind"], "added");
  EXPECT_NE(json["changes"][0].dump().find("more"), std::string::npos);
  Socket client = Socket::connect(other_);
  EXPECT_TRUE(echoes(client, "on the new listener"));
}

TEST_F(ReloadTest, ReportsUnchangedWithoutChanges) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["result"], "unchanged");
  EXPECT_EQ(reloads(weir, "unchanged"), 1);
}

TEST_F(ReloadTest, SighupReloads) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const double before = generation(weir);
  weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                                cluster("app", {backend_.address()})));
  weir.signal(SIGHUP);
  ASSERT_TRUE(weir.await_metric("weir_config_generation", {}, before + 1));
  Socket client = Socket::connect(other_);
  EXPECT_TRUE(echoes(client, "hello"));
}

TEST_F(ReloadTest, NotifiesTheServiceManagerOfAReloadBySignal) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  weir.signal(SIGHUP);
  EXPECT_TRUE(weir.await_notification("RELOADING=1"));
  EXPECT_TRUE(weir.await_notification("READY=1"));
}

TEST_F(ReloadTest, NotifiesTheServiceManagerOfAReloadByTheAdminApi) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  weir.write_config(simple(bind_, {backend_.address()}, "drain: {timeout: 77s}\n"));
  ASSERT_EQ(weir.reload().json()["result"], "ok");
  EXPECT_TRUE(weir.await_notification("STATUS=serving, generation 2"));
}

TEST_F(ReloadTest, RefusesAnInvalidConfigurationAndChangesNothing) {
  const std::string good = simple(bind_, {backend_.address()});
  ProxyProcess weir(good);
  Socket session = Socket::connect(bind_);
  ASSERT_TRUE(echoes(session, "before"));
  const State before = state(weir);
  std::string binary(4096, '\0');
  for (size_t i = 0; i < binary.size(); ++i) binary[i] = static_cast<char>(i * 37);
  const std::pair<const char*, std::string> bad[] = {
      {"unknown key", good + "no_such_key: 1\n"},
      {"dangling cluster",
       config_text(listener("web", bind_, "missing"), cluster("app", {backend_.address()}))},
      {"cut in half", good.substr(0, good.size() / 2) + "\nadmin: {"},
      {"binary", "admin:" + binary},
  };
  for (const auto& [what, text] : bad) {
    weir.write_config(text);
    const AdminAnswer answer = weir.reload();
    EXPECT_EQ(answer.status, 422) << what << ": " << answer.body;
    EXPECT_EQ(answer.json()["result"], "invalid") << what;
    EXPECT_FALSE(answer.json()["diagnostics"].empty()) << what;
    EXPECT_EQ(state(weir), before) << what;
    EXPECT_TRUE(echoes(session, "still")) << what;
  }
  EXPECT_EQ(reloads(weir, "invalid"), 4);
  EXPECT_EQ(weir.scrape().sum("weir_config_last_reload_successful"), 0);
  weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                                cluster("app", {backend_.address()})));
  EXPECT_EQ(weir.reload().status, 200) << "a valid file is still accepted";
  EXPECT_EQ(weir.scrape().sum("weir_config_last_reload_successful"), 1);
}

TEST_F(ReloadTest, RefusesAnEmptyOrMissingOrUnreadableFile) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const State before = state(weir);
  std::ofstream(weir.config_path(), std::ios::trunc).flush();
  EXPECT_EQ(weir.reload().status, 422) << "empty";
  std::filesystem::remove(weir.config_path());
  EXPECT_EQ(weir.reload().status, 422) << "missing";
  std::filesystem::create_directory(weir.config_path());
  EXPECT_EQ(weir.reload().status, 422) << "a directory";
  std::filesystem::remove(weir.config_path());
  std::filesystem::create_symlink(weir.config_path(), weir.config_path());
  EXPECT_EQ(weir.reload().status, 422) << "a symlink to itself";
  EXPECT_EQ(state(weir), before);
  Socket client = Socket::connect(bind_);
  EXPECT_TRUE(echoes(client, "still served"));
}

TEST_F(ReloadTest, RefusesAnAddressItCannotBindAndKeepsEverything) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const State before = state(weir);
  const Acceptor taken;  // without SO_REUSEPORT: no other socket can share it
  weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app") +
                                    listener("taken", taken.address(), "app"),
                                cluster("app", {backend_.address()})));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 422) << answer.body;
  EXPECT_EQ(answer.json()["result"], "failed");
  EXPECT_NE(answer.body.find(taken.address().text()), std::string::npos) << answer.body;
  EXPECT_EQ(state(weir), before);
  EXPECT_FALSE(Socket::connect(other_)) << "a listener of the refused config must not stay open";
}

TEST_F(ReloadTest, DryRunChangesNothing) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const State before = state(weir);
  weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                                cluster("app", {backend_.address()})));
  const AdminAnswer answer = weir.post("/v1/reload?wait=1&dry_run=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["result"], "planned");
  EXPECT_FALSE(answer.json()["changes"].empty());
  EXPECT_EQ(state(weir), before);
}

TEST_F(ReloadTest, SessionsKeepTheirConfigurationAndCountersSurvive) {
  LoadServer next(LoadServer::Behaviour::echo);
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  Socket session = Socket::connect(bind_);
  ASSERT_TRUE(echoes(session, "before"));
  const double total = weir.scrape().sum("weir_connections_total");
  weir.write_config(simple(bind_, {next.address()}));
  ASSERT_EQ(weir.reload().status, 200);
  EXPECT_TRUE(echoes(session, "after")) << "the removed backend still carries it";
  EXPECT_EQ(weir.scrape().sum("weir_connections_active", {{"generation", "old"}}), 1);
  Socket fresh = Socket::connect(bind_);
  ASSERT_TRUE(echoes(fresh, "new"));
  EXPECT_EQ(next.counts().accepted, 1u);
  EXPECT_EQ(backend_.counts().accepted, 1u);
  EXPECT_EQ(weir.scrape().sum("weir_connections_total"), total + 1);
  EXPECT_EQ(weir.scrape().imbalance(), 0);
}

TEST_F(ReloadTest, RemovedListenerServesItsAcceptQueueAndRefusesAfterwards) {
  ProxyProcess weir(config_text(listener("web", bind_, "app") + listener("old", other_, "app"),
                                cluster("app", {backend_.address()})));
  Socket session = Socket::connect(other_);
  ASSERT_TRUE(echoes(session, "before"));
  weir.write_config(simple(bind_, {backend_.address()}));
  weir.signal(SIGSTOP);
  std::vector<Socket> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(Socket::connect(other_));
    ASSERT_TRUE(waiting.back());
  }
  weir.signal(SIGHUP);
  weir.signal(SIGCONT);
  int served = 0;
  for (Socket& socket : waiting) served += echoes(socket, "from the queue");
  EXPECT_EQ(served, 50);
  ASSERT_TRUE(weir.await_metric("weir_config_generation", {}, 2));
  EXPECT_TRUE(echoes(session, "after"));
  EXPECT_FALSE(Socket::connect(other_));
}

TEST_F(ReloadTest, ReboundListenerMovesWithoutAffectingItsSessions) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  Socket session = Socket::connect(bind_);
  ASSERT_TRUE(echoes(session, "before"));
  weir.write_config(simple(other_, {backend_.address()}));
  ASSERT_EQ(weir.reload().status, 200);
  EXPECT_TRUE(echoes(session, "after"));
  Socket moved = Socket::connect(other_);
  EXPECT_TRUE(echoes(moved, "there"));
  EXPECT_FALSE(Socket::connect(bind_));
}

TEST_F(ReloadTest, WatchesForAnAtomicRename) {
  const std::string watch = "global:\n  watch: true\n";
  ProxyProcess weir(simple(bind_, {backend_.address()}, watch));
  weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                                cluster("app", {backend_.address()}), watch));
  ASSERT_TRUE(weir.await_metric("weir_config_generation", {}, 2));
  Socket client = Socket::connect(other_);
  EXPECT_TRUE(echoes(client, "hello"));
}

TEST_F(ReloadTest, WatchesForTheSwapOfAConfigMap) {
  // As Kubernetes mounts it: weir.yaml → ..data/weir.yaml, ..data → a directory that is replaced.
  char name[] = "/tmp/weir-map-XXXXXX";
  const std::string map = ::mkdtemp(name);
  const auto publish = [&](const std::string& version, const std::string& listeners) {
    std::filesystem::create_directory(map + "/" + version);
    std::ofstream(map + "/" + version + "/weir.yaml")
        << config_text(listeners, cluster("app", {backend_.address()}),
                       "global:\n  watch: true\nadmin:\n  socket: " + map + "/admin.sock\n");
    std::filesystem::create_symlink(version, map + "/..fresh");
    std::filesystem::rename(map + "/..fresh", map + "/..data");
  };
  publish("..1", listener("web", bind_, "app"));
  std::filesystem::create_symlink("..data/weir.yaml", map + "/weir.yaml");
  {
    ProxyProcess weir("", {.arguments = {"run", "-c", map + "/weir.yaml"}});
    publish("..2", listener("web", bind_, "app") + listener("more", other_, "app"));
    std::filesystem::remove_all(map + "/..1");
    Socket client;
    for (int i = 0; i < 200 && !client; ++i) {
      client = Socket::connect(other_);
      if (!client) weir.await_notification("READY=1", 50ms);
    }
    EXPECT_TRUE(echoes(client, "on the listener of the new map"));
  }
  std::filesystem::remove_all(map);
}

TEST_F(ReloadTest, SighupsRightAfterTheStartAreNotLost) {
  for (int i = 0; i < 10; ++i) {
    ProxyProcess weir(simple(bind_, {backend_.address()}));
    weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                                  cluster("app", {backend_.address()})));
    for (int n = 0; n < 20; ++n) weir.signal(SIGHUP);
    Socket client;
    for (int n = 0; n < 500 && !client; ++n) {
      client = Socket::connect(other_);
      if (!client) weir.await_notification("READY=1", 20ms);
    }
    ASSERT_TRUE(echoes(client, "hello")) << i;
    ASSERT_TRUE(weir.running());
  }
}

TEST_F(ReloadTest, SighupBeforeReadinessDoesNotEndTheProcess) {
  // A check that has to wait keeps weir in its start.
  LoadServer mute(LoadServer::Behaviour::hold);
  ProxyProcess weir(config_text(listener("web", bind_, "app"),
                                cluster("app", {mute.address()},
                                        "health_check: {type: tcp, expect: PONG, timeout: 1s}")),
                    {.await_ready = false});
  ASSERT_TRUE(mute.wait_active(1));
  EXPECT_EQ(weir.get("/ready").status, 503);
  weir.write_config(config_text(listener("web", bind_, "app") + listener("more", other_, "app"),
                                cluster("app", {backend_.address()})));
  weir.signal(SIGHUP);
  ASSERT_TRUE(weir.await_notification("READY=1"));
  Socket client;
  for (int n = 0; n < 500 && !client; ++n) {
    client = Socket::connect(other_);
    if (!client) weir.await_notification("READY=1", 20ms);
  }
  EXPECT_TRUE(echoes(client, "hello"));
}

TEST_F(ReloadTest, ReloadByTheAdminApiBeforeReadinessRunsAfterIt) {
  // One of the backends does not answer its check, before and after the reload: weir is still
  // starting when the request for the reload comes, and would still be starting after a reload that
  // runs at once.
  LoadServer mute(LoadServer::Behaviour::hold);
  const std::string app = cluster("app", {mute.address(), backend_.address()},
                                  "health_check: {type: tcp, send: PONG, expect: PONG, timeout: "
                                  "1s, interval: 1s, rise: 1, fall: 1}");
  ProxyProcess weir(config_text(listener("web", bind_, "app"), app), {.await_ready = false});
  ASSERT_TRUE(mute.wait_active(1));
  EXPECT_EQ(weir.get("/ready").status, 503);
  weir.write_config(
      config_text(listener("web", bind_, "app") + listener("more", other_, "app"), app));
  EXPECT_EQ(weir.post("/v1/reload").status, 202);
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["generation"], 2);
  ASSERT_TRUE(weir.await_notification("READY=1"));
  EXPECT_EQ(generation(weir), 2);
  for (const Address& at : {bind_, other_, bind_, other_}) {
    Socket client = Socket::connect(at);
    EXPECT_TRUE(client.send("hello"));
    EXPECT_EQ(client.receive(5, 5s), "hello") << at.text();
  }
  EXPECT_EQ(weir.get("/v1/status").json()["listeners"].size(), 2u);
}

TEST_F(ReloadTest, ReloadThatWaitsForTheStartIsRefusedWhenADrainBegins) {
  LoadServer mute(LoadServer::Behaviour::hold);
  ProxyProcess weir(config_text(listener("web", bind_, "app"),
                                cluster("app", {mute.address()},
                                        "health_check: {type: tcp, expect: PONG, interval: 1m, "
                                        "timeout: 30s}")),
                    {.await_ready = false});
  ASSERT_TRUE(mute.wait_active(1));
  ASSERT_EQ(weir.get("/ready").status, 503);
  Socket asker = Socket::connect(weir.admin_address());
  ASSERT_TRUE(asker.send("POST /v1/reload?wait=1 HTTP/1.1\r\nhost: weir\r\n\r\n"));
  ASSERT_EQ(weir.get("/ready").status, 503) << "a later response, so the signal has been read";
  weir.signal(SIGTERM);
  EXPECT_EQ(asker.receive(12), "HTTP/1.1 409");
  EXPECT_EQ(weir.wait(), 0);
}

TEST_F(ReloadTest, RefusesAnUnsupportedCongestionControl) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const State before = state(weir);
  weir.write_config(
      config_text(listener("web", bind_, "app"),
                  cluster("app", {backend_.address()}, "congestion_control: nonsense")));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.json()["result"], "failed");
  EXPECT_NE(answer.body.find("weir.yaml:4:"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("nonsense"), std::string::npos) << answer.body;
  EXPECT_EQ(state(weir), before);
}

TEST_F(ReloadTest, ManySighupsInARowEndWithTheLastFile) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  for (int i = 0; i < 30; ++i) {
    weir.write_config(simple(i % 2 == 0 ? other_ : bind_, {backend_.address()}));
    weir.signal(SIGHUP);
  }
  const Address last = free_address();  // no file before had it
  weir.write_config(simple(last, {backend_.address()}));
  weir.signal(SIGHUP);
  Socket client;
  for (int n = 0; n < 500 && !client; ++n) {
    client = Socket::connect(last);
    if (!client) weir.await_notification("READY=1", 20ms);
  }
  EXPECT_TRUE(echoes(client, "hello"));
  EXPECT_EQ(weir.reload().json()["result"], "unchanged");
}

TEST(ReloadAllAddresses, ChangesFromTheWildcardToOneAddressAndBack) {
  enter_own_network();
  LoadServer backend(LoadServer::Behaviour::echo);
  const std::string port = ":" + std::to_string(free_address().port());
  const auto bound_to = [&](const std::string& binds) {
    return config_text("  - {name: web, bind: [" + binds + "], cluster: app}\n",
                       cluster("app", {backend.address()}));
  };
  ProxyProcess weir(bound_to("\"0.0.0.0" + port + "\", \"[::]" + port + "\""));
  for (const std::string host : {"", "127.0.0.1", "0.0.0.0", "127.0.0.1", "[::]"}) {
    Socket client = Socket::connect(*Address::parse("127.0.0.1" + port));
    EXPECT_TRUE(echoes(client, "before it becomes " + host));
    weir.write_config(bound_to("\"" + host + port + "\""));
    const AdminAnswer answer = weir.reload();
    ASSERT_EQ(answer.json()["result"], "ok") << host << ": " << answer.body;
  }
  Socket client = Socket::connect(*Address::parse("[::1]" + port));
  EXPECT_TRUE(echoes(client, "at last"));
}

}  // namespace
}  // namespace weir
