// Tests of the tools that the end-to-end tests rely on.
#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/socket.h"

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;
using End = Socket::End;

TEST(Support, FlowsDetectEveryKindOfDamage) {
  Acceptor acceptor;
  for (int damage = 0; damage < 4; ++damage) {
    Socket from = Socket::connect(acceptor.address());
    Socket to = acceptor.accept();
    std::string bytes(pattern(0, 50'000));
    if (damage == 1) bytes[30'000] = static_cast<char>(bytes[30'000] + 1);
    if (damage == 2) bytes.erase(30'000, 1);
    if (damage == 3) bytes.insert(30'000, 1, bytes[30'000]);
    ASSERT_TRUE(from.send(bytes));
    from.finish();
    Flow flow{&from, &to, 50'000};
    flow.sent = flow.size;
    EXPECT_EQ(run_flows({flow}, 2s), damage == 0) << damage;
  }
}

TEST(Support, FinIsDistinguishedFromReset) {
  Acceptor acceptor;
  Socket client = Socket::connect(acceptor.address());
  Socket server = acceptor.accept();
  EXPECT_TRUE(client.silent(1ms));
  server.finish();
  EXPECT_EQ(client.wait_end(), End::fin);
  client = Socket::connect(acceptor.address());
  server = acceptor.accept();
  server.reset();
  EXPECT_EQ(client.wait_end(), End::reset);
}

TEST(Support, ConnectionToAClosedPortIsRefused) {
  const Socket socket = Socket::connect(free_address());
  EXPECT_FALSE(socket);
  EXPECT_EQ(socket.error(), ECONNREFUSED);
}

TEST(Support, LoadServersWorkInAThreadAndInAProcess) {
  for (auto place : {LoadServer::Place::thread, LoadServer::Place::process}) {
    LoadServer echo(Behaviour::echo, 0, place), source(Behaviour::source, 3 << 20, place),
        hold(Behaviour::hold, 0, place);
    Socket to_echo = Socket::connect(echo.address());
    ASSERT_TRUE(run_flows({{&to_echo, &to_echo, 3 << 20}}));
    to_echo.finish();
    EXPECT_EQ(to_echo.wait_end(), End::fin);
    Socket to_source = Socket::connect(source.address());
    EXPECT_EQ(to_source.receive_all().size(), size_t{3} << 20);
    Socket to_hold = Socket::connect(hold.address());
    ASSERT_TRUE(hold.wait_active(1));
    to_hold.reset();
    ASSERT_TRUE(hold.wait_active(0));
    EXPECT_EQ(hold.counts().reset, 1u);
    ASSERT_TRUE(echo.wait_active(0));
    EXPECT_EQ(echo.counts().received, uint64_t{3} << 20);
  }
}

TEST(Support, ScrapeSumsTheSelectedSeries) {
  const Scrape scrape(
      "# HELP x y\n# TYPE x counter\nx{a=\"1\",b=\"2\"} 3\nx{a=\"1\",b=\"3\"} 4\nx{a=\"2\"} 10\ny "
      "1.5\n");
  EXPECT_EQ(scrape.sum("x"), 17);
  EXPECT_EQ(scrape.sum("x", {{"a", "1"}}), 7);
  EXPECT_EQ(scrape.sum("x", {{"a", "1"}, {"b", "3"}}), 4);
  EXPECT_EQ(scrape.sum("y"), 1.5);
  EXPECT_EQ(scrape.sum("z"), 0);
}

}  // namespace
}  // namespace weir
