#include "net/pipe.h"

#include "base/random.h"
#include "support/pipe_fixture.h"

namespace weir::test {
namespace {

std::string random_bytes(size_t size) {
  std::string bytes(size, '\0');
  Random random(size);
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

class PipeTest : public testing::TestWithParam<bool> {
 protected:
  SocketPair pair() { return GetParam() ? tcp_pair() : unix_pair(); }
  bool run_until(std::function<bool()> done) { return loop.run_until(done); }

  TestLoop loop;
  PipeResources resources{loop.loop};
  PipeFixture f{resources, pair(), pair()};
};

INSTANTIATE_TEST_SUITE_P(Sockets, PipeTest, testing::Values(false, true),
                         [](const auto& kind) { return kind.param ? "tcp" : "unix"; });

TEST_P(PipeTest, CarriesBytesBothWays) {
  send_all(f.client_end.get(), "question");
  send_all(f.backend_end.get(), "answer");
  std::string at_backend, at_client;
  EXPECT_TRUE(run_until([&] {
    read_all(f.backend_end.get(), at_backend);
    read_all(f.client_end.get(), at_client);
    return at_backend == "question" && at_client == "answer";
  }));
  EXPECT_EQ(f.pipe.request.moved(), 8u);
  EXPECT_EQ(f.pipe.response.moved(), 6u);
}

TEST_P(PipeTest, HoldsNothingWhenIdle) {
  send_all(f.client_end.get(), "x");
  std::string got;
  ASSERT_TRUE(run_until([&] { return read_all(f.backend_end.get(), got), got == "x"; }));
  EXPECT_EQ(resources.buffers.lent(), 0u);
  EXPECT_EQ(resources.kernel_pipes.lent(), 0u);
}

TEST_P(PipeTest, ForwardsAHalfCloseAndKeepsTheOtherDirection) {
  send_all(f.client_end.get(), "last bytes");
  ::shutdown(f.client_end.get(), SHUT_WR);
  std::string at_backend;
  bool end = false;
  ASSERT_TRUE(run_until([&] { return end = end || read_all(f.backend_end.get(), at_backend); }));
  EXPECT_EQ(at_backend, "last bytes");
  EXPECT_TRUE(f.pipe.half_closed());
  EXPECT_FALSE(f.over);
  send_all(f.backend_end.get(), "late answer");
  ::shutdown(f.backend_end.get(), SHUT_WR);
  std::string at_client;
  end = false;
  ASSERT_TRUE(run_until([&] { return end = end || read_all(f.client_end.get(), at_client); }));
  EXPECT_EQ(at_client, "late answer");
  EXPECT_TRUE(f.over);
  EXPECT_TRUE(f.pipe.ended());
}

TEST_P(PipeTest, StopsReadingWhileTheSinkIsFullAndResumesAfterwards) {
  const std::string bytes = random_bytes(48 << 20);
  size_t sent = 0;
  // The backend does not read: the buffers of the kernel and one of weir bound the bytes that the
  // client can send.
  const auto push = [&] {
    for (;;) {
      const ssize_t n =
          ::send(f.client_end.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<size_t>(n);
    }
  };
  size_t before = 1;
  ASSERT_TRUE(run_until([&] {
    push();
    loop.turns(4);
    return f.pipe.request.blocked() && std::exchange(before, sent) == sent;
  }));
  ASSERT_LT(sent, bytes.size());
  EXPECT_LE(f.pipe.request.in_hand(), size_t{kKernelPipeSize});
  std::string got;
  ASSERT_TRUE(run_until([&] {
    push();
    read_all(f.backend_end.get(), got);
    return got.size() == bytes.size();
  }));
  EXPECT_TRUE(got == bytes);
  EXPECT_EQ(resources.buffers.lent(), 0u);
}

TEST_P(PipeTest, BulkTransfersAreSplicedAndSmallMessagesAreCopied) {
  const std::string bytes = random_bytes(4 << 20);
  size_t sent = 0;
  std::string got;
  bool spliced = false;
  ASSERT_TRUE(run_until([&] {
    const ssize_t n =
        ::send(f.client_end.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<size_t>(n);
    read_all(f.backend_end.get(), got);
    spliced |= f.pipe.request.splicing();
    return got.size() == bytes.size();
  }));
  EXPECT_TRUE(got == bytes);
  EXPECT_TRUE(spliced);
  for (int i = 0; i < 32 && f.pipe.request.splicing(); ++i) {
    got.clear();
    send_all(f.client_end.get(), "ping");
    ASSERT_TRUE(run_until([&] { return read_all(f.backend_end.get(), got), got == "ping"; }));
  }
  EXPECT_FALSE(f.pipe.request.splicing());
  EXPECT_EQ(resources.kernel_pipes.lent(), 0u);
}

// Trap of splice(2): a kernel pipe has slots, not bytes, and EAGAIN may mean either.
TEST_P(PipeTest, ManySmallSegmentsThroughAKernelPipeArriveComplete) {
  const std::string bulk = random_bytes(1 << 20);
  std::string sent, got;
  size_t at = 0;
  ASSERT_TRUE(run_until([&] {
    const ssize_t n = ::send(f.client_end.get(), bulk.data() + at, bulk.size() - at, MSG_NOSIGNAL);
    if (n > 0) at += static_cast<size_t>(n);
    read_all(f.backend_end.get(), got);
    return got.size() == bulk.size();
  }));
  ASSERT_TRUE(f.pipe.request.splicing());
  for (int i = 0; i < 600; ++i) {
    const std::string small = random_bytes(10);
    while (::send(f.client_end.get(), small.data(), small.size(), MSG_NOSIGNAL) < 0) loop.turns(1);
    sent += small;
  }
  got.clear();
  EXPECT_TRUE(
      run_until([&] { return read_all(f.backend_end.get(), got), got.size() == sent.size(); }));
  EXPECT_TRUE(got == sent);
}

struct IgnoringObserver final : PipeObserver {
  void on_pipe() override {}
};

// Fairness (traps T5, T6): the source has more bytes than a turn may move, and no event will report
// them.
TEST(UnixPipe, FloodYieldsToOtherSessionsAndResumesByItself) {
  TestLoop loop;
  PipeResources resources{loop.loop};
  std::vector<KernelPipe*>
      all;  // no kernel pipe is left for the flood: it copies, and its blocks are counted
  while (KernelPipe* pipe = resources.kernel_pipes.lend()) all.push_back(pipe);
  constexpr int kBuffer = 208 << 10;  // the maximum without privileges; the kernel doubles it
  constexpr size_t kTurn = HalfPipe::kChunksPerTurn * kBlockSize;
  SocketPair from = unix_pair(kBuffer), to = unix_pair(kBuffer);
  const std::string bytes = random_bytes(1 << 20);
  size_t sent = 0;
  for (ssize_t n; (n = ::send(from.a.get(), &bytes[sent], 16384, MSG_NOSIGNAL)) > 0;)
    sent += static_cast<size_t>(n);
  ASSERT_GT(sent, kTurn) << "the kernel's buffers are too small to show anything";
  IgnoringObserver observer;
  Transport source, sink;
  ASSERT_TRUE(source.open(loop.loop, from.b.release()));
  ASSERT_TRUE(sink.open(loop.loop, to.b.release()));
  HalfPipe flood(resources, source, sink, observer);
  PipeFixture other{resources, unix_pair(), unix_pair()};
  loop.turns(1);  // the source is known to be readable, and has not been read
  flood.start();
  send_all(other.client_end.get(), "x");

  EXPECT_EQ(flood.pump(), HalfPipe::State::open);
  EXPECT_EQ(flood.moved() + flood.in_hand(), kTurn);
  EXPECT_TRUE(source.readable()) << "the budget has ended, not the bytes";
  std::string got, at_other;
  read_all(to.a.get(), got);
  loop.turns(1);
  read_all(other.backend_end.get(), at_other);
  EXPECT_EQ(at_other, "x");
  EXPECT_EQ(flood.moved(), sent) << "resumed without an event";
  read_all(to.a.get(), got);
  EXPECT_TRUE(got == std::string_view(bytes).substr(0, sent));
  for (KernelPipe* pipe : all) resources.kernel_pipes.take_back(pipe);
}

// The pipe does not read while the sink is full; it delivers the received bytes when the sink has
// space.
TEST(TcpPipe, ResetOfSourceIsDetectedWhileSinkBlocksAndReceivedBytesAreDelivered) {
  TestLoop loop;
  PipeResources resources{loop.loop};
  PipeFixture f{resources, tcp_pair(), tcp_pair()};
  const std::string bytes = random_bytes(64 << 10);
  size_t sent = 0;
  ASSERT_TRUE(loop.run_until([&] {
    for (ssize_t n; (n = ::send(f.client_end.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL)) > 0;)
      sent += static_cast<size_t>(n);
    return f.pipe.request.blocked();
  }));
  loop.turns(10);
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  EXPECT_TRUE(loop.run_until([&] { return f.pipe.half_closed(); }));
  EXPECT_EQ(f.pipe.request.state(), HalfPipe::State::open);
  EXPECT_TRUE(f.client.was_reset());
  std::string got;
  EXPECT_TRUE(loop.run_until([&] { return read_all(f.backend_end.get(), got), f.over; }));
  EXPECT_EQ(f.pipe.request.state(), HalfPipe::State::source_failed);
  EXPECT_GT(f.pipe.request.moved(), sent / 2) << "of " << sent;
}

// libevent reports only "readable, writable" for an error, and a read that empties the socket looks
// like any other.
TEST(TcpPipe, ResetDirectlyAfterTheLastBytesIsDetectedSoon) {
  TestLoop loop;
  PipeResources resources{loop.loop};
  PipeFixture f{resources, tcp_pair(), tcp_pair()};
  loop.turns(2);
  send_all(f.client_end.get(), "last bytes");
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  std::string at_backend;
  EXPECT_TRUE(loop.run_until([&] {
    read_all(f.backend_end.get(), at_backend);
    return at_backend == "last bytes";
  }));
  loop.advance(2s);
  loop.turns(2);
  EXPECT_EQ(f.pipe.request.state(), HalfPipe::State::source_failed);
  EXPECT_TRUE(f.client.was_reset());
}

// No read follows that could detect the reset.
TEST(TcpPipe, ResetAfterMoreBytesThanTheSinkAcceptsIsDetectedSoon) {
  TestLoop loop;
  PipeResources resources{loop.loop};
  PipeFixture f{resources, tcp_pair(), unix_pair(4096)};
  loop.turns(2);
  const std::string bytes = random_bytes(64 << 10);
  size_t sent = 0;
  for (ssize_t n; (n = ::send(f.client_end.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL)) > 0;)
    sent += static_cast<size_t>(n);
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  ASSERT_TRUE(loop.run_until([&] { return f.pipe.request.blocked(); }));
  loop.turns(10);
  ASSERT_FALSE(f.pipe.half_closed()) << "the test proves nothing";
  loop.advance(2s);
  loop.turns(2);
  EXPECT_TRUE(f.pipe.half_closed());
  EXPECT_TRUE(f.client.was_reset());
  std::string got;
  EXPECT_TRUE(loop.run_until([&] { return read_all(f.backend_end.get(), got), f.over; }));
  EXPECT_EQ(f.pipe.request.state(), HalfPipe::State::source_failed);
  EXPECT_GE(f.pipe.request.moved(), size_t{64 << 10}) << "of " << sent;
}

TEST(TcpPipe, ResetAfterTheFinIsDetectedWhileTheOtherSideIsSilent) {
  TestLoop loop;
  PipeResources resources{loop.loop};
  PipeFixture f{resources, tcp_pair(), tcp_pair()};
  ::shutdown(f.client_end.get(), SHUT_WR);
  ASSERT_TRUE(loop.run_until([&] { return f.pipe.request.state() == HalfPipe::State::ended; }));
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  EXPECT_TRUE(
      loop.run_until([&] { return f.pipe.request.state() == HalfPipe::State::source_failed; }));
  EXPECT_TRUE(f.client.was_reset());
}

// splice(2) stops before urgent data: it returns 0 once a FIN has come and EAGAIN before that, and
// neither says that the source is empty (RFC 9293 3.8.5).
class UrgentByteTest : public testing::Test {
 protected:
  // One direction that is spliced.
  void become_bulk() {
    const std::string bulk = random_bytes(4 << 20);
    size_t at = 0;
    std::string got;
    ASSERT_TRUE(loop.run_until([&] {
      const ssize_t n =
          ::send(f.client_end.get(), bulk.data() + at, bulk.size() - at, MSG_NOSIGNAL);
      if (n > 0) at += static_cast<size_t>(n);
      read_all(f.backend_end.get(), got);
      return got.size() == bulk.size();
    }));
    ASSERT_TRUE(f.pipe.request.splicing());
  }
  // Sends `before`, an urgent byte, `behind`; returns the bytes that arrive.
  std::string carried(const std::string& before, const std::string& behind, bool fin) {
    std::string got;
    size_t sent = 0;
    bool urgent = false, finished = false;
    const std::string all = before + behind;
    loop.run_until([&] {
      for (;;) {
        const size_t until = urgent ? all.size() : before.size();
        const ssize_t n = ::send(f.client_end.get(), &all[sent], until - sent, MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<size_t>(n);
        if (sent < until) break;
        if (!urgent) {
          if (::send(f.client_end.get(), "!", 1, MSG_OOB | MSG_NOSIGNAL) != 1) break;
          urgent = true;
          continue;
        }
        if (fin && !finished) ::shutdown(f.client_end.get(), SHUT_WR), finished = true;
        break;
      }
      ended |= read_all(f.backend_end.get(), got);
      return got.size() == all.size() && (!fin || ended);
    });
    EXPECT_TRUE(got == all) << got.size() << " of " << all.size();
    return got;
  }

  TestLoop loop;
  PipeResources resources{loop.loop};
  PipeFixture f{resources, tcp_pair(), tcp_pair()};
  bool ended = false;
};

TEST_F(UrgentByteTest, InASplicedStreamDoesNotEndIt) {
  become_bulk();
  carried(std::string(1'000'000, 'a'), std::string(1'000'000, 'e'), true);
  EXPECT_TRUE(ended);
  EXPECT_EQ(f.pipe.request.state(), HalfPipe::State::ended);
}

TEST_F(UrgentByteTest, AtTheBeginningOfASpliceDoesNotStallIt) {
  become_bulk();
  carried("", std::string(30'000, 'e'), false);
  carried("", std::string(30'000, 'f'), true);
  EXPECT_TRUE(ended);
}

TEST_F(UrgentByteTest, InTheMiddleOfASpliceDoesNotStallIt) {
  become_bulk();
  for (int i = 0; i < 5; ++i) carried(std::string(30'000, 'a'), std::string(30'000, 'e'), false);
  carried(std::string(30'000, 'a'), "e", true);
  EXPECT_TRUE(ended);
}

// Both the error and the bytes after the urgent one have been received.
TEST_F(UrgentByteTest, BeforeAResetDoesNotLoseTheFollowingBytes) {
  become_bulk();
  loop.turns(3);
  send_all(f.client_end.get(), std::string(30'000, 'a'));
  ASSERT_EQ(::send(f.client_end.get(), "!", 1, MSG_OOB | MSG_NOSIGNAL), 1);
  send_all(f.client_end.get(), std::string(30'000, 'e'));
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  std::string got;
  loop.run_until(
      [&] {
        read_all(f.backend_end.get(), got);
        return got.size() == 60'000;
      },
      50);
  EXPECT_EQ(got.size(), 60'000u);
}

// A read stops there, too, and no event reports the rest.
TEST_F(UrgentByteTest, InSmallMessagesDelaysTheFollowingBytesBriefly) {
  loop.turns(2);
  send_all(f.client_end.get(), "a");
  ASSERT_EQ(::send(f.client_end.get(), "!", 1, MSG_OOB | MSG_NOSIGNAL), 1);
  send_all(f.client_end.get(), "e");
  std::string got;
  ASSERT_TRUE(loop.run_until([&] {
    read_all(f.backend_end.get(), got);
    return got.starts_with("a");
  }));
  loop.turns(5);
  loop.advance(2s);
  loop.turns(2);
  EXPECT_TRUE(loop.run_until([&] {
    read_all(f.backend_end.get(), got);
    return got == "ae";
  }));
  EXPECT_FALSE(f.pipe.request.splicing());
}

// Trap T4: the read is short, and the FIN gives no edge of its own.
TEST(TcpPipe, BytesAndFinInOneEventBothArrive) {
  TestLoop loop;
  PipeResources resources{loop.loop};
  for (int i = 0; i < 200; ++i) {
    PipeFixture f{resources, tcp_pair(), tcp_pair()};
    send_all(f.client_end.get(), "bytes");
    ::shutdown(f.client_end.get(), SHUT_WR);
    std::string got;
    bool end = false;
    ASSERT_TRUE(loop.run_until([&] { return end = end || read_all(f.backend_end.get(), got); }))
        << i;
    EXPECT_EQ(got, "bytes");
    f.close();
  }
}

}  // namespace
}  // namespace weir::test
