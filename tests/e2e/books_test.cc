// Many connections: the cost of each, and no leaks.
#include <ctime>
#include <iostream>
#include <map>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;
using Place = LoadServer::Place;

const uint64_t kIdleSessions = weir_is_sanitized() ? 2000 : 10'000;
const uint64_t kPassingSessions = weir_is_sanitized() ? 4000 : 20'000;

// A session needs two descriptors in weir, one in the test, and one in the process of the backend.
uint64_t sessions_possible(uint64_t wanted) {
  const uint64_t possible = (allow_many_descriptors() - 400) / 2;
  if (possible < wanted) {
    std::cout << "the descriptor limit allows " << possible << " sessions instead of " << wanted
              << '\n';
  }
  return std::min(possible, wanted);
}

TEST(Books, TenThousandIdleSessionsUseLittleMemoryAndLeakNothing) {
  const uint64_t wanted = sessions_possible(kIdleSessions);
  LoadServer backend(Behaviour::hold, 0, Place::process);
  const Address bind = free_address();
  ProxyProcess weir(simple(bind, {backend.address()}));
  Socket first = Socket::connect(bind);  // causes all allocations that are made once
  ASSERT_TRUE(backend.wait_active(1));
  first.reset();
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  const size_t descriptors = weir.open_descriptors();
  const size_t resident = weir.resident_bytes();

  std::vector<Socket> clients;
  for (uint64_t i = 0; i < wanted; ++i) {
    clients.push_back(Socket::connect(bind));
    ASSERT_TRUE(clients.back()) << i;
  }
  ASSERT_TRUE(weir.await_metric("weir_backend_connections_active", {}, double(wanted)));
  ASSERT_EQ(weir.scrape().sum("weir_connections_active"), double(wanted));
  const size_t grown = weir.resident_bytes() - resident;
  std::cout << wanted << " idle sessions: " << grown / wanted << " bytes resident each\n";
  EXPECT_TRUE(weir.await_metric("weir_buffer_bytes", {}, 0)) << "an idle session holds no buffer";
  if (!weir_is_sanitized()) {
    EXPECT_LT(grown / wanted, 4096u);
  }

  for (Socket& client : clients) client.reset();
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  EXPECT_EQ(weir.scrape().imbalance(), 0);
  EXPECT_LE(weir.open_descriptors(), descriptors + 2);
}

TEST(Books, TwentyThousandConnectionsLeakNothing) {
  allow_many_descriptors();
  LoadServer backend(Behaviour::echo, 0, Place::process);
  const Address bind = free_address();
  ProxyProcess weir(simple(bind, {backend.address()}));
  const size_t descriptors = weir.open_descriptors();
  size_t resident = 0;  // meaningless under a sanitizer, which keeps freed memory
  constexpr uint64_t kBatch = 100;
  for (uint64_t done = 0; done < kPassingSessions; done += kBatch) {
    std::vector<Socket> clients;
    for (uint64_t i = 0; i < kBatch; ++i) clients.push_back(Socket::connect(bind));
    for (Socket& client : clients) ASSERT_TRUE(client.send("hello"));
    for (Socket& client : clients) ASSERT_EQ(client.receive(5), "hello");
    // Every way to end: in order, all at once, aborted.
    for (uint64_t i = 0; i < kBatch; ++i) {
      if (i % 3 == 0) clients[i].finish();
      if (i % 3 == 1) clients[i].close();
      if (i % 3 == 2) clients[i].reset();
    }
    for (uint64_t i = 0; i < kBatch; i += 3) ASSERT_EQ(clients[i].wait_end(), Socket::End::fin);
    if (done == kPassingSessions / 4) resident = weir.resident_bytes();
  }
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.sum("weir_connections_total"), double(kPassingSessions));
  EXPECT_EQ(scrape.imbalance(), 0);
  EXPECT_EQ(scrape.sum("weir_backend_connections_active"), 0);
  EXPECT_LE(weir.open_descriptors(), descriptors + 2);
  if (!weir_is_sanitized()) {
    EXPECT_LE(weir.resident_bytes(), resident + (4 << 20));
  }
}

// The CPU time that weir has used so far.
Duration processor_time(const ProxyProcess& weir) {
  clockid_t clock;
  timespec time{};
  if (::clock_getcpuclockid(weir.pid(), &clock) == 0) ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Opens more sessions than there are descriptors for, and closes them. Returns the counted reasons
// of the refused ones.
void run_out_of_descriptors(uint64_t limit, std::map<std::string, double>& reasons) {
  LoadServer backend(Behaviour::echo);
  const Address bind = free_address();
  // max_connections would refuse first, so it is set too high.
  ProxyProcess weir(
      simple(bind, {backend.address()}, "global:\n  max_connections: 10000\n  workers: 1\n"),
      {.descriptors = limit});
  std::vector<Socket> clients;
  for (int i = 0; i < 20; ++i) {  // half of the limit
    clients.push_back(Socket::connect(bind));
    ASSERT_TRUE(clients.back().send("hello"));
    ASSERT_EQ(clients.back().receive(5), "hello") << i;
  }
  for (int i = 0; i < 60; ++i) clients.push_back(Socket::connect(bind));
  // Refusals come one by one, with a pause after each: the rest waits in the queue.
  uint64_t refused = 0;
  const TimePoint start = std::chrono::steady_clock::now();
  while (refused < 5 && std::chrono::steady_clock::now() - start < kPatience) {
    for (Socket& client : clients)
      refused += client.end() == Socket::End::open && !client.silent(0ms) &&
                 client.wait_end(10ms) == Socket::End::reset;
    clients.front().silent(10ms);
  }
  EXPECT_GE(refused, 5u);
  const Duration before = processor_time(weir);
  EXPECT_TRUE(clients.front().silent(1s));
  EXPECT_LT(processor_time(weir) - before, 500ms) << "it spins while it cannot accept";
  for (int i = 0; i < 20; ++i) {
    Socket& client = clients[static_cast<size_t>(i)];
    EXPECT_TRUE(client.send("x") && client.receive(1) == "x") << "open sessions stay open";
  }
  for (Socket& client : clients) client.reset();
  bool recovered = false;
  for (int i = 0; i < 100 && !recovered; ++i) {
    Socket again = Socket::connect(bind);
    recovered = again.send("again") && again.receive(5, 1s) == "again";
  }
  EXPECT_TRUE(recovered);
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.imbalance(), 0);
  for (const char* reason : {"out_of_descriptors", "connect_failed"})
    reasons[reason] += scrape.sum("weir_connections_ended_total", {{"reason", reason}});
}

// A session needs two descriptors: of two successive limits, one fails in accept and one in
// connect.
TEST(Books, KeepsServingWithoutDescriptorsAndRecovers) {
  std::map<std::string, double> reasons;
  ASSERT_NO_FATAL_FAILURE(run_out_of_descriptors(100, reasons));
  ASSERT_NO_FATAL_FAILURE(run_out_of_descriptors(101, reasons));
  EXPECT_GT(reasons["out_of_descriptors"], 0) << "accept itself has never failed";
  EXPECT_GT(reasons["connect_failed"], 0);
}

}  // namespace
}  // namespace weir
