// Series of backends that come and go under new names, with nobody scraping: a registry, a worker
// and the page of the metrics keep those of the last moments, however long it goes on.
#include "server/metrics_page.h"

#include <fmt/format.h>
#include <poll.h>

#include "support/worker_fixture.h"

namespace weir::test {
namespace {

constexpr Duration kChange = 10s;
constexpr int kChanges = 100;
// Shown for half a minute, and an id rests for a minute; the configuration changes every 10 s.
constexpr size_t kLevel = 20;

class WorkerSeriesTest : public testing::Test, public WorkerFixture {};

TEST_F(WorkerSeriesTest, AWorkerForgetsTheCellsOfBackendsThatHaveGone) {
  Acceptor backend;
  for (int i = 0; i < kChanges; ++i) {
    apply(
        fmt::format("listeners: [{{ name: l, bind: '127.0.0.1:0', cluster: c }}]\n"
                    "clusters: [{{ name: c, backends: [{{ name: b{}, address: {} }}] }}]\n",
                    i, backend.address().text()));
    Socket one = client(), server;  // cells are made for a backend that is used
    ASSERT_TRUE(run_until([&] {
      if (wait_ready(backend.fd(), POLLIN, 1ms)) server = backend.accept(1s);
      return static_cast<bool>(server);
    }));
    one.reset();
    ASSERT_TRUE(run_until([&] { return worker.active() == 0; }));
    advance(kChange);
    worker.forget(
        store.series().take_expired(loop.now(), series_in_use(), MetricsPage::kUnseenRetention));
    const size_t kept = worker.report().backends.size();
    ASSERT_GE(kept, 1u);
    ASSERT_LE(kept, kLevel) << "after " << i << " changes";
  }
}

// The page of a process whose workers do nothing.
class SeriesReleaseTest : public testing::Test, public TestLoop, HealthObserver, DrainObserver {
 protected:
  void use(const std::string& backend) {
    Candidate candidate;
    config::Model& model = candidate.loaded.model;
    config::Listener& listener = model.listeners.emplace_back();
    listener.name = "l";
    listener.bind = {"127.0.0.1:0"};
    listener.cluster = "c";
    config::Cluster& cluster = model.clusters.emplace_back();
    cluster.name = "c";
    config::Backend& only = cluster.backends.emplace_back();
    only.name = backend;
    only.address = "127.0.0.1:9";
    candidate.addresses[only.address] = {{*Address::parse(only.address)}, {}};
    Result<SnapshotStore::Prepared> prepared = store_.prepare(candidate);
    ASSERT_TRUE(prepared) << prepared.error().text();
    for (const WorkerUpdate& update : store_.commit(std::move(*prepared), loop.now()))
      for (const SocketAssignment& socket : update.sockets)
        if (socket.fd >= 0) ::close(socket.fd);
  }
  // Time goes by, and the background thread does what it has been given.
  void pass(Duration d) {
    advance(d);
    bool done = false;
    background_.run([] {}, [&done] { done = true; });
    ASSERT_TRUE(run_until([&done] { return done; }));
  }
  size_t kept() { return store_.series().backends().all().size(); }

 private:
  void on_check(const Backend&, CheckResult) override {}
  void on_health_change(const Backend&, HealthChange) override {}
  void on_primed() override {}
  void on_phase(ProcessPhase) override {}
  void on_not_ready() override {}
  void on_listeners_closed() override {}
  void on_drained() override {}

  Log log_{std::move(*Log::prepare({.output = "none", .access_output = "none"}))};
  ProcessState state_;
  SnapshotStore store_{1, 4096};
  Workers workers_{loop, clock, log_, 1};
  HealthChecks checks_{loop, *this, 1};
  DrainCoordinator drain_{loop, workers_, *this};
  Background background_{loop, log_};
  MetricsPage page_{{loop, log_, state_, store_, workers_, checks_, background_}, drain_};
};

TEST_F(SeriesReleaseTest, RemovedSeriesAreReleasedWithoutAScrape) {
  for (int i = 0; i < kChanges; ++i) {
    use("b" + std::to_string(i));
    pass(kChange);
    ASSERT_LE(kept(), kLevel) << "after " << i << " changes";
  }
}

}  // namespace
}  // namespace weir::test
