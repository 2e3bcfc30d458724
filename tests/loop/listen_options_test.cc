// What the configuration asks of sockets, as the kernel has it.
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <fmt/format.h>

#include "net/congestion_control.h"
#include "support/worker_fixture.h"

namespace weir::test {
namespace {

Address address_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage;
  socklen_t length = sizeof(storage);
  if (ask(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return Address();
  return Address::from(reinterpret_cast<sockaddr*>(&storage), length);
}

// The socket of this process, which is weir and its clients at once, whose other end is `peer`.
int socket_to(const Address& peer, const Address& not_from = {}) {
  for (int fd = 0; fd < 1024; ++fd)
    if (address_of(fd, ::getpeername) == peer && !(address_of(fd, ::getsockname) == not_from))
      return fd;
  return -1;
}

std::string algorithm_of(int fd) {
  char name[16] = {};
  socklen_t length = sizeof(name);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) != 0) return "?";
  return name;
}

TEST(ListenOptions, CongestionControlIsInForceOnBothSides) {
  Acceptor backend;
  WorkerFixture weir;
  weir.apply(
      "listeners: [{name: web, bind: '127.0.0.1:0', cluster: app, congestion_control: reno}]\n"
      "clusters: [{name: app, backends: ['" +
      backend.address().text() + "'], congestion_control: reno}]\n");
  Socket client = weir.client();
  ASSERT_TRUE(client);
  ASSERT_TRUE(weir.run_until(
      [&] { return weir.backend_cells("app", backend.address().text()).sessions.value == 1; }));
  const int accepted = socket_to(address_of(client.fd(), ::getsockname));
  const int connected = socket_to(backend.address());
  ASSERT_GE(accepted, 0);
  ASSERT_GE(connected, 0);
  EXPECT_EQ(algorithm_of(accepted), "reno");
  EXPECT_EQ(algorithm_of(connected), "reno");
}

TEST(ListenOptions, TheKernelIsAskedForEachAlgorithm) {
  EXPECT_EQ(try_congestion_control("reno"), 0);
  EXPECT_EQ(try_congestion_control("nonsense"), ENOENT);
}

TEST(ListenOptions, AnAlgorithmTheKernelDoesNotHave_IsRefusedWithItsPlace) {
  const std::string tail[] = {
      "listeners: [{bind: '127.0.0.1:0', cluster: a, congestion_control: nonsense}]\n"
      "clusters: [{name: a, backends: ['127.0.0.1:1']}]\n",
      "listeners: [{bind: '127.0.0.1:0', cluster: a}]\n"
      "clusters: [{name: a, backends: ['127.0.0.1:1'], congestion_control: nonsense}]\n"};
  const char* places[] = {"test.yaml:1:", "test.yaml:2:"};
  for (size_t i = 0; i < 2; ++i) {
    SnapshotStore store(1, 4096);
    config::Loaded loaded =
        config::load_text(tail[i], "test.yaml", [](const std::string&) { return std::nullopt; });
    ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
    ResolvedAddresses addresses = resolve_backends(loaded.model);
    const auto prepared = store.prepare({std::move(loaded), std::move(addresses), {}});
    ASSERT_FALSE(prepared) << i;
    EXPECT_NE(prepared.error().text().find("congestion control 'nonsense'"), std::string::npos);
    EXPECT_TRUE(prepared.error().where.starts_with(places[i])) << prepared.error().where;
  }
}

TEST(ListenOptions, AnotherBacklogTakesEffectWhereTheSocketIs) {
  const std::string path = fmt::format("{}/weir-backlog-{}.sock", testing::TempDir(), ::getpid());
  const auto with_backlog = [&](int backlog) {
    return "listeners: [{name: web, bind: 'unix:" + path +
           "', cluster: app, backlog: " + std::to_string(backlog) +
           "}]\nclusters: [{name: app, backends: ['127.0.0.1:1']}]\n";
  };
  WorkerFixture weir;
  std::vector<Socket> waiting;
  // How many find a place in the queue while nobody accepts. The kernel takes one more than told.
  const auto fill = [&] {
    for (;;) {
      Socket socket = Socket::connect(weir.address(), 0ms);
      if (!socket) return waiting.size();
      waiting.push_back(std::move(socket));
    }
  };
  weir.apply(with_backlog(1));
  EXPECT_EQ(fill(), 2u);
  waiting.clear();
  weir.turns(5);
  weir.apply(with_backlog(6));
  EXPECT_EQ(fill(), 7u);
}

}  // namespace
}  // namespace weir::test
