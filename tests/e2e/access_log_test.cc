// The access log of the real binary: one line for each session, and for each that was refused.
#include "support/access_lines.h"
#include "support/config_text.h"
#include "support/load_server.h"

namespace weir {
namespace {

class AccessLog : public testing::Test {
 protected:
  static constexpr const char* kJson = "logging: {format: json}\n";

  LoadServer backend_{LoadServer::Behaviour::echo};
  Address bind_ = free_address();
};

TEST_F(AccessLog, LogsTheClientTheBackendTheBytesAndTheDuration) {
  // The first of the two backends does not listen. At least one of three sessions on two workers
  // tries it, and then uses the other one.
  ProxyProcess weir(config_text(listener("web", bind_, "app"),
                                "  - {name: app, backends: [\"" + free_address().text() +
                                    "\", {name: there, address: \"" + backend_.address().text() +
                                    "\"}]}\n",
                                std::string(kJson) + "global: {workers: 2}\n"));
  int most_attempts = 0;
  for (int i = 0; i < 3; ++i) {
    Socket client = Socket::connect(bind_);
    ASSERT_TRUE(client.send("hello"));
    ASSERT_EQ(client.receive(5), "hello");
    const std::string name = client.local().text();
    client.finish();
    ASSERT_EQ(client.wait_end(), Socket::End::fin);
    const nlohmann::json line = line_of(weir, name);
    ASSERT_TRUE(line.is_object()) << weir.errors();
    EXPECT_EQ(line["listener"], "web");
    EXPECT_EQ(line["cluster"], "app");
    EXPECT_EQ(line["backend"], "there");
    EXPECT_EQ(line["received_bytes"], 5);
    EXPECT_EQ(line["sent_bytes"], 5);
    EXPECT_EQ(line["reason"], "client_closed");
    ASSERT_TRUE(line["duration"].is_number()) << line;
    EXPECT_GT(line["duration"], 0);
    EXPECT_FALSE(line["session"].get<std::string>().empty());
    most_attempts = std::max(most_attempts, line["attempts"].get<int>());
  }
  EXPECT_EQ(most_attempts, 2);
}

TEST_F(AccessLog, LogsARefusedClient) {
  ProxyProcess weir(config_text(listener("web", bind_, "app", "limits: {max_connections: 1}"),
                                cluster("app", {backend_.address()}), kJson));
  Socket first = Socket::connect(bind_);
  ASSERT_TRUE(first.send("x"));
  ASSERT_EQ(first.receive(1), "x");
  Socket second = Socket::connect(bind_);
  const std::string name = second.local().text();
  EXPECT_EQ(second.wait_end(), Socket::End::reset);
  const nlohmann::json line = line_of(weir, name);
  ASSERT_TRUE(line.is_object()) << weir.errors();
  EXPECT_EQ(line["listener"], "web");
  EXPECT_EQ(line["reason"], "listener_limit");
}

}  // namespace
}  // namespace weir
