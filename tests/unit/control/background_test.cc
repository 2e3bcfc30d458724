#include "control/background.h"

#include <atomic>
#include <future>

namespace weir {
namespace {

class BackgroundTest : public testing::Test {
 protected:
  template <typename Predicate>
  bool run_until(Predicate done) {
    for (int i = 0; i < 500 && !done(); ++i) loop_.run_turn(10ms);
    return done();
  }
  // Nothing else runs until the promise is kept.
  std::promise<void> block() {
    std::promise<void> promise;
    background_->run([wait = promise.get_future().share()] { wait.wait(); });
    return promise;
  }
  // In a job: waits until stop() has begun. From then on objects put into the bin are freed at
  // once.
  void wait_for_stop() {
    const auto freed = std::make_shared<std::atomic<bool>>(false);
    while (!*freed) {
      background_->bin()->put([freed] { *freed = true; });
      std::this_thread::yield();
    }
  }

  const Clock clock_{};
  EventLoop loop_{clock_};
  Log log_{std::move(*Log::prepare({.output = "none", .access_output = "none"}))};
  std::unique_ptr<Background> background_ = std::make_unique<Background>(loop_, log_);
};

// Reports the thread of its destruction.
struct Traced {
  explicit Traced(std::promise<std::thread::id>& p) : promise(p) {}
  ~Traced() { promise.set_value(std::this_thread::get_id()); }
  std::promise<std::thread::id>& promise;
};

TEST_F(BackgroundTest, RunsJobsInOrderOnAnotherThreadAndCallsBackOnTheLoop) {
  const std::thread::id here = std::this_thread::get_id();
  std::vector<int> order;
  for (int i = 0; i < 3; ++i)
    background_->make(
        [i, here] {
          EXPECT_NE(std::this_thread::get_id(), here);
          return std::make_unique<int>(i);
        },
        [&order, here](std::unique_ptr<int> made) {
          EXPECT_EQ(std::this_thread::get_id(), here);
          order.push_back(*made);
        });
  ASSERT_TRUE(run_until([&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST_F(BackgroundTest, FreesObjectsInTheBinOnItsThread) {
  std::promise<std::thread::id> ended;
  std::shared_ptr<const Traced> large = Bin::owner(background_->bin(), new Traced(ended));
  large.reset();
  EXPECT_NE(ended.get_future().get(), std::this_thread::get_id());
}

TEST_F(BackgroundTest, ObjectsKeptForAnOwnerAreFreedAtItsEnd) {
  std::promise<std::thread::id> ended;
  auto first = std::make_shared<Traced>(ended);
  std::shared_ptr<Traced> second = Bin::owner(background_->bin(), first);
  EXPECT_EQ(first, second);
  first.reset();
  second.reset();
  EXPECT_NE(ended.get_future().get(), std::this_thread::get_id());
}

TEST_F(BackgroundTest, DestructorFreesRemainingObjects) {
  std::promise<std::thread::id> waiting, later;
  const std::shared_ptr<Bin> bin = background_->bin();
  std::shared_ptr<Traced> late = Bin::owner(bin, new Traced(later));
  std::promise<void> blocked = block();
  background_->run([held = Bin::owner(bin, new Traced(waiting))] {});
  std::thread release([&] { blocked.set_value(); });
  background_.reset();
  release.join();
  waiting.get_future().get();
  late.reset();
  EXPECT_EQ(later.get_future().get(), std::this_thread::get_id()) << "no other thread is left";
}

// The answer to a client of the admin server may be such a job.
TEST_F(BackgroundTest, StopWaitsForAllJobsAndCallbacksRunInTheNextTurn) {
  std::promise<void> begun;
  int answered = 0;
  background_->run(
      [&] {
        begun.set_value();
        wait_for_stop();
      },
      [&] { ++answered; });
  background_->run([] {}, [&] { ++answered; });
  begun.get_future().wait();
  background_->stop();
  EXPECT_EQ(answered, 0);
  loop_.run_turn(Duration::zero());
  EXPECT_EQ(answered, 2);
}

TEST_F(BackgroundTest, JobsAfterStopRunAtOnceAndCallBackInTheNextTurn) {
  background_->stop();
  int used = 0;
  background_->make([] { return 7; }, [&](int made) { used = made; });
  EXPECT_EQ(used, 0);
  loop_.run_turn(Duration::zero());
  EXPECT_EQ(used, 7);
}

}  // namespace
}  // namespace weir
