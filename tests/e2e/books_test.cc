// Many connections: what each costs, and that nothing is left of them.
#include <iostream>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;
using Place = LoadServer::Place;

#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
constexpr uint64_t kIdle = 2000, kPassing = 4000;
#else
constexpr uint64_t kIdle = 10'000, kPassing = 20'000;
#endif

// weir needs two descriptors a session, the test one, the backend in its process another one.
uint64_t sessions_possible(uint64_t wanted) {
  const uint64_t possible = (raise_descriptor_limit() - 400) / 2;
  if (possible < wanted) {
    std::cout << "the descriptor limit allows " << possible << " sessions instead of " << wanted
              << '\n';
  }
  return std::min(possible, wanted);
}

TEST(Books, TenThousandIdleSessionsCostLittleAndLeaveNothing) {
  const uint64_t wanted = sessions_possible(kIdle);
  LoadServer backend(Behaviour::hold, 0, Place::process);
  const Address bind = free_address();
  ProxyProcess weir(simple(bind, {backend.address()}));
  Socket first = Socket::connect(bind);  // pays for what is made once
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
  EXPECT_EQ(weir.scrape().sum("weir_buffer_bytes"), 0) << "an idle session holds no buffer";
#if !defined(WEIR_ASAN) && !defined(WEIR_TSAN)
  EXPECT_LT(grown / wanted, 4096u);
#endif

  for (Socket& client : clients) client.reset();
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  EXPECT_EQ(weir.scrape().imbalance(), 0);
  EXPECT_LE(weir.open_descriptors(), descriptors + 2);
}

TEST(Books, TwentyThousandConnectionsComeAndGoAndLeaveNothing) {
  raise_descriptor_limit();
  LoadServer backend(Behaviour::echo, 0, Place::process);
  const Address bind = free_address();
  ProxyProcess weir(simple(bind, {backend.address()}));
  const size_t descriptors = weir.open_descriptors();
  [[maybe_unused]] size_t resident = 0;  // a sanitizer keeps what was freed
  constexpr uint64_t kBatch = 100;
  for (uint64_t done = 0; done < kPassing; done += kBatch) {
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
    if (done == kPassing / 4) resident = weir.resident_bytes();
  }
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.sum("weir_connections_total"), double(kPassing));
  EXPECT_EQ(scrape.imbalance(), 0);
  EXPECT_EQ(scrape.sum("weir_backend_connections_active"), 0);
  EXPECT_LE(weir.open_descriptors(), descriptors + 2);
#if !defined(WEIR_ASAN) && !defined(WEIR_TSAN)
  EXPECT_LE(weir.resident_bytes(), resident + (4 << 20));
#endif
}

TEST(Books, KeepsServingWithoutDescriptorsAndRecovers) {
  LoadServer backend(Behaviour::echo);
  const Address bind = free_address();
  // More connections than descriptors: max_connections would refuse first, so it is set too high.
  ProxyProcess weir(
      simple(bind, {backend.address()}, "global:\n  max_connections: 10000\n  workers: 1\n"),
      {.descriptors = 100});
  std::vector<Socket> clients;
  for (int i = 0; i < 300; ++i) clients.push_back(Socket::connect(bind));
  ASSERT_TRUE(clients.front().send("x"));
  EXPECT_EQ(clients.front().receive(1), "x") << "who was in stays in";
  uint64_t served = 0, refused = 0;
  for (Socket& client : clients) {
    client.send("hello");
    (client.receive(5, 2s) == "hello" ? served : refused) += 1;
    if (served + refused >= 150) break;
  }
  EXPECT_GT(served, 20u);
  EXPECT_GT(refused, 0u);
  for (Socket& client : clients) client.close();
  bool recovered = false;
  for (int i = 0; i < 100 && !recovered; ++i) {
    Socket again = Socket::connect(bind);
    recovered = again.send("again") && again.receive(5, 1s) == "again";
  }
  EXPECT_TRUE(recovered);
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.imbalance(), 0);
  EXPECT_GT(scrape.sum("weir_connections_ended_total", {{"reason", "out_of_descriptors"}}) +
                scrape.sum("weir_connections_ended_total", {{"reason", "connect_failed"}}) +
                scrape.sum("weir_connections_ended_total", {{"reason", "max_connections"}}),
            0);
}

}  // namespace
}  // namespace weir
