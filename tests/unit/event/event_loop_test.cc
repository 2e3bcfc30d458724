#include "event/event_loop.h"

#include <csignal>

#include "admin/admin_connection.h"
#include "control/signals.h"
#include "event/timer.h"
#include "health/check_run.h"
#include "net/listener.h"
#include "net/transport.h"
#include "session/tcp_session.h"
#include "support/socket_pair.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

struct Retired final : Retirable {
  Retired(EventLoop& loop, int& closed_count, int& freed_count)
      : Retirable(loop), closed(closed_count), freed(freed_count) {}
  void close() override { ++closed; }
  int &closed, &freed;

 private:
  ~Retired() override { ++freed; }
};

// Trap T1: `delete`, a local variable and a plain unique_ptr do not compile.
static_assert(!std::is_destructible_v<Retirable> && !std::is_destructible_v<Retired>);
static_assert(!std::is_destructible_v<Listener>);
static_assert(!std::is_destructible_v<CheckRun>);
static_assert(!std::is_destructible_v<Session> && !std::is_destructible_v<TcpSession>);
static_assert(!std::is_destructible_v<AdminConnection>);

TEST(EventLoop, ReleasedObjectIsClosedAtOnceAndFreedAtTheEndOfTheTurn) {  // trap T1
  TestLoop loop;
  int closed = 0, freed = 0;
  auto object = make_owned<Retired>(loop.loop, closed, freed);
  loop.loop.post([&] {
    object.reset();
    EXPECT_EQ(closed, 1);
    EXPECT_EQ(freed, 0);
  });
  loop.turns(1);
  EXPECT_EQ(freed, 1);
}

TEST(EventLoop, PostedWorkRunsInOrderAndWakesASleepingLoop) {
  Clock clock;
  EventLoop loop(clock);
  std::vector<int> order;
  std::thread thread([&] { loop.run(); });
  for (int i = 0; i < 100; ++i) loop.post([&order, i] { order.push_back(i); });
  loop.post([&] { loop.stop(); });
  thread.join();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

struct Seen {
  static void on_event(void* o, Readiness) noexcept {
    auto& to = *static_cast<Seen*>(o);
    to.times.push_back(to.loop.now());
  }
  EventLoop& loop;
  std::vector<TimePoint>& times;
};

TEST(EventLoop, CallbackSeesTheTimeAfterTheSleep) {
  ManualClock clock;
  EventLoop loop(clock);
  loop.run_turn(Duration::zero());
  const SocketPair pair = unix_pair();
  std::vector<TimePoint> seen;
  Seen owner{loop, seen};
  IoWatch watch;
  ASSERT_TRUE(
      watch.start<&Seen::on_event>(loop.poller(), pair.a.get(), IoWatch::Mode::level_read, &owner));
  ASSERT_EQ(::write(pair.b.get(), "x", 1), 1);
  clock.advance(std::chrono::hours(1));  // the connection came after an hour of silence
  loop.run_turn(Duration::zero());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0], clock.now());
  watch.stop();
}

struct Greedy final : Yielding {
  explicit Greedy(EventLoop& l) : loop(l) {}
  void on_resume() override {
    ++resumed;
    loop.yield(*this);
  }
  EventLoop& loop;
  int resumed = 0;
};

TEST(EventLoop, WorkThatAlwaysYieldsLetsOtherWorkRun) {  // trap T5
  TestLoop loop;
  Greedy greedy(loop.loop);
  loop.loop.yield(greedy);
  int posted = 0;
  loop.loop.post([&] { ++posted; });
  loop.turns(3);
  EXPECT_EQ(greedy.resumed, 3);
  EXPECT_EQ(posted, 1);
}

struct Output final : Flushing {
  explicit Output(std::function<void()> flush) : on_flushed(std::move(flush)) {}
  void on_flush() override { on_flushed(); }
  std::function<void()> on_flushed;
};

TEST(EventLoop, FlushRunsOnceATurnAfterAllOtherWork) {
  TestLoop loop;
  std::string order;
  Output output([&] { order += 'f'; });
  Timer timer(loop.loop, [&] {
    order += 't';
    loop.loop.flush_later(output);
  });
  timer.set_in(1ms);
  loop.loop.post([&] {
    order += 'p';
    loop.loop.flush_later(output);
    loop.loop.flush_later(output);
  });
  loop.clock.advance(1s);
  loop.turns(1);
  EXPECT_EQ(order, "ptf");
  loop.turns(1);
  EXPECT_EQ(order, "ptf");
}

TEST(EventLoop, FlushAskedForByAFlushRunsInTheNextTurnWhichDoesNotSleep) {
  TestLoop loop;
  int flushed = 0;
  Output output([&] {
    if (++flushed == 1) loop.loop.flush_later(output);
  });
  loop.loop.post([&] { loop.loop.flush_later(output); });
  loop.turns(1);
  EXPECT_EQ(flushed, 1);
  loop.loop.run_turn();  // it would wait for ever otherwise
  EXPECT_EQ(flushed, 2);
}

TEST(EventLoop, CancelledFlushDoesNotRun) {
  TestLoop loop;
  Output output([] { FAIL(); });
  loop.loop.post([&] {
    loop.loop.flush_later(output);
    output.cancel_flush();
  });
  loop.turns(2);
}

