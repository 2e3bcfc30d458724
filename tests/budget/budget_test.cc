// The budget of a session: system calls, allocations and locks of the real binary, counted in the
// kernel and the C library. No times.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <fstream>

#include "budget/counts.h"
#include "budget/system_calls.h"
#include "support/config_text.h"
#include "support/http_backend.h"
#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/tls_steps.h"
#include "support/weir_build.h"

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;

// The table that budget_counting.cc fills, and the environment that makes weir load it.
class CountsFile {
 public:
  CountsFile() {
    char name[] = "/tmp/weir-budget-XXXXXX";
    const UniqueFd fd(::mkstemp(name));
    path_ = name;
    CHECK(::ftruncate(fd.get(), sizeof(budget::Counts)) == 0);
    void* mapped = ::mmap(nullptr, sizeof(budget::Counts), PROT_READ, MAP_SHARED, fd.get(), 0);
    CHECK(mapped != MAP_FAILED);
    counts_ = static_cast<const budget::Counts*>(mapped);
  }
  ~CountsFile() {
    ::munmap(const_cast<budget::Counts*>(counts_), sizeof(budget::Counts));
    ::unlink(path_.c_str());
  }
  std::vector<std::string> environment() const {
    return {"LD_PRELOAD=" + weir_module("budget_counting"),
            std::string(budget::kFileVariable) + "=" + path_};
  }
  // Null: the thread has not allocated or locked, or counting is off.
  const budget::ThreadCounts* of(pid_t thread) const {
    for (const budget::ThreadCounts& row : counts_->threads)
      if (row.thread == thread) return &row;
    return nullptr;
  }

 private:
  std::string path_;
  const budget::Counts* counts_;
};

struct Cost {
  CallCounts calls;
  uint64_t allocations = 0, locks = 0;
  uint64_t of(long call) const {
    const auto found = calls.find(call);
    return found != calls.end() ? found->second : 0;
  }
  uint64_t all_calls() const {
    uint64_t n = 0;
    for (const auto& [call, times] : calls) n += times;
    return n;
  }
  friend Cost operator-(Cost later, const Cost& earlier) {
    for (const auto& [call, times] : earlier.calls)
      if ((later.calls[call] -= times) == 0) later.calls.erase(call);
    later.allocations -= earlier.allocations;
    later.locks -= earlier.locks;
    return later;
  }
};

std::ostream& operator<<(std::ostream& out, const Cost& cost) {
  out << cost.allocations << " allocations, " << cost.locks << " locks, calls by number:";
  for (const auto& [call, times] : cost.calls) out << ' ' << call << '=' << times;
  return out;
}

class BudgetTest : public testing::Test {
 protected:
  // One worker in front of `backend`, with a session in its steady state.
  void serve(const LoadServer& backend) {
    serve(simple(bind_, {backend.address()}, "global:\n  workers: 1\n"));
  }
  // `listener`: more keys of it.
  void serve(const HttpBackend& backend, const std::string& listener = "") {
    serve(
        fmt::format("global: {{ workers: 1 }}\nlogging: {{ access: {{ output: none }} }}\n"
                    "listeners:\n  - {{ bind: \"{}\", protocol: http, cluster: app{} }}\n"
                    "clusters:\n  - {{ name: app, backends: [\"{}\"] }}\n",
                    bind_.text(), listener, backend.address().text()));
  }
  void serve(const std::string& config) {
    weir_.emplace(config, ProxyOptions{.environment = counts_.environment()});
    worker_ = thread_named(weir_->pid(), "worker-0");
    ASSERT_GT(worker_, 0);
    calls_.emplace(weir_->pid(), worker_);
    client_ = Socket::connect(bind_);
    ASSERT_TRUE(client_);
  }
  // The cost so far, when the worker has nothing to do.
  Cost cost() const {
    const CallCounts calls = calls_->at_rest();
    EXPECT_FALSE(calls.empty()) << "the worker cannot be traced, or does not come to rest";
    const budget::ThreadCounts* counts = counts_.of(worker_);
    EXPECT_NE(counts, nullptr) << "the worker made its session without an allocation?";
    if (counts == nullptr) return {calls};
    return {calls, counts->allocations, counts->locks};
  }
  void round_trips(int n) {
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(client_.send("question"));
      ASSERT_EQ(client_.receive(8), "question");
    }
  }

  // Requests one after the other, each answered before the next.
  void requests(int n) {
    constexpr std::string_view kRequest =
        "GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
    const auto whole = [](const std::string& answer) { return answer.ends_with("hello, world"); };
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(client_.send(kRequest));
      std::string answer = client_.receive(answer_size_);
      for (; answer_size_ == 0 && !whole(answer);) {  // the first one gives the size
        answer += client_.receive(1);
        ASSERT_LT(answer.size(), 1000u) << answer;
      }
      answer_size_ = answer.size();
      ASSERT_TRUE(whole(answer)) << answer;
    }
  }

  static void expect_nothing_but_moving(const Cost& cost) {
    EXPECT_EQ(cost.of(SYS_epoll_ctl), 0u) << "a session is registered once; " << cost;
    EXPECT_EQ(cost.allocations, 0u) << cost;
    EXPECT_EQ(cost.locks, 0u) << cost;
  }

  const Address bind_ = free_address();
  const CountsFile counts_;
  std::optional<ProxyProcess> weir_;
  pid_t worker_ = 0;
  std::optional<SystemCalls> calls_;  // destroyed before weir is killed
  Socket client_;
  size_t answer_size_ = 0;
};

constexpr int kRoundTrips = 1000;
// The timer wheel wakes for a deadline occasionally, each time with a recheck of a socket.
constexpr uint64_t kWakes = 60;

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
TEST_F(BudgetTest, ResponseOfAMegabyteIsSplicedFromTheBeginning) {
  constexpr size_t kSize = 1 << 20;
  constexpr int kAnswers = 50;
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
  const Cost before = cost();
  ASSERT_NO_FATAL_FAILURE(take(kAnswers));
  const Cost spent = cost() - before;
  expect_nothing_but_moving(spent);
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

TEST_F(BudgetTest, BulkIsSplicedWithFewCallsAMegabyteAndNoAllocation) {
  constexpr size_t kWarm = 16 << 20, kMeasured = 128 << 20, kMegabyte = 1 << 20;
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
  const Cost before = cost();  // the client does not read now: all buffers are full
  ASSERT_NO_FATAL_FAILURE(take(kMeasured));
  const Cost spent = cost() - before;
  expect_nothing_but_moving(spent);
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
