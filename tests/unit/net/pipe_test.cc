#include "net/pipe.h"

#include "base/random.h"
#include "support/pipe_fixture.h"

namespace weir::test {
namespace {

std::string pattern(size_t size) {
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
  PipeResources resources{loop.loop, {}, {}};
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

TEST_P(PipeTest, PassesAHalfCloseOn_AndKeepsTheOtherDirection) {
  send_all(f.client_end.get(), "last words");
  ::shutdown(f.client_end.get(), SHUT_WR);
  std::string at_backend;
  bool end = false;
  ASSERT_TRUE(run_until([&] { return end = end || read_all(f.backend_end.get(), at_backend); }));
  EXPECT_EQ(at_backend, "last words");
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

TEST_P(PipeTest, DoesNotReadWhileTheSinkIsFull_AndGoesOnWhenItIsNot) {
  const std::string bytes = pattern(48 << 20);
  size_t sent = 0;
  // The backend does not read: what the client can get rid of is bounded by the kernel's buffers
  // and one of ours.
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

TEST_P(PipeTest, ABulkTransferIsSpliced_AndSmallTalkIsCopiedAgain) {
  const std::string bytes = pattern(4 << 20);
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
TEST_P(PipeTest, ManySmallSegmentsThroughAKernelPipe_ArriveWhole) {
  const std::string bulk = pattern(1 << 20);
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
    const std::string small = pattern(10);
    while (::send(f.client_end.get(), small.data(), small.size(), MSG_NOSIGNAL) < 0) loop.turns(1);
    sent += small;
  }
  got.clear();
  EXPECT_TRUE(
      run_until([&] { return read_all(f.backend_end.get(), got), got.size() == sent.size(); }));
  EXPECT_TRUE(got == sent);
}

// Fairness (traps T5, T6): the kernel holds megabytes for one connection, a byte for the other.
TEST(TcpPipe, AFloodYields_SoThatOthersGetTheirTurn_AndGoesOnByItself) {
  TestLoop loop;
  PipeResources resources{loop.loop, {}, {}};
  std::vector<KernelPipe*>
      all;  // none is left for the flood: it copies, and its blocks are counted
  while (KernelPipe* pipe = resources.kernel_pipes.lend()) all.push_back(pipe);
  SocketPair flooded = tcp_pair();
  const std::string bytes = pattern(16 << 20);
  size_t sent = 0;  // before the pipe is there: its source is readable from the first event on
  for (ssize_t n = 1; n > 0; sent += n > 0 ? static_cast<size_t>(n) : 0)
    n = ::send(flooded.a.get(), &bytes[sent], bytes.size() - sent, MSG_NOSIGNAL);
  // Once for the event, once resumed behind everybody else's events.
  constexpr size_t kTurn = 2 * HalfPipe::kChunksPerTurn * kBlockSize;
  ASSERT_GT(sent, 3 * kTurn) << "the kernel's buffers are too small to show anything";
  PipeFixture flood{resources, std::move(flooded), tcp_pair()},
      other{resources, tcp_pair(), tcp_pair()};
  send_all(other.client_end.get(), "x");

  loop.turns(1);
  EXPECT_GT(flood.pipe.request.moved(), 0u);
  EXPECT_LE(flood.pipe.request.moved(), kTurn);
  EXPECT_TRUE(flood.client.readable()) << "the budget ended the turn, not the source";
  std::string got;
  read_all(other.backend_end.get(), got);
  EXPECT_EQ(got, "x") << "served in the same turn";

  loop.turns(1);  // resumed, although no event says so
  EXPECT_GT(flood.pipe.request.moved(), kTurn);
  EXPECT_LE(flood.pipe.request.moved(), 2 * kTurn);
  std::string arrived;
  EXPECT_TRUE(loop.run_until([&] {
    read_all(flood.backend_end.get(), arrived);
    return arrived.size() == sent;
  }));
  EXPECT_TRUE(arrived == std::string_view(bytes).substr(0, sent));
  for (KernelPipe* pipe : all) resources.kernel_pipes.take_back(pipe);
}

TEST(TcpPipe, AResetOfTheSource_IsSeenEvenWhileNobodyReads) {
  TestLoop loop;
  PipeResources resources{loop.loop, {}, {}};
  PipeFixture f{resources, tcp_pair(), tcp_pair()};
  const std::string bytes = pattern(64 << 10);
  ASSERT_TRUE(loop.run_until([&] {
    while (::send(f.client_end.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
    return f.pipe.request.blocked();
  }));
  loop.turns(10);
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  EXPECT_TRUE(loop.run_until([&] { return f.over; }));
  EXPECT_EQ(f.pipe.request.state(), HalfPipe::State::source_failed);
  EXPECT_TRUE(f.client.was_reset());
}

// libevent says only "readable, writable" of an error, and a read that empties the socket looks
// like any other.
TEST(TcpPipe, AResetRightBehindTheLastBytes_IsNoticedSoon) {
  TestLoop loop;
  PipeResources resources{loop.loop, {}, {}};
  PipeFixture f{resources, tcp_pair(), tcp_pair()};
  loop.turns(2);
  send_all(f.client_end.get(), "last words");
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  std::string at_backend;
  EXPECT_TRUE(loop.run_until([&] {
    read_all(f.backend_end.get(), at_backend);
    return at_backend == "last words";
  }));
  loop.advance(2s);
  loop.turns(2);
  EXPECT_EQ(f.pipe.request.state(), HalfPipe::State::source_failed);
  EXPECT_TRUE(f.client.was_reset());
}

TEST(TcpPipe, AResetAfterTheFin_IsSeenWhileTheOtherSideIsSilent) {
  TestLoop loop;
  PipeResources resources{loop.loop, {}, {}};
  PipeFixture f{resources, tcp_pair(), tcp_pair()};
  ::shutdown(f.client_end.get(), SHUT_WR);
  ASSERT_TRUE(loop.run_until([&] { return f.pipe.request.state() == HalfPipe::State::ended; }));
  reset_on_close(f.client_end.get());
  f.client_end.reset();
  EXPECT_TRUE(
      loop.run_until([&] { return f.pipe.request.state() == HalfPipe::State::source_failed; }));
  EXPECT_TRUE(f.client.was_reset());
}

// Trap T4: the read is short, and the FIN gives no edge of its own.
TEST(TcpPipe, BytesAndFinInOneEdge_BothArrive) {
  TestLoop loop;
  PipeResources resources{loop.loop, {}, {}};
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
