// Backends with every kind of error, each beside a correct one: weir answers every request that is
// safe to repeat, no POST arrives twice, and no request ends without a result.
#include <fmt/format.h>
#include <poll.h>

#include <map>
#include <memory>

#include "base/hash.h"
#include "support/config_text.h"
#include "support/http_backend.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {
namespace {

using End = Socket::End;

const int kRequests = weir_is_sanitized() ? 60 : 200;

// The POSTs that backends have received, and how often.
class Ledger {
 public:
  void note(const HttpMessage& request) {
    if (request.method() != "POST") return;
    std::lock_guard lock(mutex_);
    ++posts_[request.field("x-id")];
  }
  int times(const std::string& id) const {
    std::lock_guard lock(mutex_);
    const auto found = posts_.find(id);
    return found == posts_.end() ? 0 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> posts_;
};

// The results of one client.
struct Outcome {
  int ok = 0, gateway_errors = 0, aborted = 0;
  std::string failure;  // empty: none
};

// Requests one after the other on connections that are kept as long as weir keeps them.
class Client {
 public:
  Client(const Address& to, const std::string& method, const std::string& name, size_t body)
      : to_(to), method_(method), name_(name), body_(body, 'b') {}

  Outcome run(int requests, const Ledger& ledger) {
    for (int i = 0; i < requests && outcome_.failure.empty(); ++i) {
      const std::string id = name_ + std::to_string(i);
      const int before = outcome_.ok;
      ask(id);
      const int times = ledger.times(id);
      if (times > 1) outcome_.failure = id + " arrived " + std::to_string(times) + " times";
      if (method_ == "POST" && outcome_.ok > before && times != 1)
        outcome_.failure = id + " was answered without having arrived";
    }
    return outcome_;
  }

 private:
  void ask(const std::string& id) {
    if (!peer_) peer_ = HttpPeer(Socket::connect(to_));
    std::string request = method_ + " /" + id + " HTTP/1.1\r\nHost: x\r\nX-Id: " + id + "\r\n";
    if (method_ == "POST") request += fmt::format("Content-Length: {}\r\n", body_.size());
    peer_.send(request + "\r\n" +
               (method_ == "POST" ? body_ : ""));  // the answer may arrive before all is sent
    const HttpMessage answer = peer_.read_response();
    const int status = answer.status();
    if (status == 0) {
      const bool waits = peer_.socket().end() == End::open;
      outcome_.failure = id + (waits ? " got no answer" : " was closed without an answer");
    } else if (!answer.whole) {
      ++outcome_.aborted;
      if (peer_.socket().end() == End::fin) outcome_.failure = id + " was cut, and in order";
    } else if (status == 200) {
      ++outcome_.ok;
      if (answer.body != "answer to /" + id) outcome_.failure = id + " got: " + answer.body;
    } else if (status >= 502 && status <= 504) {
      ++outcome_.gateway_errors;
    } else {
      outcome_.failure = id + " got " + answer.head;
    }
    if (!answer.whole || answer.closes()) peer_ = {};
  }

  const Address to_;
  const std::string method_, name_, body_;
  HttpPeer peer_;
  Outcome outcome_;
};

// The first of these sockets that is readable or has a connection to accept.
size_t readable(std::vector<int> descriptors) {
  std::vector<pollfd> wanted;
  for (int fd : descriptors) wanted.push_back({fd, POLLIN, 0});
  ::poll(wanted.data(), wanted.size(), int(kPatience / 1ms));
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i].revents != 0) return i;
  return 0;
}

class BadBackendsTest : public testing::Test {
 protected:
  static std::string answer_to(const HttpMessage& request) {
    return "answer to " + request.target();
  }
  bool answer_well(HttpPeer& peer, HttpMessage& request) {
    ledger_.note(request);
    peer.read_body(request);
    return request.whole && peer.send(http_ok(answer_to(request)));
  }
  uint64_t random() { return mix(++draws_); }

  void start(HttpBackend::Answer bad, const std::string& retry = {},
             const std::string& timeouts = {}) {
    bad_ = std::make_unique<HttpBackend>(std::move(bad));
    weir_.emplace(config_text(
        http_listener("web", bind_, "cluster: app" + (retry.empty() ? "" : ", retry: " + retry)),
        cluster("app", {bad_->address(), good_.address()},
                timeouts.empty() ? "" : "timeouts: " + timeouts),
        "logging: {level: warn, access: {output: none}}\n"));
  }

