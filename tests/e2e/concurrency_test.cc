// Limits of the whole process, as the backend counts what reaches it: the real binary with several
// workers.
#include <sys/poll.h>

#include "support/config_text.h"
#include "support/http_load.h"
#include "support/proxy_process.h"

namespace weir {
namespace {

struct Peak {
  void enter() {
    const int now = ++inside;
    int seen = highest.load();
    while (now > seen && !highest.compare_exchange_weak(seen, now)) {
    }
  }
  std::atomic<int> inside{0}, highest{0};
};

std::string workers(int count) {
  return fmt::format(
      "global: {{ workers: {} }}\nlogging: {{level: warn, access: {{output: none}}}}\n", count);
}

class ConcurrencyTest : public testing::TestWithParam<int> {
 protected:
  // A request is over for the backend before the last byte of its response leaves.
  bool answer(HttpPeer& peer, HttpMessage& request) {
    peak_.enter();
    poll(nullptr, 0, 1);  // the time that it takes
    --peak_.inside;
    return HttpLoad::answer(peer, request);
  }
  void load(size_t clients, uint64_t steps) {
    std::vector<std::unique_ptr<HttpLoad>> loads;
    for (size_t i = 0; i < clients; ++i)
      loads.push_back(std::make_unique<HttpLoad>(i % 2 == 0 ? HttpLoad::closing(bind_)
                                                            : HttpLoad::keep_alive(bind_)));
    for (const auto& one : loads) EXPECT_TRUE(one->await_done(steps, 60s));
    for (const auto& one : loads) {
      one->stop();
      EXPECT_EQ(one->failure(), "");
    }
  }
  void expect_balance(const ProxyProcess& weir) {
    ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
    EXPECT_EQ(weir.scrape().imbalance(), 0);
    EXPECT_EQ(weir.scrape().sum("weir_cluster_queue_length"), 0);
  }

  const Address bind_ = free_address();
  Peak peak_;
  HttpBackend backend_{
      [this](HttpPeer& peer, HttpMessage& request) { return answer(peer, request); }};
};

TEST_P(ConcurrencyTest, BackendGetsNoMoreRequestsAtOnceThanOneFromAllWorkers) {
  ProxyProcess weir(config_text(http_listener("web", bind_, "cluster: app"),
                                cluster("app", {backend_.address()}, "concurrency: 1"),
                                workers(GetParam())));
  load(12, 20);
  EXPECT_EQ(peak_.highest, 1);
  expect_balance(weir);
}

// Each worker keeps connections, which are in the way of the others.
TEST_P(ConcurrencyTest, BackendGetsNoMoreConnectionsThanTwoFromAllWorkers) {
  ProxyProcess weir(config_text(
      http_listener("web", bind_, "cluster: app"),
      cluster("app", {backend_.address()}, "pool: { max_connections: 2 }"), workers(GetParam())));
  load(12, 20);
  EXPECT_LE(peak_.highest, 2);
  EXPECT_LE(weir.scrape().sum("weir_backend_connections_active"), 2);
  expect_balance(weir);
}

INSTANTIATE_TEST_SUITE_P(Workers, ConcurrencyTest, testing::Values(1, 4, 16));

}  // namespace
}  // namespace weir
