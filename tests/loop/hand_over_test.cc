// Real threads, each with its loop, that take, wait for and give back the places of one cluster.
// The clocks stand still, so that no deadline makes up for a lost wake-up: the test would not end.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/random.h"
#include "event/event_loop.h"
#include "upstream/cluster.h"

namespace weir::test {
namespace {

struct Shape {
  uint32_t limit, backends, threads, users;  // users of each thread
  bool cancels;                              // some leave the queue
};
// Many of everything; and one place for two, where a lost wake-up leaves both waiting.
constexpr Shape kMany{2, 2, 4, 6, true}, kOnePlace{1, 1, 2, 1, false};

uint64_t hand_overs() {
  const char* text = std::getenv("WEIR_HAND_OVERS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'000;
}

struct Totals {
  std::atomic<uint64_t> uses{0}, cancels{0}, exceeded{0};
  std::array<std::atomic<uint32_t>, 2> inside{};  // by backend
};

class HandOverThread {
 public:
  HandOverThread(const ClusterSpec& spec, const Shape& shape, uint64_t seed, uint64_t uses,
                 Totals& totals)
      : shape_(shape),
        random_(seed),
        totals_(totals),
        to_do_(uses),
        cluster_(spec, metrics_, seed, &pools_),
        users_(shape.users),
        running_(shape.users) {
    for (User& user : users_) user.thread = this;
  }
  void run() {
    for (User& user : users_) loop_.yield(user);
    while (running_ > 0) loop_.run_turn(1s);
  }

 private:
  // Takes a place, or waits for one; has it for one turn of the loop; and again. Some leave the
  // queue, before they are called or in the very turn in which they are.
  struct User final : QueueWaiter, Yielding {
    void on_room() override {
      handed = take_handed();
      called = true;
      if (!yielded()) thread->loop_.yield(*this);
    }
    void on_resume() override { thread->step(*this); }

    HandOverThread* thread = nullptr;
    Reservation handed, place;
    BackendIndex index = kNoBackend;
    bool called = false, waits = false;
  };

  void step(User& user) {
    if (user.place) return give_back(user);
    if (to_do_ == 0) return stop(user);
    if (user.waits && !user.called) return leave_early(user);
    const Cluster::Wanted wanted{.now = loop_.now(),
                                 .client_hash = random_.next(),
                                 .tried = {},
                                 .room = Cluster::Room::session};
    user.place = user.handed ? std::move(user.handed) : Reservation();
    if (!user.place) take(user, wanted);
    if (!user.place) return wait(user, wanted);
    --to_do_;
    leave(user);
    user.index = cluster_.index_of(*user.place.backend(), 0);
    if (++totals_.inside[user.index] > shape_.limit) ++totals_.exceeded;
    loop_.yield(user);
  }
  void take(User& user, const Cluster::Wanted& wanted) {
    if (!user.called && cluster_.queue().awaited()) return;
    const BackendIndex index = cluster_.choose(wanted).index;
    if (index != kNoBackend) user.place = cluster_.reserve(index);
  }
  void wait(User& user, const Cluster::Wanted& wanted) {
    const Wish wish{&cluster_.spec(), {}, false, false};
    if (user.called)
      cluster_.queue().enter_again(user, wish);
    else
      CHECK(cluster_.queue().enter(user, wish, loop_.now(), 1000));
    user.called = false;
    user.waits = true;
    cluster_.look_once_more(wanted);
    if (shape_.cancels && random_.below(8) == 0) loop_.yield(user);
  }
  void leave_early(User& user) {
    ++totals_.cancels;
    leave(user);
    loop_.yield(user);
  }
  void leave(User& user) {
    user.called = user.waits = false;
    user.handed = {};
    cluster_.queue().leave(user);
  }
  void give_back(User& user) {
    --totals_.inside[user.index];
    ++totals_.uses;
    cluster_.begin_use(user.index);
    cluster_.end_use(user.index, user.place);
    loop_.yield(user);
  }
  void stop(User& user) {
    leave(user);
    --running_;
  }

  const Shape shape_;
  const ManualClock clock_;
  EventLoop loop_{clock_};
  WorkerMetrics metrics_{0};
  Pools pools_{loop_};
  Random random_;
  Totals& totals_;
  uint64_t to_do_;
  Cluster cluster_;
  std::vector<User> users_;
  size_t running_;
};

class HandOverTest : public testing::TestWithParam<Shape> {};

TEST_P(HandOverTest, ExceedsNoLimitAndLosesNoWakeUpBetweenThreads) {
  const Shape shape = GetParam();
  ClusterSpec spec;
  spec.name = "c";
  for (uint32_t i = 0; i < shape.backends; ++i) {
    spec.hosts.push_back({std::make_shared<Backend>("c", "b", "b", Address::loopback(9))});
    spec.hosts.back().concurrency = shape.limit;
  }
  spec.index();
  apply_limits(spec);
  Totals totals;
  std::vector<std::thread> threads;
  // A bell may ring for a loop whose thread has ended: all of them live as long as the longest.
  std::vector<std::unique_ptr<HandOverThread>> workers(shape.threads);
  for (uint32_t i = 0; i < shape.threads; ++i)
    workers[i] =
        std::make_unique<HandOverThread>(spec, shape, i + 1, hand_overs() / shape.threads, totals);
  for (auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(totals.uses.load(), hand_overs() / shape.threads * shape.threads);
  EXPECT_EQ(totals.exceeded.load(), 0u);
  EXPECT_EQ(totals.cancels.load() > 0, shape.cancels);
  EXPECT_EQ(spec.shared->queue.waiting(), 0u);
  for (const HostSpec& host : spec.hosts) EXPECT_EQ(host.backend->requests().taken(), 0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, HandOverTest, testing::Values(kMany, kOnePlace));

}  // namespace
}  // namespace weir::test
