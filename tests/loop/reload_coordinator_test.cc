// The coordinator with real workers and a loader with files and names of the test. The test can
// stop the workers within their work.
#include "control/reload.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "support/socket.h"
#include "support/temp_folder.h"

namespace weir::test {
namespace {

using Verdict = ReloadVerdict;

class ReloadCoordinatorTest : public testing::Test, ReloadObserver, HealthObserver {
 protected:
  ReloadCoordinatorTest() {
    configure_timeout("30s");
    const LoadResult first = load_now();
    auto prepared = store_.prepare(first.candidate);
    EXPECT_TRUE(prepared) << prepared.error().text();
    updates_ = store_.commit(std::move(*prepared), loop_.now());
    reload_.started_with(store_.current()->model);
    workers_.start();
  }
  ~ReloadCoordinatorTest() override {
    go_on();
    run_until([&] { return !loader_.busy() && !reload_.busy(); });
    workers_.stop();
    loop_.run_turn(Duration::zero());
  }

  void serve() {
    bool applied = false;
    workers_.post_each([this](Worker& worker, uint32_t i) { worker.apply(updates_[i]); },
                       [&] { applied = true; });
    ASSERT_TRUE(run_until([&] { return applied; }));
    updates_.clear();
    reload_.open();
  }
  // The workers stop until go_on(); messages to them wait.
  void hold() {
    held_ = std::make_unique<std::promise<void>>();
    workers_.post([wait = held_->get_future().share()](Worker&) { wait.wait(); });
  }
  void go_on() {
    if (held_) held_->set_value();
    held_.reset();
  }
  // Waits until all requested loads are done and the workers have been asked for their open
  // sessions.
  void let_it_load() {
    ASSERT_TRUE(run_until([&] { return !loader_.busy(); }));
  }
  // After let_it_load(): waits until the background thread has the job to build the next snapshot.
  void let_it_be_examined() {
    loop_.run_turn(Duration::zero());
    bool reported = false;
    workers_.report([&](const Workers::Reports&) { reported = true; });  // in order of asking
    ASSERT_TRUE(run_until([&] { return reported; }));
  }
  // The background thread does nothing until the promise is kept.
  std::promise<void> hold_background() {
    std::promise<void> promise;
    background_.run([wait = promise.get_future().share()] { wait.wait(); });
    return promise;
  }
  // Ready when the background thread has finished all its jobs.
  std::future<void> background_idle() {
    const auto promise = std::make_shared<std::promise<void>>();
    background_.run([promise] { promise->set_value(); });
    return promise->get_future();
  }
  void stop_background() { background_.stop(); }
  void turn() { loop_.run_turn(Duration::zero()); }
  template <typename Predicate>
  bool run_until(Predicate done) {
    const TimePoint until = loop_.now() + kPatience;
    while (!done() && loop_.now() < until) loop_.run_turn(10ms);
    return done();
  }
  ReloadCoordinator::Done keep(std::optional<ReloadOutcome>& outcome) {
    return [this, &outcome](const ReloadCoordinator::Outcome& o) {
      outcome = *o;
      in_force_ = store_.current()->generation;
    };
  }
  void configure(const std::string& backend, const std::string& more = {}) {
    text_ = "listeners: [{name: web, bind: \"" + bind_.text() +
            "\", cluster: app}]\nclusters: [{name: app, backends: [{name: x, address: \"" +
            backend + "\"}]}]\n" + more;
  }
  void configure_timeout(const char* timeout) {
    configure("127.0.0.1:1", std::string("drain: {timeout: ") + timeout + "}\n");
  }

  const Address bind_ = free_address();
  std::string text_;
  std::map<std::string, Address> names_;
  uint64_t in_force_ = 0;  // when the last answer came
  int begun_ = 0, over_ = 0;

 private:
  LoadResult load_now() { return Loader::load_now(load(), resolve()); }
  Loader::Load load() {
    return [this] {
      return config::load_text(text_, "test.yaml", [](const std::string&) { return std::nullopt; });
    };
  }
  Loader::Resolve resolve() {
    return [this](const config::Model& model) {
      ResolvedAddresses found;
      for (const config::Cluster& cluster : model.clusters)
        for (const config::Backend& backend : cluster.backends)
          found[backend.address] = {
              {names_.contains(backend.address) ? names_.at(backend.address)
                                                : *Address::parse(backend.address)},
              {}};
      return found;
    };
  }
  void on_reload_begun() override { ++begun_; }
  void on_reload_over(const ReloadOutcome&) override { ++over_; }
  void on_check(const Backend&, CheckResult) override {}
  void on_health_change(const Backend&, HealthChange) override {}
  void on_primed() override {}

  const Clock clock_;
  EventLoop loop_{clock_};
  Log log_{std::move(*Log::prepare({.output = "none", .access_output = "none"}))};
  ProcessState state_;
  std::unique_ptr<std::promise<void>> held_;

 protected:
  SnapshotStore store_{2, 4096};

 private:
  std::vector<WorkerUpdate> updates_;
  Workers workers_{loop_, clock_, log_, 2};
  HealthChecks checks_{loop_, *this, 1};
  Loader loader_{loop_, load(), resolve()};
  Background background_{loop_, log_};

