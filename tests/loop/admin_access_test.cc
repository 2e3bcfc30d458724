// The requests that the admin server accepts over TCP, and those it accepts over the UNIX socket
// only.
#include "admin_fixture.h"

namespace weir::test {
namespace {

class AdminAccessTest : public AdminServerTest {
 protected:
  std::string asked_by(const std::string& host) {
    return "GET /hello HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
  }
};

TEST_F(AdminAccessTest, RefusesUnknownHosts) {
  for (const char* host : {"evil.example", "evil.example:80", "localhost.evil.example",
                           "127.0.0.1.evil.example", "2130706433", "0x7f.1", "localhost.", "weir"})
    EXPECT_EQ(status_of(asked_by(host)), std::string_view(host) == "localhost." ? 200 : 403)
        << host;
  EXPECT_EQ(status_of("GET http://evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"), 403);
  EXPECT_EQ(status_of("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403);
  EXPECT_EQ(status_of("POST /echo HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n"),
            403);
}

TEST_F(AdminAccessTest, AcceptsAddressesAndLocalhost) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:9901", "10.1.2.3:9901", "[::1]", "[::1]:9901",
                           "localhost", "LOCALHOST:9901"})
    EXPECT_EQ(status_of(asked_by(host)), 200) << host;
  EXPECT_EQ(status_of("GET /hello HTTP/1.0\r\n\r\n"), 200) << "no browser sends HTTP/1.0";
}

TEST_F(AdminAccessTest, AcceptsConfiguredNames) {
  EXPECT_EQ(status_of(asked_by("weir.internal:9901")), 403);
  server_.set_access({{"weir.internal"}, false});
  EXPECT_EQ(status_of(asked_by("Weir.Internal:9901")), 200);
  EXPECT_EQ(status_of(asked_by("a.weir.internal")), 403);
}

TEST_F(AdminAccessTest, RefusalNamesTheConfigurationKey) {
  AdminClient client(address_);
  client.send(asked_by("evil.example"));
  ASSERT_TRUE(replied(client));
  EXPECT_NE(client.body.find("admin.hosts"), std::string::npos) << client.body;
  EXPECT_EQ(client.field("Connection"), "close");
}

TEST_F(AdminAccessTest, ReadOnlyRefusesChanges) {
  server_.set_access({{}, true});
  EXPECT_EQ(status_of(post("/echo", "x")), 403);
  EXPECT_EQ(status_of("DELETE /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"), 403);
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(status_of(get("/hello")), 200);
}

TEST_F(AdminAccessTest, EveryResponseIdentifiesTheAdminServer) {
  for (const std::string& request :
       {get("/hello"), get("/nothing"), get("/drop"), std::string("\x16\x03\x01\r\n\r\n"),
        asked_by("evil.example")}) {
    AdminClient client(address_);
    client.send(request);
    ASSERT_TRUE(replied(client)) << request;
    EXPECT_EQ(client.field("Weir-Admin"), "1") << request;
  }
}

TEST_F(AdminAccessTest, LargeBodiesInMemoryAreLimited) {
  const std::string large = post("/echo", std::string(kAdminSmallBody * 2, 'x'));
  const auto send_all = [&](AdminClient& client, std::string_view bytes) {
    return run_until([&] {
      bytes.remove_prefix(client.send(bytes));
      return bytes.empty();
    });
  };
  std::deque<AdminClient> clients;
  for (size_t i = 0; i < kAdminLargeBodies; ++i) {
    clients.emplace_back(address_);
    ASSERT_TRUE(send_all(clients.back(), std::string_view(large).substr(0, large.size() - 1)));
    test_.turns(20);
  }
  AdminClient one_more(address_);
  send_all(one_more, large);
  ASSERT_TRUE(replied(one_more));
  EXPECT_EQ(one_more.status, 503);
  EXPECT_EQ(status_of(post("/echo", "small")), 200);
  clients[0].send("x");
  ASSERT_TRUE(replied(clients[0]));
  EXPECT_EQ(clients[0].status, 200);
  AdminClient later(address_);
  ASSERT_TRUE(send_all(later, large));
  ASSERT_TRUE(replied(later));
  EXPECT_EQ(later.status, 200) << "its slot is free again";
}

TEST_F(AdminAccessTest, LargeBodyCountsUntilItsResponseEvenWhenItsConnectionIsClosed) {
  const std::string large = post("/hold", std::string(kAdminSmallBody * 2, 'x'));
  std::deque<AdminClient> clients;
  const auto send_all = [&](std::string_view bytes) {
    AdminClient& client = clients.emplace_back(address_);
    return run_until([&] {
      bytes.remove_prefix(client.send(bytes));
      return bytes.empty();
    });
  };
  // More connections than the limit: they evict those that have been handled longest.
  for (size_t i = 0; i < kMaxAdminConnections + kAdminLargeBodies; ++i) {
    ASSERT_TRUE(send_all(i < kAdminLargeBodies ? large : post("/hold", "")));
    ASSERT_TRUE(run_until([&] { return later_.size() == i + 1; }));
  }
  for (size_t i = 0; i < kAdminLargeBodies; ++i) {
    ASSERT_TRUE(run_until([&] { return clients[i].ended(); }));
  }
  ASSERT_TRUE(send_all(large));
  ASSERT_TRUE(replied(clients.back()));
  EXPECT_EQ(clients.back().status, 503);
  const size_t held = later_.size();
  later_.pop_front();
  ASSERT_TRUE(send_all(large));
  EXPECT_TRUE(run_until([&] { return later_.size() == held; })) << "its slot is free again";
}

}  // namespace
}  // namespace weir::test
