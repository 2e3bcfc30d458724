// Series of backends that are replaced under new names, without scrapes: the registry, a worker and
// the metrics page keep only the recent ones, however long this continues. The page has no more
// series than the configuration allows.
#include "admin/metrics_page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>

#include "support/worker_fixture.h"

namespace weir::test {
namespace {

constexpr Duration kChange = 10s;
constexpr int kChanges = 100;
// Shown for half a minute, and an id rests for a minute; the configuration changes every 10 s.
constexpr size_t kLevel = 20;

class WorkerSeriesTest : public testing::Test, public WorkerFixture {
 protected:
  // A new configuration with this backend alone, and a session to it: cells are made for a backend
  // that is used.
  void use(const std::string& backend) {
    apply(
        fmt::format("listeners: [{{ name: l, bind: '127.0.0.1:0', cluster: c }}]\n"
                    "clusters: [{{ name: c, backends: [{{ name: {}, address: {} }}] }}]\n",
                    backend, acceptor_.address().text()));
    Socket one = client(), server;
    ASSERT_TRUE(run_until([&] {
      if (wait_ready(acceptor_.fd(), POLLIN, 1ms)) server = acceptor_.accept(1s);
      return static_cast<bool>(server);
    }));
    one.reset();
    ASSERT_TRUE(run_until([&] { return worker.active() == 0; }));
  }
  void forget_expired() {
    worker.forget(
        store.series().take_expired(loop.now(), series_in_use(), MetricsPage::kUnseenRetention));
  }

 private:
  Acceptor acceptor_;
};

TEST_F(WorkerSeriesTest, WorkerFreesTheCellsOfRemovedBackends) {
  for (int i = 0; i < kChanges; ++i) {
    ASSERT_NO_FATAL_FAILURE(use("b" + std::to_string(i)));
    advance(kChange);
    forget_expired();
    const size_t kept = worker.report().backends.size();
    ASSERT_GE(kept, 1u);
    ASSERT_LE(kept, kLevel) << "after " << i << " changes";
  }
}

TEST_F(WorkerSeriesTest, WorkerHasNoCellsOfAnExpiredBackend) {
  use("old");
  use("new");
  EXPECT_EQ(worker.report().backends.size(), 2u);
  advance(MetricsPage::kUnseenRetention);
  forget_expired();
  EXPECT_EQ(worker.report().backends.size(), 1u);
}

// The page of a process whose workers do nothing until they are started.
class SeriesReleaseTest : public testing::Test, public TestLoop, HealthObserver, DrainObserver {
 protected:
  void use(const std::string& backend, const std::string& name = "l") {
    Candidate candidate;
    config::Model& model = candidate.loaded.model;
    model.metrics.max_series = max_series_;
    config::Listener& listener = model.listeners.emplace_back();
    listener.name = name;
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
  // Advances the clock, and the background thread runs its jobs.
  void pass(Duration d) {
    advance(d);
    bool done = false;
    background_.run([] {}, [&done] { done = true; });
    ASSERT_TRUE(run_until([&done] { return done; }));
  }
  size_t kept() { return store_.series().backends().all().size(); }
  // The sum over all listeners so far.
  void make_cells() {
    const auto count = static_cast<uint32_t>(store_.series().listeners().all().size());
    workers_.post([count](SessionOwner& worker) {
      for (uint32_t id = 0; id < count; ++id) worker.listener_cells(id);
    });
  }
  // In a report of the worker, which is started here and runs its earlier messages first. Its
  // thread reads the clock: do not advance it after this.
  size_t reported_listeners() {
    workers_.start();
    size_t listeners = 0;
    bool done = false;
    workers_.report([&](const Workers::Reports& reports) {
      listeners = reports.at(0)->listeners.size();
      done = true;
    });
    EXPECT_TRUE(run_until([&done] { return done; }));
    return listeners;
  }
  void start_workers() { workers_.start(); }
  std::string scraped() {
    std::string page;
    page_.render([&page](std::string text) { page = std::move(text); });
    EXPECT_TRUE(run_until([&page] { return !page.empty(); }));
    return page;
  }

  uint64_t max_series_ = config::Metrics().max_series;  // of use()

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

TEST_F(SeriesReleaseTest, WorkersFreeReleasedSeries) {
  use("b", "old");
  use("b", "new");
  make_cells();
  pass(MetricsPage::kUnseenRetention);
  EXPECT_EQ(reported_listeners(), 1u);
}

TEST_F(SeriesReleaseTest, PageHasAtMostAsManySeriesAsTheConfigurationAllows) {
  using testing::HasSubstr;
  start_workers();
  use("b");
  EXPECT_THAT(scraped(), HasSubstr("weir_backend_up{"));
  max_series_ = 1;
  use("b");
  const std::string page = scraped();
  EXPECT_THAT(page, Not(HasSubstr("weir_backend_up{")));
  EXPECT_THAT(page, HasSubstr("\nweir_metrics_series_dropped_total ")) << "always there";
}

}  // namespace
}  // namespace weir::test
