// The budget of a session: system calls, allocations and locks of the real binary, counted in the
// kernel and the C library. No times.
#include "budget/budget_fixture.h"
#include "support/tls_steps.h"

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;

TEST_F(BudgetTest, RoundTripCostsSixSystemCallsNoAllocationAndNoLock) {
  LoadServer backend(Behaviour::echo);
  ASSERT_NO_FATAL_FAILURE(serve(backend));
  ASSERT_NO_FATAL_FAILURE(round_trips(100));  // for the allocations that are made once
  const Cost before = cost();
  ASSERT_NO_FATAL_FAILURE(round_trips(kRoundTrips));
  const Cost spent = cost() - before;
  expect_nothing_but_moving(spent);
  EXPECT_EQ(spent.of(SYS_sendto), 2u * kRoundTrips) << spent;
  for (const long call : {kWait, long{SYS_recvfrom}}) {
    EXPECT_GE(spent.of(call), 2u * kRoundTrips) << spent;
    EXPECT_LE(spent.of(call), 2u * kRoundTrips + kWakes) << spent;
  }
  EXPECT_LE(spent.all_calls(), 6u * kRoundTrips + 2 * kWakes) << "something else; " << spent;
}

// Two for the client and two for the backend; both connections are kept.
TEST_F(BudgetTest, RequestCostsFourDataCallsNoAllocationAndNoLock) {
  HttpBackend backend([](HttpPeer& peer, HttpMessage&) {
    return peer.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello, world");
  });
  ASSERT_NO_FATAL_FAILURE(serve(backend));
  ASSERT_NO_FATAL_FAILURE(requests(100));
  const Cost before = cost();
  ASSERT_NO_FATAL_FAILURE(requests(kRoundTrips));
  const Cost spent = cost() - before;
  expect_nothing_but_moving(spent);
  EXPECT_EQ(spent.of(SYS_sendto) + spent.of(SYS_sendmsg), 2u * kRoundTrips) << spent;
  for (const long call : {kWait, long{SYS_recvfrom}}) {
    EXPECT_GE(spent.of(call), 2u * kRoundTrips) << spent;
    EXPECT_LE(spent.of(call), 2u * kRoundTrips + kWakes) << spent;
  }
  EXPECT_LE(spent.all_calls(), 6u * kRoundTrips + 2 * kWakes) << "something else; " << spent;
}

// Head and first bytes in one message, the rest without copying.
// As for bulk: a backend that falls behind within a response makes small reads.
TEST_F(BudgetTest, ResponseOfAMegabyteIsSplicedFromTheBeginning) {
  constexpr size_t kSize = 1 << 20;
  constexpr int kAnswers = 50, kMeasurements = 6;
  const std::string answer =
      fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", kSize) + std::string(kSize, 'x');
  HttpBackend backend([&](HttpPeer& peer, HttpMessage&) { return peer.send(answer); });
  ASSERT_NO_FATAL_FAILURE(serve(backend));
  const auto take = [&](int n) {
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(client_.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
      for (std::string head; !head.ends_with("\r\n\r\n");) {
        head += client_.receive(1);
        ASSERT_LT(head.size(), 1000u);
      }
      ASSERT_EQ(client_.receive(kSize).size(), kSize);
    }
  };
  ASSERT_NO_FATAL_FAILURE(take(5));
  Cost spent;
  for (int i = 0; i < kMeasurements; ++i) {
    const Cost before = cost();
    ASSERT_NO_FATAL_FAILURE(take(kAnswers));
    spent = cost() - before;
    expect_nothing_but_moving(spent);
    if (spent.of(SYS_recvfrom) <= 3u * kAnswers + kWakes) break;
  }
  EXPECT_LE(spent.of(SYS_recvfrom), 3u * kAnswers + kWakes) << spent;
  EXPECT_LE(spent.of(SYS_sendto) + spent.of(SYS_sendmsg), 2u * kAnswers + kWakes) << spent;
  EXPECT_GE(spent.of(SYS_splice), 2u * kAnswers) << spent;
}

