// Reloads of the real binary: what they change, what they leave alone, what they refuse.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/session_pair.h"

namespace weir {
namespace {

using End = Socket::End;

class ReloadTest : public testing::Test {
 protected:
  // What a refused reload must leave as it was.
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

TEST_F(ReloadTest, AnswersWithWhatChanged) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const double before = generation(weir);
  weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app"),
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

TEST_F(ReloadTest, SaysUnchangedWhenNothingIs) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["result"], "unchanged");
  EXPECT_EQ(reloads(weir, "unchanged"), 1);
}

TEST_F(ReloadTest, SighupReloads) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const double before = generation(weir);
  weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app"),
                           cluster("app", {backend_.address()})));
  weir.signal(SIGHUP);
  ASSERT_TRUE(weir.await_metric("weir_config_generation", {}, before + 1));
  Socket client = Socket::connect(other_);
  EXPECT_TRUE(echoes(client, "hello"));
}

TEST_F(ReloadTest, AnnouncesAReloadToTheServiceManager) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  weir.signal(SIGHUP);
  EXPECT_TRUE(weir.await_notification("RELOADING=1"));
  EXPECT_TRUE(weir.await_notification("READY=1"));
}

TEST_F(ReloadTest, RefusesWhatIsNotAConfigAndChangesNothing) {
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
       config(listener("web", bind_, "missing"), cluster("app", {backend_.address()}))},
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
  weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app"),
                           cluster("app", {backend_.address()})));
  EXPECT_EQ(weir.reload().status, 200) << "a good one is still taken";
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
  const Acceptor taken;  // without SO_REUSEPORT: nobody can share it
  weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app") +
                               listener("taken", taken.address(), "app"),
                           cluster("app", {backend_.address()})));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 422) << answer.body;
  EXPECT_EQ(answer.json()["result"], "failed");
  EXPECT_NE(answer.body.find(taken.address().text()), std::string::npos) << answer.body;
  EXPECT_EQ(state(weir), before);
  EXPECT_FALSE(Socket::connect(other_)) << "a listener of the refused config must not stay open";
}

TEST_F(ReloadTest, ADryRunChangesNothing) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  const State before = state(weir);
  weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app"),
                           cluster("app", {backend_.address()})));
  const AdminAnswer answer = weir.post("/v1/reload?wait=1&dry_run=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json()["result"], "planned");
  EXPECT_FALSE(answer.json()["changes"].empty());
  EXPECT_EQ(state(weir), before);
}

