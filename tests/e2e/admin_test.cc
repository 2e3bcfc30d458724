// The admin server of the real binary under hostile input, while data flows.
#include <atomic>
#include <thread>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"

namespace weir {
namespace {

using End = Socket::End;

class AdminTest : public testing::Test {
 protected:
  LoadServer backend_{LoadServer::Behaviour::echo};
  Address bind_ = free_address();
  ProxyProcess weir_{simple(bind_, {backend_.address()})};

  // The response to raw bytes, up to the end or the timeout `patience`.
  std::string raw(const std::string& bytes, Duration patience = 10s) {
    Socket socket = Socket::connect(weir_.admin_address());
    socket.send(bytes);
    return socket.receive_all(patience);
  }
};

TEST_F(AdminTest, AnswersEveryPath) {
  EXPECT_EQ(weir_.get("/live").body, "ok\n");
  EXPECT_EQ(weir_.get("/ready").body, "ready\n");
  EXPECT_EQ(weir_.get("/nothing").status, 404);
  EXPECT_EQ(weir_.post("/live").status, 405);
  const nlohmann::json status = weir_.get("/v1/status").json();
  EXPECT_EQ(status["pid"], weir_.pid());
  EXPECT_EQ(status["phase"], "serving");
  EXPECT_EQ(status["ready"], true);
  ASSERT_EQ(status["listeners"].size(), 1u);
  EXPECT_EQ(status["listeners"][0]["name"], "web");
  ASSERT_EQ(status["clusters"].size(), 1u);
  EXPECT_EQ(status["clusters"][0]["backends"][0]["address"], backend_.address().text());
  EXPECT_EQ(weir_.get("/v1/drain").json()["deadline_seconds"], nullptr);
}

TEST_F(AdminTest, CompressesMetricsForClientsThatAcceptGzip) {
  const std::string answer = raw(
      "GET /metrics HTTP/1.1\r\nhost: weir\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n");
  EXPECT_NE(answer.find("gzip"), std::string::npos);
  EXPECT_NE(answer.find("\r\n\r\n\x1f\x8b"), std::string::npos);
}

TEST_F(AdminTest, RefusesInvalidHttp) {
  const std::string garbage[] = {
      std::string(100'000, 'A'),
      "GET / HTTP/9.9\r\n\r\n",
      "GET /live HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
      "POST /v1/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n",
      "POST /v1/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: "
      "chunked\r\n\r\n",
      "GET /live HTTP/1.1\r\nhost: a\r\nx: " + std::string(1 << 20, 'x') + "\r\n\r\n",
      std::string("\0\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 12) + "\r\n\r\n",
  };
  for (const std::string& bytes : garbage) {
    const std::string answer = raw(bytes);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4") ||
                answer.starts_with("HTTP/1.1 5"))
        << answer.substr(0, 100);
    EXPECT_EQ(weir_.get("/live").status, 200);
  }
}

TEST_F(AdminTest, PlanOfAnInvalidTextIsRefused) {
  EXPECT_EQ(weir_.post("/v1/plan", "{").status, 400);
  EXPECT_EQ(weir_.post("/v1/plan", R"({"path":"relative.yaml"})").status / 100, 4);
  EXPECT_EQ(weir_.post("/v1/plan", R"({"path":"/nonexistent/weir.yaml"})").status, 422);
  EXPECT_EQ(weir_.post("/v1/drain", R"({"timeout":"soon"})").status / 100, 4);
  EXPECT_EQ(weir_.get("/ready").status, 200) << "and nothing drains";
}

TEST_F(AdminTest, ManySlowClientsDoNotDelayAResponse) {
  std::vector<Socket> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(Socket::connect(weir_.admin_address()));
    slow.back().send("GET /metr");
  }
  std::vector<Socket> deaf;  // send requests and do not read
  for (int i = 0; i < 50; ++i) {
    deaf.push_back(Socket::connect(weir_.admin_address()));
    deaf.back().shrink_buffers();
    deaf.back().send("GET /metrics HTTP/1.1\r\nhost: weir\r\n\r\n");
  }
  EXPECT_EQ(weir_.get("/live").status, 200);
  Socket client = Socket::connect(bind_);
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(client.receive(5), "hello");
  EXPECT_LT(weir_.resident_bytes(), size_t{400} << 20);
}

TEST_F(AdminTest, MaliciousInputDoesNotAffectTheDataPath) {
  std::atomic<bool> stop{false};
  std::thread attack([&] {
    uint32_t state = 1;
    while (!stop) {
      Socket socket = Socket::connect(weir_.admin_address());
      std::string bytes =
          "POST /v1/reload?wait=1 HTTP/1.1\r\nhost: weir\r\ncontent-length: 3\r\n\r\nabc";
      for (int i = 0; i < 4; ++i) {
        state = state * 1664525 + 1013904223;
        bytes[state % bytes.size()] = static_cast<char>(state >> 24);
      }
      socket.send(bytes, 1s);
      if (state % 2 == 0) socket.receive_all(20ms);
      if (state % 3 == 0) socket.reset();
    }
  });
  Acceptor backend;
  Socket client = Socket::connect(bind_);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = "message " + std::to_string(i);
    if (!client.send(text) || client.receive(text.size()) != text) {
      ADD_FAILURE() << i;
      break;
    }
  }
  stop = true;
  attack.join();
  EXPECT_EQ(weir_.get("/live").status, 200);
  EXPECT_EQ(weir_.scrape().imbalance(), 0);
}

}  // namespace
}  // namespace weir