TEST(EventLoop, TimerSetFromItsOwnCallbackFiresAgain) {
  TestLoop loop;
  int fired = 0;
  Timer timer(loop.loop, [&] {
    if (++fired < 3) timer.set_in(50ms);
  });
  timer.set_in(50ms);
  for (int i = 0; i < 10; ++i) loop.advance(70ms);
  EXPECT_EQ(fired, 3);
}

struct Killer final : TransportReader {
  explicit Killer(Transport*& v) : victim(v) {}
  void on_readable() override {
    ++called;
    if (victim != nullptr) std::exchange(victim, nullptr)->close();
  }
  Transport*& victim;
  int called = 0;
};

TEST(EventLoop, QueuedEventDoesNotReachAnObjectClosedInTheSameTurn) {  // trap T2
  TestLoop loop;
  SocketPair first = tcp_pair(), second = tcp_pair();
  Transport a, b;
  ASSERT_TRUE(a.open(loop.loop, first.b.release()));
  ASSERT_TRUE(b.open(loop.loop, second.b.release()));
  loop.turns(2);
  Transport *victim_of_a = &b, *victim_of_b = &a;
  Killer ka(victim_of_a), kb(victim_of_b);
  a.set_reader(&ka);
  b.set_reader(&kb);
  send_all(first.a.get(), "x");
  send_all(second.a.get(), "x");
  EXPECT_TRUE(loop.run_until([&] { return ka.called + kb.called > 0; }));
  loop.turns(3);
  EXPECT_EQ(ka.called + kb.called, 1);
}

// Closes its transport when it is called, and opens it again with another socket under the same
// number.
struct Reopener final : TransportReader {
  Reopener(EventLoop& l, Transport& t, int n) : loop(l), transport(t), number(n) {}
  void on_readable() override {
    ++called;
    if (!next) {
      char byte;
      while (::recv(number, &byte, 1, 0) > 0) ++bytes;
      return;
    }
    transport.close();
    const UniqueFd socket = std::move(next);
    ASSERT_EQ(::fcntl(socket.get(), F_DUPFD_CLOEXEC, number), number);
    ASSERT_TRUE(transport.open(loop, number));
    transport.set_reader(this);
  }
  EventLoop& loop;
  Transport& transport;
  const int number;
  UniqueFd next;
  int called = 0, bytes = 0;
};

// Trap T3. Another process holds the old socket too (a child, a successor): if its number were
// closed before the watch stops, epoll would continue to report it to the new owner of the number.
TEST(EventLoop, DescriptorNumberReusedInTheSameCallbackReportsOnlyTheNewSocket) {
  TestLoop loop;
  SocketPair before = tcp_pair(), after = tcp_pair();
  const UniqueFd held(::dup(before.b.get()));
  const int number = before.b.release();
  Transport transport;
  ASSERT_TRUE(transport.open(loop.loop, number));
  Reopener reader(loop.loop, transport, number);
  transport.set_reader(&reader);
  reader.next = std::move(after.b);
  send_all(before.a.get(), "x");
  ASSERT_TRUE(loop.run_until([&] { return reader.called == 1; }));

  send_all(after.a.get(), "heard");
  EXPECT_TRUE(loop.run_until([&] { return reader.bytes == 5; }));
  loop.turns(3);
  const int called = reader.called;
  send_all(before.a.get(), "for the old one");
  loop.turns(5);
  EXPECT_EQ(reader.called, called);
  send_all(after.a.get(), "still heard");
  EXPECT_TRUE(loop.run_until([&] { return reader.bytes == 16; }));
}

TEST(EventLoop, DeadlineOfAnObjectClosedByIoInTheSameTurnDoesNotFire) {  // trap T7
  TestLoop loop;
  SocketPair pair = tcp_pair();
  Transport transport;
  ASSERT_TRUE(transport.open(loop.loop, pair.b.release()));
  int fired = 0;
  Timer timer(loop.loop, [&] { ++fired; });
  struct Reader final : TransportReader {
    explicit Reader(Timer& t) : timer(t) {}
    void on_readable() override {
      ++called;
      timer.cancel();
    }
    Timer& timer;
    int called = 0;
  } reader(timer);
  transport.set_reader(&reader);
  timer.set_in(50ms);
  send_all(pair.a.get(), "x");
  loop.clock.advance(1s);
  ASSERT_TRUE(loop.run_until([&] { return reader.called > 0; }, 3));
  EXPECT_EQ(fired, 0);
}

TEST(Signals, SignalBeforeTheLoopRunsIsDeliveredWithItsSender) {
  block_signals();
  ::raise(SIGHUP);
  TestLoop loop;
  std::vector<int> seen;
  Signals signals(loop.loop, [&](const ReceivedSignal& signal) {
    EXPECT_EQ(signal.pid, ::getpid());
    EXPECT_EQ(signal.uid, ::getuid());
    seen.push_back(signal.number);
  });
  ::kill(::getpid(), SIGUSR1);
  EXPECT_TRUE(loop.run_until([&] { return seen.size() == 2; }));
  EXPECT_EQ(seen, (std::vector<int>{SIGHUP, SIGUSR1}));
}

}  // namespace
}  // namespace weir::test