  // Few enough for the retry budget, which is not under test.
  void run_clients(int requests, size_t body = 1000) {
    const int round = rounds_++;
    Outcome outcomes[3];
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&, i] {
        Client client(bind_, i < 2 ? "GET" : "POST", fmt::format("{}-{}-", round, i), body);
        outcomes[i] = client.run(requests, ledger_);
      });
    for (std::thread& thread : threads) thread.join();
    for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.failure, "");
    gets_ = outcomes[0];
    gets_.ok += outcomes[1].ok;
    gets_.gateway_errors += outcomes[1].gateway_errors;
    gets_.aborted += outcomes[1].aborted;
    posts_ = outcomes[2];
    EXPECT_GT(good_.requests(), 0u);
    EXPECT_TRUE(weir_->await_metric("weir_connections_active", {}, 0));
    EXPECT_EQ(weir_->scrape().imbalance(), 0);
    EXPECT_EQ(weir_->scrape().sum("weir_backend_requests_in_flight"), 0);
  }
  void expect_every_get_answered(int requests) {
    EXPECT_EQ(gets_.ok, 2 * requests);
    EXPECT_EQ(gets_.gateway_errors, 0);
    EXPECT_EQ(gets_.aborted, 0);
  }
  double retried(const std::string& cause) {
    return weir_->scrape().sum("weir_cluster_retry_causes_total", {{"cause", cause}});
  }

  Ledger ledger_;
  std::atomic<uint64_t> draws_{0};
  int rounds_ = 0;
  const Address bind_ = free_address();
  HttpBackend good_{[this](HttpPeer& peer, HttpMessage& m) { return answer_well(peer, m); }};
  std::unique_ptr<HttpBackend> bad_;
  std::optional<ProxyProcess> weir_;
  Outcome gets_, posts_;
};

TEST_F(BadBackendsTest, RefusingBackendCausesNoFailure) {
  start([this](HttpPeer& peer, HttpMessage& m) { return answer_well(peer, m); });
  bad_->stop();
  run_clients(kRequests);
  expect_every_get_answered(kRequests);
  EXPECT_EQ(posts_.ok, kRequests) << "nothing of a POST was sent either";
  EXPECT_GT(retried("connect_failure"), 0);
}

TEST_F(BadBackendsTest, BackendThatClosesIdleConnectionsAtRandomFailsNoIdempotentRequest) {
  start([this](HttpPeer& peer, HttpMessage& m) {
    if (!answer_well(peer, m)) return false;
    if (random() % 2 == 0) return true;
    // Possibly while the next request is in transit; the backend does not read it.
    wait_ready(peer.socket().fd(), POLLIN, std::chrono::microseconds(random() % 2000));
    return false;
  });
  run_clients(2 * kRequests);
  expect_every_get_answered(2 * kRequests);
  EXPECT_EQ(posts_.ok + posts_.gateway_errors, 2 * kRequests);
  EXPECT_EQ(posts_.aborted, 0);
}

TEST_F(BadBackendsTest, RequestDroppedByANewConnectionIsNotSentAgainByDefault) {
  start([this](HttpPeer& peer, HttpMessage& m) {
    ledger_.note(m);
    if (random() % 2 == 0) end_with_reset(peer);
    return false;
  });
  run_clients(kRequests);
  EXPECT_EQ(gets_.ok + gets_.gateway_errors, 2 * kRequests);
  EXPECT_GT(gets_.gateway_errors, 0);
  EXPECT_EQ(posts_.ok + posts_.gateway_errors, kRequests);
  EXPECT_EQ(retried("reset_before_response"), 0);
}

TEST_F(BadBackendsTest, IdempotentRequestDroppedByANewConnectionIsSentAgainWhenConfigured) {
  start(
      [this](HttpPeer& peer, HttpMessage& m) {
        ledger_.note(m);
        if (random() % 2 == 0) end_with_reset(peer);
        return false;
      },
      "{on: [reset_before_response]}");
  run_clients(kRequests);
  expect_every_get_answered(kRequests);
  EXPECT_GT(retried("reset_before_response"), 0);
  EXPECT_GT(posts_.gateway_errors, 0) << "a POST that may have been processed";
}

