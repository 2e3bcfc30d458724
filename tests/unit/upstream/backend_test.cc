#include "upstream/backend.h"

#include <thread>
#include <vector>

namespace weir {
namespace {

constexpr config::Backoff kBackoff{.base = 1s, .max = 30s};

class BackendTest : public testing::Test {
 protected:
  void fail() { backend.note_connect_failure(clock.now(), kBackoff); }
  Duration held_for() const { return backend.held_off_until() - clock.now(); }
  // Waits out the hold-off and is refused again.
  void fail_again() {
    clock.advance(held_for());
    fail();
  }

  ManualClock clock;
  Backend backend{"app", "a", "10.0.0.1:80", *Address::parse("10.0.0.1:80")};
};

TEST_F(BackendTest, HasTheNameAndAddressOfItsConfiguration) {
  EXPECT_EQ(backend.cluster(), "app");
  EXPECT_EQ(backend.name(), "a");
  EXPECT_EQ(backend.text(), "10.0.0.1:80");
  EXPECT_EQ(backend.address(), *Address::parse("10.0.0.1:80"));
}

TEST_F(BackendTest, HealthIsUnknownUntilSet) {
  EXPECT_EQ(backend.health(), Health::unknown);
  backend.set_health(Health::down);
  EXPECT_EQ(backend.health(), Health::down);
  EXPECT_STREQ(text(backend.health()), "down");
}

TEST_F(BackendTest, NewBackendIsNotHeldOff) {
  EXPECT_FALSE(backend.held_off(clock.now()));
  EXPECT_FALSE(backend.held_off(TimePoint{}));
}

TEST_F(BackendTest, FirstRefusalHoldsOffForTheBaseTimeWithin10Percent) {
  fail();
  EXPECT_TRUE(backend.held_off(clock.now()));
  EXPECT_GE(held_for(), 900ms);
  EXPECT_LE(held_for(), 1100ms);
  clock.advance(899ms);
  EXPECT_TRUE(backend.held_off(clock.now()));
  clock.advance(202ms);
  EXPECT_FALSE(backend.held_off(clock.now()));
}

TEST_F(BackendTest, EachFurtherRefusalDoublesTheHoldOffUpToTheMaximum) {
  for (Duration expected = 1s; expected < 30s; expected *= 2) {
    fail_again();
    EXPECT_GE(held_for(), expected * 9 / 10);
    EXPECT_LE(held_for(), expected * 11 / 10);
  }
  for (int i = 0; i < 200; ++i) {  // far beyond the range of the step counter
    fail_again();
    EXPECT_GE(held_for(), 27s);
    EXPECT_LE(held_for(), 30s);
  }
}

TEST_F(BackendTest, RefusalsDuringHoldOffNeitherExtendItNorCount) {
  fail();
  const TimePoint until = backend.held_off_until();
  for (int i = 0; i < 100; ++i) {
    clock.advance(1ms);
    fail();
  }
  EXPECT_EQ(backend.held_off_until(), until);
  fail_again();
  EXPECT_LE(held_for(), 2200ms) << "the second step, not the hundredth";
}

TEST_F(BackendTest, SuccessEndsTheHoldOffAndResetsItToTheBaseTime) {
  for (int i = 0; i < 5; ++i) fail_again();
  backend.note_connect_success();
  EXPECT_FALSE(backend.held_off(clock.now()));
  fail();
  EXPECT_LE(held_for(), 1100ms);
}

TEST_F(BackendTest, JitterDiffersBetweenBackends) {
  Backend other("app", "b", "10.0.0.2:80", *Address::parse("10.0.0.2:80"));
  fail();
  other.note_connect_failure(clock.now(), kBackoff);
  EXPECT_NE(backend.held_off_until(), other.held_off_until());
}

TEST_F(BackendTest, BaseTimeOfZeroDisablesTheHoldOff) {
  for (int i = 0; i < 10; ++i) {
    backend.note_connect_failure(clock.now(), {.base = 0s, .max = 30s});
    EXPECT_FALSE(backend.held_off(clock.now()));
  }
}

TEST_F(BackendTest, BaseTimeAboveTheMaximumIsReducedToTheMaximum) {
  backend.note_connect_failure(clock.now(), {.base = 60s, .max = 2s});
  EXPECT_GT(held_for(), 1799ms);
  EXPECT_LE(held_for(), 2s);
}

TEST_F(BackendTest, FailuresOfManyWorkersAtTheSameTimeCountOnce) {
  for (Duration expected = 1s; expected < 30s; expected *= 2) {
    std::vector<std::thread> workers;
    for (int i = 0; i < 8; ++i) {
      workers.emplace_back([this] {
        for (int n = 0; n < 200; ++n) fail();
      });
    }
    for (std::thread& worker : workers) worker.join();
    EXPECT_GE(held_for(), expected * 9 / 10);
    EXPECT_LE(held_for(), expected * 11 / 10);
    clock.advance(held_for());
  }
}

TEST_F(BackendTest, RefusedCertificateIsLoggedOncePerMinuteForAllConnections) {
  EXPECT_TRUE(backend.may_log_refusal(clock.now()));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(backend.may_log_refusal(clock.now()));
  clock.advance(Backend::kRefusalSilence);
  EXPECT_TRUE(backend.may_log_refusal(clock.now()));
  EXPECT_FALSE(backend.may_log_refusal(clock.now()));
}

TEST_F(BackendTest, ConcurrentReadersAndWritersSeeConsistentStates) {
  const TimePoint latest = clock.now() + 1100ms;
  std::atomic<bool> done{false};
  backend.set_health(Health::up);
  std::thread reader([&] {
    while (!done.load()) {
      const TimePoint until = backend.held_off_until();
      EXPECT_TRUE(until == TimePoint{} || (until > clock.now() && until <= latest));
      EXPECT_NE(backend.health(), Health::unknown);
    }
  });
  std::thread failing([&] {
    for (int i = 0; i < 20000; ++i) fail();
  });
  for (int i = 0; i < 20000; ++i) {
    backend.note_connect_success();
    backend.set_health(i % 2 ? Health::up : Health::down);
  }
  failing.join();
  done = true;
  reader.join();
}

}  // namespace
}  // namespace weir
