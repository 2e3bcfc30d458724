// A reload of a configuration with many backends, of the real binary, while others are served.
#include <thread>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {
namespace {

constexpr size_t kBackends = 10'000;
// Quadratic work at this size stops a worker for 5 s and more in the fastest build.
const Duration kWorst = weir_is_sanitized() ? 4s : 2s;

std::string many_backends(const std::string& last) {
  std::string list;
  for (size_t i = 0; i + 1 < kBackends; ++i)
    list += "      - 127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250) + ":9\n";
  return "  - name: large\n    backends:\n" + list + "      - " + last + "\n";
}

// Sends one request after the other, and records the longest response time.
class Questions {
 public:
  explicit Questions(std::function<bool()> ask)
      : thread_([this, ask = std::move(ask)] {
          while (!over_ && answered_) {
            const auto begun = std::chrono::steady_clock::now();
            answered_ = ask();
            ++asked_;
            worst_ = std::max<Duration>(worst_, std::chrono::steady_clock::now() - begun);
          }
        }) {}
  ~Questions() { stop(); }
  void stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // After stop().
  bool answered() const { return answered_; }
  Duration worst() const { return worst_; }
  size_t asked() const { return asked_; }

 private:
  std::atomic<bool> over_{false};
  bool answered_ = true;
  Duration worst_{};
  size_t asked_ = 0;
  std::thread thread_;
};

TEST(LargeReload, DelaysNoSessionAndNoReadinessCheck) {
  const LoadServer echo(LoadServer::Behaviour::echo);
  const Address bind = free_address(), large = free_address();
  const auto text = [&](const std::string& last) {
    return config_text(listener("web", bind, "app") + listener("large", large, "large"),
                       cluster("app", {echo.address()}) + many_backends(last));
  };
  ProxyProcess weir(text("127.2.0.1:9"));
  ASSERT_TRUE(weir.ready()) << weir.errors();
  Socket session = Socket::connect(bind);
  Questions sessions([&] { return session.send("x") && session.receive(1) == "x"; });
  Questions readiness([&] { return weir.get("/ready").status == 200; });
  weir.write_config(text("127.2.0.2:9"));
  const AdminAnswer answer = weir.reload();
  const AdminAnswer status = weir.get("/v1/status");
  const AdminAnswer metrics = weir.get("/metrics");
  sessions.stop();
  readiness.stop();
  EXPECT_EQ(answer.json()["changes"].size(), 2u) << answer.body.substr(0, 1000);
  EXPECT_EQ(status.json()["clusters"][1]["backends"].size(), kBackends);
  EXPECT_NE(metrics.body.find("weir_cluster_backends{cluster=\"large\"} 10000"), std::string::npos);
  EXPECT_GT(sessions.asked(), 1u);
  EXPECT_GT(readiness.asked(), 1u);
  EXPECT_TRUE(sessions.answered());
  EXPECT_LT(sessions.worst(), kWorst);
  EXPECT_TRUE(readiness.answered());
  EXPECT_LT(readiness.worst(), kWorst);
}

}  // namespace
}  // namespace weir
