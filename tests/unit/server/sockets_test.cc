#include "server/sockets.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "support/socket.h"

namespace weir::test {
namespace {

config::Model model(const std::vector<std::string>& binds, uint32_t backlog = 4096) {
  config::Model result;
  for (const std::string& bind : binds) {
    config::Listener listener;
    listener.name = bind;
    listener.bind = {bind};
    listener.backlog = backlog;
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

TEST(Sockets, AnIpAddressIsOneSocketForEachWorker) {
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

TEST(Sockets, WhatStays_IsNotOpenedAgain) {
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

TEST(Sockets, OtherOptions_AreOtherSockets_OnTheSameAddress) {
  Sockets sockets(1);
  const Address address = free_address();
  const Told first(sockets.commit(std::move(*sockets.prepare(model({address.text()})))));
  auto prepared = sockets.prepare(model({address.text()}, 100));
  ASSERT_TRUE(prepared) << prepared.error().text();
  const Told second(sockets.commit(std::move(*prepared)));
  EXPECT_GE(second.told[0][0].fd, 0);
  EXPECT_NE(second.told[0][0].socket, first.told[0][0].socket);
}

TEST(Sockets, AnAddressInUse_IsAnErrorThatNamesIt_AndChangesNothing) {
  Acceptor other;
  Sockets sockets(2);
  const auto prepared = sockets.prepare(model({"127.0.0.1:0", other.address().text()}));
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().text().find(other.address().text()), std::string::npos);
  EXPECT_NE(prepared.error().text().find("another process"), std::string::npos);
  EXPECT_TRUE(sockets.entries().empty());
}

TEST(Sockets, AUnixPath_IsOneSocket_AndItsFileGoesWithIt) {
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
    // Somebody else listens there: that is an error, not a stale file.
    Sockets second(2);
    EXPECT_FALSE(second.prepare(model({"unix:" + path})));
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
  }
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST(Sockets, AStaleUnixFile_IsReplaced) {
  const std::string path = fmt::format("{}/weir-stale-{}.sock", testing::TempDir(), ::getpid());
  const Address address = *Address::parse("unix:" + path);
  { UniqueFd dead = std::move(*open_listening_socket(address, {})); }
  Sockets sockets(1);
  auto prepared = sockets.prepare(model({"unix:" + path}));
  ASSERT_TRUE(prepared) << prepared.error().text();
  const Told told(sockets.commit(std::move(*prepared)));
  EXPECT_TRUE(Socket::connect(address));
}

}  // namespace
}  // namespace weir::test
