// Options of sockets in the configuration, as the kernel reports them.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fmt/format.h>

#include "control/congestion_control.h"
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

TEST(ListenOptions, CongestionControlIsSetOnBothSides) {
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

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  return ::getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

// "30 7 2": idle, interval and probes; "off".
std::string keepalive_of(int fd) {
  if (option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0) return "off";
  return fmt::format("{} {} {}", option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
                     option(fd, IPPROTO_TCP, TCP_KEEPINTVL), option(fd, IPPROTO_TCP, TCP_KEEPCNT));
}

// A session of weir between a client and a backend of the test.
class Keepalive : public testing::Test {
 protected:
  // `listener` and `cluster`: more keys of them; `top`: of the file.
  void serve(const std::string& listener, const std::string& cluster, const std::string& top = "") {
    weir.apply(top + "listeners: [{name: web, bind: '127.0.0.1:0', cluster: app" + listener +
               "}]\nclusters: [{name: app, backends: ['" + backend.address().text() + "']" +
               cluster + "}]\n");
  }
  // weir's end of the connection of `client`.
  int accepted_of(const Socket& client) {
    int fd = -1;
    EXPECT_TRUE(weir.run_until([&] { return (fd = socket_to(client.local())) >= 0; }));
    return fd;
  }
  int connected() {
    int fd = -1;
    EXPECT_TRUE(weir.run_until([&] { return (fd = socket_to(backend.address())) >= 0; }));
    return fd;
  }
  // From now on no packet of weir reaches the peer, as if its host were down.
  static void lose(const Socket& peer) {
    sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const sock_fprog program{1, drop_all};
    ASSERT_EQ(::setsockopt(peer.fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
  }
  bool session_ends() {
    return weir.run_until([&] { return weir.ended("web", EndReason::error) == 1; }, 2000);
  }

  Acceptor backend;
  WorkerFixture weir;
};

constexpr const char* kImpatient = ", tcp_keepalive: {idle: 1s, interval: 1s, probes: 1}";
constexpr const char* kOff = ", tcp_keepalive: {idle: 0s}";

TEST_F(Keepalive, IsSetOnBothSides) {
  for (const std::string protocol : {"tcp", "http"}) {
    serve(", protocol: " + protocol + ", tcp_keepalive: {idle: 30s, probes: 2}",
          ", tcp_keepalive: {idle: 40s}", "defaults: {tcp_keepalive: {interval: 7s}}\n");
    Socket client = weir.client();
    ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
    EXPECT_EQ(keepalive_of(accepted_of(client)), "30 7 2") << protocol;
    EXPECT_EQ(keepalive_of(connected()), "40 7 4") << protocol;
    client.reset();
    EXPECT_TRUE(weir.run_until([&] {
      weir.advance(20ms);
      return socket_to(backend.address()) < 0;
    }));
  }
}

TEST_F(Keepalive, IsOnByDefault) {
  serve("", "");
  const Socket client = weir.client();
  EXPECT_EQ(keepalive_of(accepted_of(client)), "120 15 4");
  EXPECT_EQ(keepalive_of(connected()), "120 15 4");
}

TEST_F(Keepalive, CanBeDisabled) {
  serve(kOff, kOff);
  const Socket client = weir.client();
  EXPECT_EQ(keepalive_of(accepted_of(client)), "off");
  EXPECT_EQ(keepalive_of(connected()), "off");
}

TEST_F(Keepalive, ReloadChangesItForNewConnectionsOfTheSameListeningSocket) {
  serve(", tcp_keepalive: {idle: 30s}", "");
  const Address address = weir.address();
  const Socket first = weir.client();
  const int of_first = accepted_of(first);
  serve(", tcp_keepalive: {idle: 50s, interval: 5s, probes: 3}", "");
  const Socket second = weir.client();
  EXPECT_EQ(keepalive_of(accepted_of(second)), "50 5 3");
  serve(kOff, "");
  const Socket third = weir.client();
  EXPECT_EQ(keepalive_of(accepted_of(third)), "off");
  serve("", "");
  const Socket fourth = weir.client();
  EXPECT_EQ(keepalive_of(accepted_of(fourth)), "120 15 4");
  EXPECT_EQ(keepalive_of(of_first), "30 15 4");
  EXPECT_EQ(weir.address(), address);
}

TEST_F(Keepalive, EndsAnIdleSessionWhoseClientVanished) {
  serve(kImpatient, kOff);
  const Socket client = weir.client();
  accepted_of(client);
  connected();
  ASSERT_NO_FATAL_FAILURE(lose(client));
  EXPECT_TRUE(session_ends());
}

TEST_F(Keepalive, EndsAnIdleSessionWhoseBackendVanished) {
  serve(kOff, kImpatient);
  const Socket client = weir.client();
  accepted_of(client);
  connected();
  const Socket peer = backend.accept();
  ASSERT_TRUE(peer);
  ASSERT_NO_FATAL_FAILURE(lose(peer));
  EXPECT_TRUE(session_ends());
}

TEST(ListenOptions, EachAlgorithmIsCheckedWithTheKernel) {
  EXPECT_EQ(try_congestion_control("reno"), 0);
  EXPECT_EQ(try_congestion_control("nonsense"), ENOENT);
}

TEST(ListenOptions, UnsupportedAlgorithmIsRefusedWithItsLocation) {
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

TEST(ListenOptions, ChangedBacklogAppliesToTheOpenSocket) {
  const std::string path = fmt::format("{}/weir-backlog-{}.sock", testing::TempDir(), ::getpid());
  const auto with_backlog = [&](int backlog) {
    return "listeners: [{name: web, bind: 'unix:" + path +
           "', cluster: app, backlog: " + std::to_string(backlog) +
           "}]\nclusters: [{name: app, backends: ['127.0.0.1:1']}]\n";
  };
  WorkerFixture weir;
  std::vector<Socket> waiting;
  // The number of connections that fit into the accept queue. The kernel accepts one more than the
  // backlog.
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