TEST_F(ReloadTest, SessionsKeepWhatTheyStartedWithAndCountersSurvive) {
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

TEST_F(ReloadTest, ARemovedListenerServesItsQueueAndRefusesAfterwards) {
  ProxyProcess weir(config(listener("web", bind_, "app") + listener("old", other_, "app"),
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

TEST_F(ReloadTest, AReboundListenerMovesWithoutTouchingItsSessions) {
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
  weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app"),
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
        << config(listeners, cluster("app", {backend_.address()}),
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
    weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app"),
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

TEST_F(ReloadTest, ASighupBeforeReadinessDoesNotKill) {
  // A check that has to wait keeps weir in its start.
  LoadServer mute(LoadServer::Behaviour::hold);
  ProxyProcess weir(config(listener("web", bind_, "app"),
                           cluster("app", {mute.address()},
                                   "health_check: {type: tcp, expect: PONG, timeout: 1s}")),
                    {.await_ready = false});
  ASSERT_TRUE(mute.wait_active(1));
  EXPECT_EQ(weir.get("/ready").status, 503);
  weir.write_config(config(listener("web", bind_, "app") + listener("more", other_, "app"),
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

TEST_F(ReloadTest, ManySighupsInARowEndWithTheLastFile) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  for (int i = 0; i < 30; ++i) {
    weir.write_config(simple(i % 2 == 0 ? other_ : bind_, {backend_.address()}));
    weir.signal(SIGHUP);
  }
  weir.write_config(simple(other_, {backend_.address()}, "drain:\n  timeout: 77s\n"));
  weir.signal(SIGHUP);
  Socket client;
  for (int n = 0; n < 500 && !client; ++n) {
    client = Socket::connect(other_);
    if (!client) weir.await_notification("READY=1", 20ms);
  }
  EXPECT_TRUE(echoes(client, "hello"));
  EXPECT_EQ(weir.reload().json()["result"], "unchanged");
}

// Connections one after the other, until told to stop; each must be served to the byte.
class ConnectionLoad {
 public:
  explicit ConnectionLoad(Address to) : to_(std::move(to)), thread_([this] { run(); }) {}
  ~ConnectionLoad() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  uint64_t served() const { return served_; }
  const std::string& failure() const { return failure_; }  // after stop()

 private:
  void run() {
    while (!stopping_ && failure_.empty()) {
      Socket socket = Socket::connect(to_);
      const std::string text = "session " + std::to_string(served_);
      if (!socket) {
        failure_ = "refused: " + std::string(std::strerror(socket.error()));
      } else if (!socket.send(text)) {
        failure_ = "send failed";
      } else if (const std::string got = socket.receive(text.size()); got != text) {
        failure_ = (socket.end() == End::reset ? "reset after " : "cut after ") +
                   std::to_string(got.size()) + " bytes";
      } else {
        socket.finish();
        if (socket.wait_end() != End::fin) failure_ = "ended badly";
        ++served_;
      }
    }
  }

  const Address to_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> served_{0};
  std::string failure_;
  std::thread thread_;
};

#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
constexpr int kReloads = 200;         // a sanitizer is five to ten times as slow
constexpr size_t kGrowth = 64 << 20;  // and keeps what was freed for a while
#else
constexpr int kReloads = 1000;
constexpr size_t kGrowth = 8 << 20;
#endif

TEST_F(ReloadTest, AThousandReloadsUnderLoadHurtNobodyAndLeaveNothingBehind) {
  LoadServer second(LoadServer::Behaviour::echo);
  const std::string configs[] = {
      simple(bind_, {backend_.address()}),
      config(
          listener("web", bind_, "app", "timeouts: {idle: 30m}") + listener("more", other_, "app"),
          cluster("app", {backend_.address(), second.address()}, "balance: least_connections")),
  };
  ProxyProcess weir(configs[0]);
  Socket lasting = Socket::connect(bind_);
  ASSERT_TRUE(echoes(lasting, "before"));
  ConnectionLoad one(bind_), two(bind_);
  size_t descriptors = 0, resident = 0;
  for (int i = 1; i <= kReloads; ++i) {
    weir.write_config(configs[i % 2]);
    const AdminAnswer answer = weir.reload();
    ASSERT_EQ(answer.status, 200) << i << ": " << answer.body;
    ASSERT_EQ(answer.json()["result"], "ok") << i;
    if (i % 100 == 0) {
      ASSERT_EQ(weir.scrape().imbalance(), 0) << i;
    }
    if (i == 100) {
      descriptors = weir.open_descriptors();
      resident = weir.resident_bytes();
    }
  }
  const size_t resident_after = weir.resident_bytes();
  const size_t descriptors_under_load = weir.open_descriptors();
  one.stop();
  two.stop();
  EXPECT_EQ(one.failure(), "");
  EXPECT_EQ(two.failure(), "");
  EXPECT_GT(one.served() + two.served(), uint64_t{kReloads} / 4);
  EXPECT_TRUE(echoes(lasting, "after all of them"));
  EXPECT_LE(descriptors_under_load, descriptors + 12) << "two loads come and go";
  EXPECT_LE(resident_after, resident + kGrowth);
  EXPECT_EQ(generation(weir), kReloads + 1);
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 1));
  EXPECT_EQ(weir.scrape().imbalance(), 0);
  std::cout << kReloads << " reloads, " << one.served() + two.served() << " sessions, resident "
            << resident / 1024 << " → " << resident_after / 1024 << " KiB\n";
}

}  // namespace
}  // namespace weir