 protected:
  ReloadCoordinator reload_{
      {loop_, log_, state_, store_, workers_, checks_, background_}, loader_, *this};
};

TEST_F(ReloadCoordinatorTest, ReloadsRequestedDuringStartRunAfterIt) {
  std::optional<ReloadOutcome> outcome;
  configure_timeout("77s");
  reload_.reload();
  reload_.reload();
  reload_.reload(keep(outcome));
  let_it_load();
  EXPECT_FALSE(outcome);
  EXPECT_EQ(store_.current()->generation, 1u);
  serve();
  ASSERT_TRUE(run_until([&] { return !reload_.busy(); }));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->generation, 2u);
  EXPECT_EQ(store_.current()->generation, 2u);
  EXPECT_EQ(begun_, 2) << "two requests without a waiter are one reload";
  EXPECT_EQ(over_, 2);
}

TEST_F(ReloadCoordinatorTest, ThousandRequestsDuringALoadCauseOneMoreReload) {
  serve();
  std::optional<ReloadOutcome> outcome;
  configure_timeout("77s");
  for (int i = 0; i < 1000; ++i) reload_.reload();
  reload_.reload(keep(outcome));
  ASSERT_TRUE(run_until([&] { return !reload_.busy(); }));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->generation, 2u);
  EXPECT_EQ(over_, 2) << "the reload in progress, and one for all later requests";
}

TEST_F(ReloadCoordinatorTest, ReloadsRequestedBeforeADrainDuringStartAreRefused) {
  std::optional<ReloadOutcome> outcome;
  reload_.reload(keep(outcome));
  reload_.refuse();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, Verdict::draining);
  EXPECT_FALSE(reload_.busy());
}

TEST_F(ReloadCoordinatorTest, PlanDuringAReloadStartsNoOtherReload) {
  serve();
  std::optional<ReloadOutcome> first, second, plan;
  uint64_t at_first = 0;
  hold();
  configure_timeout("77s");
  reload_.reload([&](const ReloadCoordinator::Outcome& outcome) {
    first = *outcome;
    at_first = store_.current()->generation;
  });
  let_it_load();
  reload_.plan(keep(plan));
  let_it_load();
  configure_timeout("78s");
  reload_.reload(keep(second));
  let_it_load();
  go_on();
  ASSERT_TRUE(run_until([&] { return first && second && plan; }));
  EXPECT_EQ(first->generation, 2u);
  EXPECT_EQ(at_first, 2u) << "the second one began before the workers had the first";
  EXPECT_EQ(second->generation, 3u);
  EXPECT_EQ(store_.current()->model.drain.timeout, 78s);
}

TEST_F(ReloadCoordinatorTest, ConcurrentPlansOfTcpTextsAreLimitedUntilOneIsAnswered) {
  serve();
  std::promise<void> may_compare = hold_background();
  configure_timeout("77s");
  size_t answered = 0;
  const auto plan = [&] {
    reload_.plan_text_over_tcp(text_, [&](const ReloadCoordinator::Outcome& outcome) {
      EXPECT_EQ(outcome->result, Verdict::planned) << outcome->message;
      ++answered;
    });
  };
  for (size_t i = 0; i < ReloadCoordinator::kMostTextsOverTcp; ++i) {
    ASSERT_TRUE(reload_.room_for_text_over_tcp());
    plan();
  }
  EXPECT_FALSE(reload_.room_for_text_over_tcp());
  let_it_load();
  EXPECT_FALSE(reload_.room_for_text_over_tcp()) << "what has been read is not answered yet";
  may_compare.set_value();
  ASSERT_TRUE(run_until([&] { return answered == ReloadCoordinator::kMostTextsOverTcp; }));
  EXPECT_TRUE(reload_.room_for_text_over_tcp());
}

TEST_F(ReloadCoordinatorTest, ReloadInProgressIsRefusedWhenADrainBegins) {
  serve();
  std::optional<ReloadOutcome> first, second;
  hold();
  configure_timeout("77s");
  reload_.reload(keep(first));
  reload_.reload(keep(second));
  let_it_load();
  reload_.refuse();
  go_on();
  ASSERT_TRUE(run_until([&] { return !reload_.busy(); }));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->result, Verdict::draining);
  EXPECT_EQ(second->result, Verdict::draining);
  EXPECT_EQ(store_.current()->generation, 1u);
}

TEST_F(ReloadCoordinatorTest, ReloadInProgressAtExitIsAnsweredAndLeavesNoSocket) {
  serve();
  const TempFolder folder;
  const std::string path = folder / "s";
  std::optional<ReloadOutcome> outcome;
  std::promise<void> may_build = hold_background();
  configure_timeout("77s");
  text_.replace(text_.find("listeners: ["), 12,
                "listeners: [{name: more, bind: \"unix:" + path + "\", cluster: app}, ");
  reload_.reload(keep(outcome));
  let_it_load();
  let_it_be_examined();
  reload_.refuse();
  std::future<void> idle = background_idle();
  may_build.set_value();
  idle.wait();
  EXPECT_TRUE(std::filesystem::exists(path));
  stop_background();
  turn();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, Verdict::draining);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ReloadCoordinatorTest, NameWithANewAddressIsAChange) {
  const auto named = [&](const Address& at) {
    names_["db.test:80"] = at;
    configure("db.test:80");
  };
  serve();
  std::optional<ReloadOutcome> outcome;
  for (const char* address : {"127.0.0.2:80", "127.0.0.3:80"}) {
    named(*Address::parse(address));
    outcome.reset();
    reload_.reload(keep(outcome));
    ASSERT_TRUE(run_until([&] { return outcome.has_value(); }));
    ASSERT_EQ(outcome->result, Verdict::ok);
  }
  ASSERT_EQ(outcome->changes.size(), 1u);
  EXPECT_EQ(config::text(outcome->changes[0].change),
            "clusters.app.backends.x: 127.0.0.2:80 → 127.0.0.3:80");
  EXPECT_EQ(outcome->changes[0].change.effect, config::Effect::new_sessions);
  reload_.reload(keep(outcome));
  ASSERT_TRUE(run_until([&] { return outcome->result == Verdict::unchanged; }));
  EXPECT_TRUE(outcome->changes.empty());
}

}  // namespace
}  // namespace weir::test
