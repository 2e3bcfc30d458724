#include "cli/admin_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/address.h"
#include "base/unique_fd.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Accepts one connection, reads until the head and `body` bytes are there, answers and closes.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, size_t body = 0, bool closes = true)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage{};
    socklen_t length = Address::loopback(0).to_sockaddr(storage);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    length = sizeof storage;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    address_ = Address::from(reinterpret_cast<sockaddr*>(&storage), length).text();
    thread_ = std::thread(
        [this, answer = std::move(answer), body, closes] { serve(answer, body, closes); });
  }
  ~OneAnswer() { join(); }
  const std::string& address() const { return address_; }
  const std::string& request() {
    join();
    return request_;
  }

 private:
  void serve(const std::string& answer, size_t body, bool closes) {
    UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
    char block[1024];
    auto complete = [&] {
      size_t end = request_.find("\r\n\r\n");
      return end != std::string::npos && request_.size() >= end + 4 + body;
    };
    while (!complete()) {
      ssize_t got = ::recv(fd.get(), block, sizeof block, 0);
      if (got <= 0) return;
      request_.append(block, static_cast<size_t>(got));
    }
    ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    if (closes) return;
    while (::recv(fd.get(), block, sizeof block, 0) > 0) continue;  // until the client gives up
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  UniqueFd listener_;
  std::string address_, request_;
  std::thread thread_;
};

TEST(AdminClient, SendsARequestAndReadsTheAnswer) {
  OneAnswer server("HTTP/1.1 202 Accepted\r\nWeir-Admin: 1\r\nContent-Length: 2\r\n\r\nok", 2);
  Result<AdminClient> client = AdminClient::parse("http://" + server.address());
  ASSERT_TRUE(client);
  AdminAnswer answer;
  AdminError error;
  ASSERT_TRUE(client->send({"POST", "/v1/drain", "{}", 5s}, answer, error)) << error.message;
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_THAT(server.request(), StartsWith("POST /v1/drain HTTP/1.1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("\r\nContent-Length: 2\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("\r\n\r\n{}"));
}

TEST(AdminClient, ReportsAFailedConnection) {
  AdminAnswer answer;
  AdminError error;
  Result<AdminClient> client = AdminClient::parse("unix:/nonexistent/admin.sock");
  ASSERT_TRUE(client);
  EXPECT_FALSE(client->send({}, answer, error));
  EXPECT_FALSE(error.timed_out);
  EXPECT_THAT(error.message, HasSubstr("cannot connect to weir at unix:/nonexistent/admin.sock"));
}

TEST(AdminClient, WaitsWhileTheAcceptQueueIsFull) {
  char directory[] = "/tmp/weir-client-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string address = std::string("unix:") + directory + "/admin.sock";
  sockaddr_storage storage{};
  const socklen_t length = Address::parse(address)->to_sockaddr(storage);
  const auto* at = reinterpret_cast<const sockaddr*>(&storage);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), at, length), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  std::vector<UniqueFd> waiting;
  do waiting.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  while (::connect(waiting.back().get(), at, length) == 0);
  ASSERT_EQ(errno, EAGAIN);

  Result<AdminClient> client = AdminClient::parse(address);
  ASSERT_TRUE(client);
  AdminAnswer answer;
  AdminError error;
  EXPECT_FALSE(client->send({"GET", "/live", "", 50ms}, answer, error));
  EXPECT_THAT(error.message, HasSubstr("timed out")) << "connect waited until the deadline";

  std::atomic<bool> sent{false};
  std::thread asks([&] { sent = client->send({"GET", "/live", "", 20s}, answer, error); });
  for (size_t i = 0; i + 1 < waiting.size(); ++i)
    UniqueFd(::accept(listener.get(), nullptr, nullptr));
  const UniqueFd asked(::accept(listener.get(), nullptr, nullptr));
  const std::string_view ok = "HTTP/1.1 200 OK\r\nWeir-Admin: 1\r\nContent-Length: 0\r\n\r\n";
  char block[1024];
  EXPECT_GT(::recv(asked.get(), block, sizeof block, 0), 0);
  ::send(asked.get(), ok.data(), ok.size(), MSG_NOSIGNAL);
  ::shutdown(asked.get(), SHUT_WR);
  asks.join();
  EXPECT_TRUE(sent) << error.message;
  std::filesystem::remove_all(directory);
}