// The worker keeps the memory of a connection for the next one. Although each connection is the
// only one, it neither gets memory from the kernel nor returns any.
TEST_F(BudgetTest, ConnectionPerRequestCostsTwelveCallsAndNoKernelMemory) {
  constexpr int kConnections = 300;
  HttpBackend backend([](HttpPeer& peer, HttpMessage&) {
    return peer.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world");
  });
  ASSERT_NO_FATAL_FAILURE(serve(backend));
  const auto connections = [&](int n) {
    for (int i = 0; i < n; ++i) {
      client_ = Socket::connect(bind_);
      ASSERT_TRUE(client_.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"));
      ASSERT_TRUE(client_.receive_all().ends_with("hello, world"));
    }
  };
  ASSERT_NO_FATAL_FAILURE(connections(50));
  const Cost before = cost();
  ASSERT_NO_FATAL_FAILURE(connections(kConnections));
  const Cost spent = cost() - before;
  EXPECT_LE(spent.of(SYS_accept4), 3u * kConnections / 2 + kWakes) << spent;
  EXPECT_EQ(spent.of(SYS_epoll_ctl), 2u * kConnections) << spent;
  EXPECT_EQ(spent.of(SYS_sendto) + spent.of(SYS_sendmsg), 2u * kConnections) << spent;
  EXPECT_EQ(spent.of(SYS_close), 1u * kConnections) << spent;
  EXPECT_LE(spent.all_calls(), 12u * kConnections + 2 * kWakes) << spent;
  EXPECT_LE(spent.allocations, 1u * kConnections) << spent;
  EXPECT_EQ(spent.locks, 0u) << spent;
  for (const long call : {SYS_madvise, SYS_mmap, SYS_munmap, SYS_brk})
    EXPECT_LE(spent.of(call), 10u) << spent;
}

// One read per wake-up, one send per response. libssl allocates: it frees the buffers of each
// record, which keeps idle connections small.
TEST_F(BudgetTest, RequestOverTlsCostsNoMoreCalls) {
  test::TestAuthority authority;
  const test::IssuedFiles files = authority.issue({.hosts = {"example.com"}});
  HttpBackend backend([](HttpPeer& peer, HttpMessage&) {
    return peer.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world");
  });
  ASSERT_NO_FATAL_FAILURE(serve(backend, ", " + tls_with(files.cert, files.key)));
  test::TlsPeer client(Socket::connect(bind_), {});
  ASSERT_EQ(test::handshake(client), test::TlsPeer::State::done) << client.error();
  const auto ask = [&](int n) {
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"));
      ASSERT_TRUE(test::receive_until(client, "hello, world").starts_with("HTTP/1.1 200"));
    }
  };
  ASSERT_NO_FATAL_FAILURE(ask(100));
  const Cost before = cost();
  ASSERT_NO_FATAL_FAILURE(ask(kRoundTrips));
  const Cost spent = cost() - before;
  EXPECT_EQ(spent.of(SYS_epoll_ctl), 0u) << spent;
  EXPECT_EQ(spent.of(SYS_sendto) + spent.of(SYS_sendmsg), 2u * kRoundTrips) << spent;
  EXPECT_LE(spent.of(SYS_recvfrom), 2u * kRoundTrips + kWakes) << spent;
  EXPECT_LE(spent.all_calls(), 6u * kRoundTrips + 2 * kWakes) << "something else; " << spent;
  EXPECT_LE(spent.allocations, 6u * kRoundTrips) << spent;
  EXPECT_EQ(spent.locks, 0u) << spent;
}

// Records go out together, as many as a block of 64 KiB makes.
TEST_F(BudgetTest, BulkOverTlsCostsFewCallsAMegabyte) {
  constexpr size_t kWarm = 4 << 20, kMeasured = 64 << 20, kMegabyte = 1 << 20;
  test::TestAuthority authority;
  const test::IssuedFiles files = authority.issue({.hosts = {"example.com"}});
  LoadServer backend(Behaviour::source, size_t{1} << 40);
  ASSERT_NO_FATAL_FAILURE(
      serve(config_text(listener("web", bind_, "app", tls_with(files.cert, files.key)),
                        cluster("app", {backend.address()}), "global: {workers: 1}\n")));
  test::TlsPeer client(Socket::connect(bind_), {});
  ASSERT_EQ(test::handshake(client), test::TlsPeer::State::done) << client.error();
  // At least `size` bytes: a client that is slower than weir finds more with each call.
  const auto take = [&](size_t size) {
    size_t got = 0;
    while (got < size) {
      const std::string bytes = client.receive();
      if (bytes.empty() && !wait_ready(client.socket().fd(), POLLIN)) break;
      got += bytes.size();
    }
    return got;
  };
  ASSERT_GE(take(kWarm), kWarm);
  const Cost before = cost();
  const size_t taken = take(kMeasured);
  ASSERT_GE(taken, kMeasured);
  const Cost spent = cost() - before;
  const uint64_t megabytes = taken / kMegabyte;
  std::cout << double(spent.all_calls()) / double(megabytes) << " calls a megabyte\n";
  EXPECT_GT(spent.of(SYS_sendto), 0u) << spent;
  EXPECT_LE(spent.of(SYS_sendto), 40 * megabytes) << "a record each takes 64; " << spent;
  EXPECT_LE(spent.of(SYS_recvfrom), 32 * megabytes) << spent;
  EXPECT_EQ(spent.of(SYS_epoll_ctl), 0u) << spent;
  EXPECT_EQ(spent.locks, 0u) << spent;
}

