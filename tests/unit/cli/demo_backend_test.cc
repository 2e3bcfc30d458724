#include "cli/demo_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

namespace weir::cli {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class Client {
 public:
  explicit Client(DemoBackend& backend)
      : backend_(backend), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_storage storage{};
    socklen_t length = backend.address().to_sockaddr(storage);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  }
  void send(std::string_view text) {
    EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void finish() { ::shutdown(fd_.get(), SHUT_WR); }
  // Runs the backend until `wanted` has arrived or the connection has ended.
  std::string receive(std::string_view wanted) {
    std::string got;
    for (int turns = 0; turns < 2000 && got.find(wanted) == std::string::npos && !ended_; ++turns) {
      backend_.turn(5);
      char block[4096];
      ssize_t count = ::recv(fd_.get(), block, sizeof block, MSG_DONTWAIT);
      if (count > 0) got.append(block, static_cast<size_t>(count));
      ended_ = count == 0;
    }
    return got;
  }
  bool ended() const { return ended_; }

 private:
  DemoBackend& backend_;
  UniqueFd fd_;
  bool ended_ = false;
};

DemoBackend backend(bool echo = false) {
  Result<DemoBackend> made = DemoBackend::listen(Address::loopback(0), "one", echo);
  EXPECT_TRUE(made);
  return std::move(*made);
}

TEST(DemoBackend, AnswersARequestWithItsNameAndKeepsTheConnection) {
  DemoBackend one = backend();
  Client client(one);
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string answer = client.receive("one\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: 4\r\n\r\none\n"));
  }
}

TEST(DemoBackend, ClosesAfterConnectionClose) {
  DemoBackend one = backend();
  Client client(one);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive("never"), EndsWith("\r\n\r\none\n"));
  EXPECT_TRUE(client.ended());
}

TEST(DemoBackend, AnswersEachLineForAnySegmentation) {
  DemoBackend one = backend();
  Client client(one);
  client.send("hel");
  one.turn(5);
  client.send("lo\r\nagain\n");
  EXPECT_EQ(client.receive("again\n"), "one: hello\none: again\n");
}

TEST(DemoBackend, DropsTheBodyOfARequest) {
  DemoBackend one = backend();
  Client client(one);
  client.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
  one.turn(5);
  client.send("67890GET / HTTP/1.1\r\n\r\n");
  std::string answers = client.receive("one\n");
  if (answers.find("one\n") == answers.rfind("one\n")) answers += client.receive("one\n");
  EXPECT_NE(answers.find("one\n"), answers.rfind("one\n")) << answers;
}

TEST(DemoBackend, RefusesABodyWithoutALength) {
  DemoBackend one = backend();
  Client client(one);
  client.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  EXPECT_THAT(client.receive("never"), StartsWith("HTTP/1.1 411 Length Required\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST(DemoBackend, AnswersSlowRequestsLineByLineAndCloses) {
  DemoBackend one = backend();
  Client client(one);
  client.send("GET /slow/2 HTTP/1.1\r\n\r\n");
  std::string answer = client.receive("one: 0 left\n");
  EXPECT_THAT(answer, EndsWith("one: 1 left\none: 0 left\n"));
  EXPECT_EQ(client.receive("never"), "");
  EXPECT_TRUE(client.ended());
}

TEST(DemoBackend, EchoesToASlowReader) {
  DemoBackend one = backend(true);
  Client client(one);
  std::string sent(100000, 'x');
  client.send(sent);
  client.finish();
  std::string got = client.receive("never");
  EXPECT_EQ(got, sent);
  EXPECT_TRUE(client.ended());
}

TEST(DemoBackend, RemovesClosedClients) {
  DemoBackend one = backend();
  {
    Client client(one);
    client.send("x\n");
    EXPECT_EQ(client.receive("x\n"), "one: x\n");
    EXPECT_EQ(one.clients(), 1u);
  }
  for (int turns = 0; turns < 2000 && one.clients() > 0; ++turns) one.turn(5);
  EXPECT_EQ(one.clients(), 0u);
}

TEST(DemoBackend, ReportsAnAddressInUse) {
  DemoBackend one = backend();
  Result<DemoBackend> second = DemoBackend::listen(one.address(), "two", false);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text(), HasSubstr("cannot bind"));
}

}  // namespace
}  // namespace weir::cli