TEST(AdminClient, TimesOutIfTheServerDoesNotAnswer) {
  OneAnswer server("", 0, false);
  Result<AdminClient> client = AdminClient::parse(server.address());
  ASSERT_TRUE(client);
  AdminAnswer answer;
  AdminError error;
  EXPECT_FALSE(client->send({"GET", "/ready", "", 50ms}, answer, error));
  EXPECT_TRUE(error.timed_out);
}

TEST(AdminClient, RefusesATruncatedAnswer) {
  OneAnswer server("HTTP/1.1 200 OK\r\nWeir-Admin: 1\r\nContent-Length: 100\r\n\r\nhalf");
  Result<AdminClient> client = AdminClient::parse(server.address());
  ASSERT_TRUE(client);
  AdminAnswer answer;
  AdminError error;
  EXPECT_FALSE(client->send({"GET", "/v1/status", "", 5s}, answer, error));
  EXPECT_THAT(error.message, HasSubstr("not a complete answer"));
}

TEST(AdminClient, RefusesTheAnswerOfAnotherServiceEarly) {
  const std::string json = "{\"result\": \"ok\", \"generation\": 7}";
  const std::string answers[] = {
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n" + json,
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>ready</html>",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX-Weir-Admin: 1\r\n\r\n" + json,
      "SSH-2.0-OpenSSH_9.2\r\n",
      "-ERR unknown command\r\n",
      "HTTP/1.1 200 OK\r\nX: " + std::string(kMaxAnswerHead, 'x'),
      json,
  };
  for (const std::string& text : answers) {
    OneAnswer server(text, 0, false);  // and it keeps the connection
    Result<AdminClient> client = AdminClient::parse(server.address());
    ASSERT_TRUE(client);
    AdminAnswer answer;
    AdminError error;
    EXPECT_FALSE(client->send({"POST", "/v1/reload?wait=1", "", 60s}, answer, error))
        << text.substr(0, 80);
    EXPECT_FALSE(error.timed_out) << text.substr(0, 80);
    EXPECT_THAT(error.message, HasSubstr("is not weir's admin server"));
  }
}

TEST(AdminClient, ReadsAnAnswerByItsLengthWhileTheConnectionStaysOpen) {
  OneAnswer server("HTTP/1.1 200 OK\r\nweir-admin: 1\r\nContent-Length: 2\r\n\r\nok", 0, false);
  Result<AdminClient> client = AdminClient::parse(server.address());
  ASSERT_TRUE(client);
  AdminAnswer answer;
  AdminError error;
  ASSERT_TRUE(client->send({"GET", "/live", "", 60s}, answer, error)) << error.message;
  EXPECT_EQ(answer.body, "ok");
}

TEST(AdminClient, SendsTheIpAddressAsHost) {
  OneAnswer server("HTTP/1.1 200 OK\r\nWeir-Admin: 1\r\nContent-Length: 0\r\n\r\n");
  const std::string port = server.address().substr(server.address().rfind(':'));
  Result<AdminClient> client = AdminClient::parse("localhost" + port);
  ASSERT_TRUE(client);
  AdminAnswer answer;
  AdminError error;
  ASSERT_TRUE(client->send({}, answer, error)) << error.message;
  EXPECT_THAT(server.request(), HasSubstr("\r\nHost: 127.0.0.1" + port + "\r\n"));
}

TEST(AdminClient, RefusesInvalidAddressesWithACorrection) {
  for (const char* text : {"", "unix:", "localhost", "http://", "http://host:port"}) {
    EXPECT_FALSE(AdminClient::parse(text)) << text;
  }
  EXPECT_THAT(AdminClient::parse("localhost").error().message, HasSubstr("http://host:port"));
  EXPECT_THAT(AdminClient::parse("https://localhost:1").error().message,
              HasSubstr("does not support TLS"));
  EXPECT_THAT(AdminClient::parse("/run/a.sock").error().message, HasSubstr("unix:/run/a.sock"));
}

TEST(ParseAnswer, JoinsChunks) {
  Result<AdminAnswer> answer = parse_answer(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: "
      "chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "abc0123456789");
}

TEST(ParseAnswer, RefusesATruncatedOrInvalidAnswer) {
  EXPECT_FALSE(parse_answer(""));
  EXPECT_FALSE(parse_answer("SSH-2.0-x\r\n\r\n"));
  EXPECT_FALSE(parse_answer("HTTP/1.1 999 x\r\n\r\n"));
  EXPECT_FALSE(parse_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"));
  EXPECT_FALSE(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab"));
}

}  // namespace
}  // namespace weir::cli
