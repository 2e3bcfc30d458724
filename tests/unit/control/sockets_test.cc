#include "control/sockets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "support/failing_calls.h"
#include "support/log_capture.h"
#include "support/network.h"
#include "support/socket.h"
#include "support/temp_folder.h"

namespace weir::test {
namespace {

config::Model model(const std::vector<std::string>& binds, const std::string& algorithm = {}) {
  config::Model result;
  for (const std::string& bind : binds) {
    config::Listener listener;
    listener.name = bind;
    listener.bind = {bind};
    listener.congestion_control = algorithm;
    result.listeners.push_back(listener);
  }
  return result;
}

// Commits, and closes what workers would own.
struct Told {
  explicit Told(std::vector<std::vector<SocketAssignment>> assignments)
      : told(std::move(assignments)) {}
  Told(Told&&) = default;
  ~Told() {
    for (auto& worker : told)
      for (auto& socket : worker)
        if (socket.fd >= 0) ::close(socket.fd);
  }
  std::vector<std::vector<SocketAssignment>> told;
};

TEST(Sockets, OpensOneSocketPerWorkerForAnIpAddress) {
  Sockets sockets(3);
  auto prepared = sockets.prepare(model({"127.0.0.1:0"}));
  ASSERT_TRUE(prepared);
  const Told told(sockets.commit(std::move(*prepared)));
  for (const auto& worker : told.told) {
    ASSERT_EQ(worker.size(), 1u);
    EXPECT_GE(worker[0].fd, 0);
    EXPECT_FALSE(worker[0].shared);
  }
  EXPECT_TRUE(Socket::connect(sockets.entries()[0].actual));
}

TEST(Sockets, KeepsSocketsThatStayInTheConfiguration) {
  Sockets sockets(2);
  const Told first(
      sockets.commit(std::move(*sockets.prepare(model({"127.0.0.1:0", "127.0.0.2:0"})))));
  const Told second(sockets.commit(std::move(*sockets.prepare(model({"127.0.0.2:0"})))));
  for (uint32_t worker = 0; worker < 2; ++worker) {
    ASSERT_EQ(second.told[worker].size(), 1u);
    EXPECT_EQ(second.told[worker][0].fd, -1);
    EXPECT_EQ(second.told[worker][0].socket, first.told[worker][1].socket);
    EXPECT_EQ(second.told[worker][0].listener, 0u);
  }
}

TEST(Sockets, ChangedOptionsOpenNewSocketsOnTheSameAddress) {
  Sockets sockets(1);
  const Address address = free_address();
  const Told first(sockets.commit(std::move(*sockets.prepare(model({address.text()})))));
  auto prepared = sockets.prepare(model({address.text()}, "reno"));
  ASSERT_TRUE(prepared) << prepared.error().text();
  const Told second(sockets.commit(std::move(*prepared)));
  EXPECT_GE(second.told[0][0].fd, 0);
  EXPECT_NE(second.told[0][0].socket, first.told[0][0].socket);
}

TEST(Sockets, ChangedBacklogIsReportedOnceForTheSameSocket) {
  Sockets sockets(2);
  config::Model deep = model({"127.0.0.1:0"});
  const Told first(sockets.commit(std::move(*sockets.prepare(deep))));
  deep.listeners[0].backlog = 100;
  for (const int expected : {100, 0}) {
    const Told again(sockets.commit(std::move(*sockets.prepare(deep))));
    EXPECT_EQ(again.told[1][0].fd, -1);
    EXPECT_EQ(again.told[1][0].socket, first.told[1][0].socket);
    EXPECT_EQ(again.told[1][0].backlog, expected);
  }
}

TEST(Sockets, ChangedKeepaliveIsReportedOnceForTheSameTcpSocket) {
  const TempFolder folder;
  Sockets sockets(1);
  config::Model both = model({"127.0.0.1:0", std::string("unix:") + (folder / "s")});
  const Told first(sockets.commit(std::move(*sockets.prepare(both))));
  for (config::Listener& listener : both.listeners) listener.tcp_keepalive.idle = 30s;
  for (const bool expected : {true, false}) {
    const Told again(sockets.commit(std::move(*sockets.prepare(both))));
    const SocketAssignment& tcp = again.told[0][0];
    EXPECT_EQ(tcp.fd, -1);
    EXPECT_EQ(tcp.socket, first.told[0][0].socket);
    EXPECT_EQ(tcp.keepalive.has_value(), expected);
    if (tcp.keepalive) {
      EXPECT_EQ(tcp.keepalive->idle, 30s);
    }
    EXPECT_FALSE(again.told[0][1].keepalive);
  }
}

std::string on_port(const std::string& host, const Address& port) {
  return host + ":" + std::to_string(port.port());
}

// The index of the first worker's socket that has a waiting connection; -1: none.
int place_of_connection(const Told& told) {
  for (size_t i = 0; i < told.told[0].size(); ++i)
    if (wait_ready(told.told[0][i].fd, POLLIN, 0ms)) return static_cast<int>(i);
  return -1;
}

TEST(Sockets, WildcardsOfBothFamiliesShareAPortAndAcceptTheirOwnFamily) {
  enter_own_network();
  for (const bool ipv4_first : {true, false}) {
    const Address port = free_address();
    std::vector<std::string> binds{on_port("0.0.0.0", port), on_port("[::]", port)};
    if (!ipv4_first) std::swap(binds[0], binds[1]);
    Sockets sockets(1);
    auto prepared = sockets.prepare(model(binds));
    ASSERT_TRUE(prepared) << prepared.error().text();
    const Told told(sockets.commit(std::move(*prepared)));
    for (int i = 0; i < 20; ++i) {
      Socket ipv4 = Socket::connect(*Address::parse(on_port("127.0.0.1", port)));
      ASSERT_TRUE(ipv4);
      const int place = place_of_connection(told);
      ASSERT_EQ(place, ipv4_first ? 0 : 1);
      UniqueFd(::accept(told.told[0][size_t(place)].fd, nullptr, nullptr));
    }
    Socket ipv6 = Socket::connect(*Address::parse(on_port("[::1]", port)));
    ASSERT_TRUE(ipv6);
    EXPECT_EQ(place_of_connection(told), ipv4_first ? 1 : 0);
  }
}

TEST(Sockets, ChangesFromTheWildcardToOneAddressAndBack) {
  enter_own_network();
  const Address port = free_address();
  Sockets sockets(2);
  std::vector<Told> told;
  for (const char* host : {"", "127.0.0.1", "", "[::1]", "[::]", "0.0.0.0", "127.0.0.2"}) {
    auto prepared = sockets.prepare(model({on_port(host, port)}));
    ASSERT_TRUE(prepared) << host << ": " << prepared.error().text();
    told.push_back(Told(sockets.commit(std::move(*prepared))));
  }
}

TEST(Sockets, OtherProcessOnTheWildcardAddressIsAConflictAlsoBesideOurSocket) {
  enter_own_network();
  const Acceptor other(Address::any(0));
  Sockets sockets(1);
  EXPECT_FALSE(sockets.prepare(model({other.address().text()})));
  EXPECT_FALSE(sockets.prepare(model({on_port("127.0.0.1", other.address())})));
}

TEST(Sockets, FailedPrepareOpensNoSocket) {
  const Acceptor taken;
  const Address address = free_address();
  const std::string path = fmt::format("{}/weir-failed-{}.sock", testing::TempDir(), ::getpid());
  Sockets sockets(1);
  ASSERT_FALSE(sockets.prepare(model({address.text(), "unix:" + path, taken.address().text()})));
  EXPECT_FALSE(Socket::connect(address));
  struct stat status;
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST(Sockets, AddressInUseIsReportedByNameAndChangesNothing) {
  Acceptor other;
  Sockets sockets(2);
  const auto prepared = sockets.prepare(model({"127.0.0.1:0", other.address().text()}));
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().text().find(other.address().text()), std::string::npos);
  EXPECT_NE(prepared.error().text().find("another process"), std::string::npos);
  EXPECT_TRUE(sockets.entries().empty());
}

TEST(Sockets, UnixPathIsOneSocketAndItsFileIsRemovedWithIt) {
  const std::string path = fmt::format("{}/weir-sockets-{}.sock", testing::TempDir(), ::getpid());
  struct stat status;
  {
    Sockets sockets(2);
    const Told told(sockets.commit(std::move(*sockets.prepare(model({"unix:" + path})))));
    int owners = 0;
    for (const auto& worker : told.told) {
      EXPECT_TRUE(worker[0].shared);
      owners += worker[0].fd >= 0;
    }
    EXPECT_EQ(owners, 1);
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    // Another process listens there: that is an error, not a stale file.
    Sockets second(2);
    EXPECT_FALSE(second.prepare(model({"unix:" + path})));
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
  }
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST(Sockets, StaleUnixSocketFileIsReplaced) {
  const std::string path = fmt::format("{}/weir-stale-{}.sock", testing::TempDir(), ::getpid());
  const Address address = *Address::parse("unix:" + path);
  { UniqueFd dead = std::move(*open_listening_socket(address, {})); }
  Sockets sockets(1);
  auto prepared = sockets.prepare(model({"unix:" + path}));
  ASSERT_TRUE(prepared) << prepared.error().text();
  const Told told(sockets.commit(std::move(*prepared)));
  EXPECT_TRUE(Socket::connect(address));
}

TEST(Sockets, UnixPathThatCannotBeBoundIsReportedWithAFix) {
  const TempFolder folder;
  const auto refused = [&](const std::string& path) {
    const Result<UniqueFd> made = open_listening_socket(*Address::parse("unix:" + path), {});
    return made ? std::string("bound") : made.error().text();
  };
  ASSERT_TRUE(std::filesystem::create_directory(folder / "d"));
  EXPECT_THAT(refused(folder / "d"), testing::HasSubstr("exists and is not a socket"));
  EXPECT_THAT(refused(folder / "none/s"), testing::HasSubstr("create its directory first"));
  const Result<UniqueFd> first =
      open_listening_socket(*Address::parse("unix:" + (folder / "s")), {});
  ASSERT_TRUE(first);
  EXPECT_THAT(refused(folder / "s"), testing::HasSubstr("another process listens there"));
  EXPECT_THAT(refused(folder / "s"), testing::HasSubstr("ss -lxp"));
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777u : 0;
}

TEST(Sockets, UnixSocketIsOpenToOthersWhateverTheUmask) {
  const TempFolder folder;
  const std::string path = folder / "s";
  const mode_t before = ::umask(0077);
  Sockets sockets(1);
  const Told told(sockets.commit(std::move(*sockets.prepare(model({"unix:" + path})))));
  ::umask(before);
  EXPECT_EQ(mode_of(path), 0666u);
}

TEST(Sockets, PermissionsOfAUnixSocketChangeWithoutANewSocket) {
  const TempFolder folder;
  const std::string path = folder / "s";
  Sockets sockets(1);
  config::Model configured = model({"unix:" + path});
  configured.listeners[0].socket_mode = 0660;
  const Told first(sockets.commit(std::move(*sockets.prepare(configured))));
  EXPECT_EQ(mode_of(path), 0660u);
  const uint64_t number = sockets.entries()[0].first;
  configured.listeners[0].socket_mode = 0600;
  configured.listeners[0].socket_group = std::to_string(::getegid());
  const Told second(sockets.commit(std::move(*sockets.prepare(configured))));
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(sockets.entries()[0].first, number);
  EXPECT_TRUE(Socket::connect(*Address::parse("unix:" + path)));
}

// A listener whose socket exists, with another mode to come.
class SocketsNewPermissions : public testing::Test {
 protected:
  SocketsNewPermissions()
      : configured_(model({"unix:" + path_})),
        first_(sockets_.commit(std::move(*sockets_.prepare(configured_)))) {
    configured_.listeners[0].socket_mode = 0606;
  }

  const TempFolder folder_;
  const std::string path_ = folder_ / "s";
  Sockets sockets_{1};
  config::Model configured_;
  const Told first_;
};

TEST_F(SocketsNewPermissions, AreAppliedByCommitNotByPrepare) {
  auto prepared = sockets_.prepare(configured_);
  ASSERT_TRUE(prepared) << prepared.error().text();
  EXPECT_EQ(mode_of(path_), 0666u);
  Sockets::abandon(*prepared);
  EXPECT_EQ(mode_of(path_), 0666u);
  const Told told(sockets_.commit(std::move(*sockets_.prepare(configured_))));
  EXPECT_EQ(mode_of(path_), 0606u);
}

TEST_F(SocketsNewPermissions, AreRefusedWhenASymlinkReplacedTheSocket) {
  const std::string target = folder_ / "target";
  { const UniqueFd file(::open(target.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)); }
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  ASSERT_EQ(::symlink(target.c_str(), path_.c_str()), 0);
  const auto prepared = sockets_.prepare(configured_);
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().text().find("not the socket that weir made"), std::string::npos)
      << prepared.error().text();
  EXPECT_EQ(mode_of(target), 0600u);
}

TEST_F(SocketsNewPermissions, AreAppliedToTheSocketWhateverFileIsAtItsPath) {
  const std::string kept = folder_ / "kept", target = folder_ / "target";
  { const UniqueFd file(::open(target.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)); }
  auto prepared = sockets_.prepare(configured_);
  ASSERT_TRUE(prepared) << prepared.error().text();
  ASSERT_EQ(::rename(path_.c_str(), kept.c_str()), 0);
  ASSERT_EQ(::symlink(target.c_str(), path_.c_str()), 0);
  const Told told(sockets_.commit(std::move(*prepared)));
  EXPECT_EQ(mode_of(target), 0600u);
  EXPECT_EQ(mode_of(kept), 0606u);
}

// In its own thread, in which the kernel refuses to change the owner of a file.
template <typename Test>
void without_chown(Test test) {
  std::thread([&] {
    ASSERT_TRUE(make_fail(SYS_fchown, EPERM));
    ASSERT_TRUE(make_fail(SYS_fchownat, EPERM));
    test();
  }).join();
}

TEST_F(SocketsNewPermissions, AreRefusedByPrepareWhenNotPermitted) {
  without_chown([this] {
    configured_.listeners[0].socket_group = std::to_string(::getegid() + 1);
    const auto prepared = sockets_.prepare(configured_);
    ASSERT_FALSE(prepared);
    EXPECT_NE(prepared.error().text().find("CAP_CHOWN"), std::string::npos)
        << prepared.error().text();
  });
  EXPECT_EQ(mode_of(path_), 0666u);
}

TEST_F(SocketsNewPermissions, ChangeOfModeNeedsNoRightToChangeOwners) {
  without_chown([this] {
    auto prepared = sockets_.prepare(configured_);
    ASSERT_TRUE(prepared) << prepared.error().text();
    const Told told(sockets_.commit(std::move(*prepared)));
  });
  EXPECT_EQ(mode_of(path_), 0606u);
}

TEST(Sockets, MissingGroupIsReportedByNameAndLeavesNoFile) {
  const TempFolder folder;
  const std::string path = folder / "s";
  Sockets sockets(1);
  config::Model configured = model({"unix:" + path});
  configured.listeners[0].socket_group = "no-such-group";
  const auto prepared = sockets.prepare(configured);
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().text().find("there is no group 'no-such-group'"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path));
}

// In its own thread, in which the kernel has no IPv6.
template <typename Test>
void without_ipv6(Test test) {
  std::thread([&] {
    ASSERT_TRUE(make_fail(SYS_socket, AF_INET6, EAFNOSUPPORT));
    test();
  }).join();
}

TEST(Sockets, WildcardBindsIpv4OnlyWithoutIpv6) {
  without_ipv6([] {
    Sockets sockets(2);
    const std::string port = std::to_string(free_address().port());
    auto prepared = sockets.prepare(model({":" + port}));
    ASSERT_TRUE(prepared) << prepared.error().text();
    Told told(sockets.commit(std::move(*prepared)));
    EXPECT_EQ(sockets.entries()[0].actual.text(), "0.0.0.0:" + port);
    EXPECT_TRUE(Socket::connect(*Address::parse("127.0.0.1:" + port)));
    const uint64_t number = sockets.entries()[0].first;
    const Told again(sockets.commit(std::move(*sockets.prepare(model({":" + port})))));
    EXPECT_EQ(sockets.entries()[0].first, number) << "it stays over a reload";
  });
}

TEST(Sockets, LogsTheAddressesOfAWildcardListenerWithoutIpv6) {
  without_ipv6([] {
    LogCapture log;
    const std::string port = std::to_string(free_address().port());
    {
      const auto prepared = Sockets(2).prepare(model({":" + port, "127.0.0.1:0"}));
      ASSERT_TRUE(prepared) << prepared.error().text();
    }
    const std::string events = log.events();
    const size_t at = events.find("listener.no_ipv6");
    ASSERT_NE(at, std::string::npos) << events;
    EXPECT_NE(events.find("0.0.0.0:" + port, at), std::string::npos) << events;
    EXPECT_EQ(events.find("listener.no_ipv6", at + 1), std::string::npos) << events;
  });
}

TEST(Sockets, Ipv6AddressIsReportedWithTheReasonWithoutIpv6) {
  without_ipv6([] {
    Sockets sockets(1);
    const auto prepared = sockets.prepare(model({"[::1]:0"}));
    ASSERT_FALSE(prepared);
    EXPECT_NE(prepared.error().text().find("this kernel has no IPv6"), std::string::npos)
        << prepared.error().text();
  });
}

}  // namespace
}  // namespace weir::test