TEST_F(BadBackendsTest, BackendThatExitsDuringAResponseAbortsTheClient) {
  start([this](HttpPeer& peer, HttpMessage& m) {
    ledger_.note(m);
    peer.read_body(m);
    switch (random() % 8) {
      default: peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nanswer"); break;
      case 1:
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\n");
        break;
      case 2: peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n60\r\nanswer"); break;
      case 3:
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nanswer");
        end_with_reset(peer);
    }
    return false;
  });
  run_clients(kRequests);
  EXPECT_GT(gets_.aborted, 0);
  // A reset destroys the bytes before it: then the client has received none of the response.
  EXPECT_EQ(gets_.ok + gets_.aborted + gets_.gateway_errors, 2 * kRequests);
  EXPECT_EQ(posts_.ok + posts_.aborted + posts_.gateway_errors, kRequests);
}

TEST_F(BadBackendsTest, GarbageIsAnsweredWithAnErrorAndNotForwarded) {
  start([this](HttpPeer& peer, HttpMessage& m) {
    static constexpr std::string_view kGarbage[] = {
        "\x16\x03\x01 this is not HTTP\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/3.0 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    };
    ledger_.note(m);
    peer.read_body(m);
    peer.send(kGarbage[random() % std::size(kGarbage)]);
    peer.socket().wait_end();  // weir does not read the rest
    return false;
  });
  run_clients(kRequests);
  EXPECT_GT(gets_.gateway_errors, 0);
  EXPECT_EQ(gets_.ok + gets_.gateway_errors, 2 * kRequests);
  EXPECT_EQ(posts_.ok + posts_.gateway_errors, kRequests);
}

TEST_F(BadBackendsTest, StalledBackendTimesOut) {
  constexpr int kFew = 6;
  start(
      [this](HttpPeer& peer, HttpMessage& m) {
        ledger_.note(m);
        if (random() % 2 == 0) peer.send("HTTP/1.1 200");
        peer.socket().wait_end();
        return false;
      },
      {}, "{response_header: 300ms}");
  run_clients(kFew);
  EXPECT_EQ(gets_.ok + gets_.gateway_errors, 2 * kFew);
  EXPECT_EQ(posts_.ok + posts_.gateway_errors, kFew);
  EXPECT_GT(gets_.gateway_errors, 0);
}

TEST_F(BadBackendsTest, StalledBackendFailsNoIdempotentRequestWithRetries) {
  constexpr int kFew = 6;
  start(
      [this](HttpPeer& peer, HttpMessage& m) {
        ledger_.note(m);
        peer.socket().wait_end();
        return false;
      },
      "{on: [timeout], per_try_timeout: 300ms}");
  run_clients(kFew);
  expect_every_get_answered(kFew);
  EXPECT_GT(retried("timeout"), 0);
}

TEST_F(BadBackendsTest, ResponseBeforeTheBodyIsReadArrivesComplete) {
  start([this](HttpPeer& peer, HttpMessage& m) {
    ledger_.note(m);
    if (random() % 2 == 0) {
      peer.send(http_ok(answer_to(m)));
      peer.read_body(m);
      return m.whole;
    }
    peer.send(http_ok(answer_to(m), "Connection: close\r\n"));
    peer.socket().finish();
    peer.socket().wait_end();
    return false;
  });
  run_clients(kRequests, 300'000);
  expect_every_get_answered(kRequests);
  EXPECT_EQ(posts_.ok, kRequests);
}

// The response must arrive although the client is still sending.
TEST_F(BadBackendsTest, BackendThatExitsWhileItReadsABodyIsAnsweredWithAnError) {
  start([this](HttpPeer& peer, HttpMessage& m) {
    ledger_.note(m);
    if (m.method() == "GET") return peer.send(http_ok(answer_to(m)));
    peer.read_bytes(random() % 100'000);
    if (random() % 2 == 0) peer.send(http_ok(answer_to(m)));  // it may fail
    if (random() % 2 == 0) end_with_reset(peer);
    return false;
  });
  run_clients(kRequests / 2, 300'000);
  EXPECT_EQ(gets_.ok + gets_.gateway_errors, kRequests);
  EXPECT_EQ(posts_.ok + posts_.gateway_errors, kRequests / 2);
  EXPECT_GT(posts_.gateway_errors, 0);
}

TEST_F(BadBackendsTest, ReturningBackendGetsRequestsAgainWithoutAFailure) {
  start([this](HttpPeer& peer, HttpMessage& m) { return answer_well(peer, m); });
  for (int i = 0; i < 3; ++i) {
    bad_->stop();
    run_clients(kRequests / 4);
    expect_every_get_answered(kRequests / 4);
    bad_->start();
    const uint64_t before = bad_->requests();
    const TimePoint from = std::chrono::steady_clock::now();
    while (bad_->requests() == before && std::chrono::steady_clock::now() < from + 10s) {
      run_clients(10);
      expect_every_get_answered(10);
    }
    EXPECT_GT(bad_->requests(), before);
  }
}

// The retry needs a new connection, because the kept one was closed; but kept connections use the
// whole limit of the backend.
TEST_F(BadBackendsTest, IdleConnectionsAreClosedForARetry) {
  Acceptor one, other;
  weir_.emplace(
      config_text(http_listener("web", bind_, "cluster: app"),
                  cluster("app", {one.address(), other.address()}, "pool: {max_connections: 2}"),
                  "global: {workers: 1}\n"));
  HttpPeer clients[4], backends[4];
  Acceptor* owners[4];
  for (int i = 0; i < 4; ++i) {
    clients[i] = HttpPeer(Socket::connect(bind_));
    ASSERT_TRUE(clients[i].send(http_get("/first")));
    owners[i] = readable({one.fd(), other.fd()}) == 0 ? &one : &other;
    backends[i] = HttpPeer(owners[i]->accept());
    ASSERT_EQ(backends[i].read_head().target(), "/first");
  }
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(backends[i].send(http_ok("kept")));
    ASSERT_EQ(clients[i].read_response().body, "kept");
  }
  ASSERT_TRUE(weir_->await_metric("weir_backend_connections_idle", {}, 4));
  ASSERT_TRUE(clients[0].send(http_get("/second")));
  const size_t dying = readable({backends[0].socket().fd(), backends[1].socket().fd(),
                                 backends[2].socket().fd(), backends[3].socket().fd()});
  ASSERT_EQ(backends[dying].read_head().target(), "/second");
  owners[dying]->stop();
  backends[dying].socket().close();
  HttpPeer fresh((owners[dying] == &one ? other : one).accept());
  ASSERT_EQ(fresh.read_head().target(), "/second");
  ASSERT_TRUE(fresh.send(http_ok("served")));
  EXPECT_EQ(clients[0].read_response().body, "served");
}

// The backend restarts twice: all connections close at the same time, after different idle times.
TEST_F(BadBackendsTest, RestartOfABackendIsNotLearnedAsItsIdleLimit) {
  start([this](HttpPeer& peer, HttpMessage& m) { return answer_well(peer, m); });
  for (int i = 0; i < 3; ++i) {
    run_clients(10);
    ASSERT_TRUE(weir_->await_metric("weir_backend_requests_in_flight", {}, 0));
    EXPECT_GT(weir_->scrape().sum("weir_backend_connections_idle"), 1) << "still kept";
    good_.stop();
    bad_->stop();
    ASSERT_TRUE(weir_->await_metric("weir_backend_connections_idle", {}, 0));
    good_.start();
    bad_->start();
  }
  EXPECT_EQ(weir_->errors().find("closes_idle_connections"), std::string::npos);
}

TEST_F(BadBackendsTest, RequestsFailWithoutTheOnlyBackendAndSucceedWhenItReturns) {
  weir_.emplace(config_text(http_listener("web", bind_, "cluster: app"),
                            cluster("app", {good_.address()}), "logging: {level: warn}\n"));
  HttpPeer peer(Socket::connect(bind_));
  EXPECT_EQ(peer.ask(http_get("/1")).status(), 200);
  good_.stop();
  for (int i = 0; i < 5; ++i) {
    const int status = peer.ask(http_get("/2")).status();
    EXPECT_TRUE(status == 502 || status == 503) << status;
  }
  good_.start();
  const TimePoint from = std::chrono::steady_clock::now();
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < from + 10s)
    status = peer.ask(http_get("/3")).status();
  EXPECT_EQ(status, 200);
}

}  // namespace
}  // namespace weir