TEST_F(BudgetTest, ManySessionsCostNoMoreThanTheirRoundTrips) {
  constexpr int kSessions = 100, kEach = 20;
  LoadServer backend(Behaviour::echo);
  ASSERT_NO_FATAL_FAILURE(serve(backend));
  std::vector<Socket> clients;
  for (int i = 0; i < kSessions; ++i) clients.push_back(Socket::connect(bind_));
  const auto all_at_once = [&] {
    for (Socket& client : clients) ASSERT_TRUE(client.send("question"));
    for (Socket& client : clients) ASSERT_EQ(client.receive(8), "question");
  };
  for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(all_at_once());
  const Cost before = cost();
  for (int i = 0; i < kEach; ++i) ASSERT_NO_FATAL_FAILURE(all_at_once());
  const Cost spent = cost() - before;
  expect_nothing_but_moving(spent);
  EXPECT_EQ(spent.of(SYS_sendto), 2u * kSessions * kEach) << spent;
  EXPECT_LE(spent.of(SYS_recvfrom), (2u * kEach + 2) * kSessions) << spent;
  EXPECT_LE(spent.all_calls(), (6u * kEach + 2) * kSessions + kWakes) << spent;
}

// A backend that falls behind for a moment sends small pieces, which weir copies: that is no bulk.
// One of several measurements is without them.
TEST_F(BudgetTest, BulkIsSplicedWithFewCallsAMegabyteAndNoAllocation) {
  constexpr size_t kWarm = 16 << 20, kMeasured = 32 << 20, kMegabyte = 1 << 20;
  constexpr int kMeasurements = 12;
  LoadServer backend(Behaviour::source, size_t{1} << 40);
  ASSERT_NO_FATAL_FAILURE(serve(backend));
  const auto take = [&](size_t size) {
    for (size_t got = 0; got < size;) {
      const std::string bytes = client_.receive(kMegabyte);
      ASSERT_EQ(bytes.size(), kMegabyte);
      got += bytes.size();
    }
  };
  ASSERT_NO_FATAL_FAILURE(take(kWarm));
  Cost spent;
  for (int i = 0; i < kMeasurements; ++i) {
    const Cost before = cost();  // the client does not read now: all buffers are full
    ASSERT_NO_FATAL_FAILURE(take(kMeasured));
    spent = cost() - before;
    expect_nothing_but_moving(spent);
    if (spent.of(SYS_recvfrom) + spent.of(SYS_sendto) == 0) break;
  }
  EXPECT_GT(spent.of(SYS_splice), 0u) << spent;
  EXPECT_EQ(spent.of(SYS_recvfrom) + spent.of(SYS_sendto), 0u) << spent;
  std::cout << double(spent.all_calls()) / double(kMeasured / kMegabyte) << " calls a megabyte\n";
  EXPECT_LE(spent.all_calls(), 32 * (kMeasured / kMegabyte)) << "copying takes 130; " << spent;
}

TEST_F(BudgetTest, IdleSessionCostsNothing) {
  LoadServer backend(Behaviour::echo);
  ASSERT_NO_FATAL_FAILURE(serve(backend));
  ASSERT_NO_FATAL_FAILURE(round_trips(10));
  const Cost before = cost();
  EXPECT_TRUE(client_.silent(3s));
  const Cost spent = cost() - before;
  expect_nothing_but_moving(spent);
  EXPECT_LE(spent.of(kWait), 5u) << spent;  // rechecks, and buffers that are freed
  EXPECT_LE(spent.all_calls(), 15u) << spent;
}

}  // namespace
}  // namespace weir
