// A thousand reloads, under load and with concurrent plans: no request fails, nothing leaks.
#include <iostream>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {
namespace {

using End = Socket::End;

bool echoes(Socket& socket, const std::string& text) {
  return socket.send(text) && socket.receive(text.size()) == text;
}

// Opens one connection after the other until stop; weir must serve each completely.
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

// A sanitizer is five to ten times as slow and keeps freed memory for a while: ASan up to 256 MiB,
// which the reloads do not fill to the end. With 16 MiB it is full before memory is compared.
const int kReloads = weir_is_sanitized() ? 200 : 1000;
const size_t kGrowth = weir_is_sanitized() ? 64 << 20 : 8 << 20;

// Requests one plan after the other: plans and reloads must not affect each other.
class PlanLoad {
 public:
  explicit PlanLoad(const ProxyProcess& weir) : weir_(weir), thread_([this] { run(); }) {}
  ~PlanLoad() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  uint64_t made() const { return made_; }                  // after stop()
  const std::string& failure() const { return failure_; }  // after stop()

 private:
  void run() {
    while (!stopping_ && failure_.empty()) {
      const AdminAnswer answer = weir_.post("/v1/reload?wait=1&dry_run=1");
      const nlohmann::json json = answer.json();
      if (answer.status != 200 || json["result"] != "planned") failure_ = answer.body + "?";
      ++made_;
    }
  }

  const ProxyProcess& weir_;
  std::atomic<bool> stopping_{false};
  uint64_t made_ = 0;
  std::string failure_;
  std::thread thread_;
};

class ThousandReloads : public testing::Test {
 protected:
  static constexpr int kCalm = 100;  // reloads, then memory is constant

  // One listener never changes, one changes each time, one is added and removed; a backend is added
  // and removed, too, and the balancing policy changes.
  std::string config_of(int i) const {
    if (i % 2 == 0)
      return config_text(listener("web", bind_, "app") + listener("other", other_, "app"),
                         cluster("app", {first_.address()}));
    return config_text(
        listener("web", bind_, "app") +
            listener("other", other_, "app", "timeouts: {idle: 30m}, backlog: 1000") +
            listener("guest", guest_, "app"),
        cluster("app", {first_.address(), second_.address()}, "balance: least_connections"));
  }
  void reload(ProxyProcess& weir, int i) {
    weir.write_config(config_of(i));
    const AdminAnswer answer = weir.reload();
    ASSERT_EQ(answer.status, 200) << i << ": " << answer.body;
    const nlohmann::json json = answer.json();
    ASSERT_EQ(json["result"], "ok") << i;
    ASSERT_EQ(json["generation"], i + 1);
    if (i % kCalm == 0) {
      ASSERT_EQ(weir.scrape().imbalance(), 0) << i;
    }
  }
  static bool await_snapshots(const ProxyProcess& weir, int n) {
    for (int i = 0; i < 2000; ++i)
      if (weir.get("/v1/status").json()["snapshots"] == n) return true;
    std::cerr << weir.get("/v1/status").json()["snapshots"] << " snapshots\n";
    return false;
  }

  LoadServer first_{LoadServer::Behaviour::echo}, second_{LoadServer::Behaviour::echo};
  Address bind_ = free_address(), other_ = free_address();
  // On its own address: while the listener is removed, a connection from 127.0.0.1 may use its
  // port.
  Address guest_ = free_address("127.0.0.5");
};

TEST_F(ThousandReloads, UnderLoadCauseNoFailureAndNoLeak) {
  ProxyProcess weir(config_of(0), {.environment = {"ASAN_OPTIONS=quarantine_size_mb=16"}});
  Socket lasting = Socket::connect(bind_);
  ASSERT_TRUE(echoes(lasting, "before"));
  ConnectionLoad one(bind_), two(other_);
  PlanLoad plans(weir);
  size_t descriptors = 0, resident = 0;
  for (int i = 1; i <= kReloads; ++i) {
    ASSERT_NO_FATAL_FAILURE(reload(weir, i));
    if (i != kCalm) continue;
    descriptors = weir.open_descriptors();
    resident = weir.resident_bytes();
  }
  const size_t resident_after = weir.resident_bytes();
  const size_t descriptors_under_load = weir.open_descriptors();
  plans.stop();
  one.stop();
  two.stop();
  EXPECT_EQ(plans.failure(), "");
  EXPECT_EQ(one.failure(), "");
  EXPECT_EQ(two.failure(), "");
  EXPECT_GT(one.served(), static_cast<uint64_t>(kReloads) / 8);
  EXPECT_GT(two.served(), static_cast<uint64_t>(kReloads) / 8);
  EXPECT_GT(plans.made(), 0u);
  EXPECT_TRUE(echoes(lasting, "after all of them"));
  EXPECT_LE(descriptors_under_load, descriptors + 12)
      << "the number of connections of two loads varies";
  EXPECT_LE(resident_after, resident + kGrowth);
  EXPECT_EQ(weir.scrape().sum("weir_config_generation"), kReloads + 1);
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 1));
  EXPECT_EQ(weir.scrape().imbalance(), 0);
  EXPECT_TRUE(await_snapshots(weir, 2)) << "the one in force, and that of the lasting session";
  lasting.close();
  EXPECT_TRUE(await_snapshots(weir, 1));
  std::cout << kReloads << " reloads, " << one.served() + two.served() << " sessions, "
            << plans.made() << " plans, resident " << resident / 1024 << " → "
            << resident_after / 1024 << " KiB\n";
}

}  // namespace
}  // namespace weir
