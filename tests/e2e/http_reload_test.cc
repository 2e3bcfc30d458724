// Reloads and SIGTERM under HTTP traffic of all kinds, by wrk, h2load and clients of the tests: no
// request fails, except those that a drain must cut.
#include <signal.h>

#include <future>
#include <iostream>

#include "support/config_text.h"
#include "support/http_load.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {
namespace {

using End = Socket::End;

const size_t kBody = weir_is_sanitized() ? 256 << 10 : 2 << 20;
constexpr int kMixedReloads = 200;

const std::string kQuiet = "logging: {level: warn, access: {output: none}}\n";

double ended(const Scrape& scrape, const std::string& reason) {
  return scrape.sum("weir_connections_ended_total", {{"reason", reason}});
}

class HttpReloadTest : public testing::Test {
 protected:
  // Routes, clusters, balancing and backends change each time; each backend is removed and added
  // again.
  std::string config_of(int i) const {
    const std::vector<Address> first{first_.address()}, second{second_.address()},
        both{first_.address(), second_.address()};
    switch (i % 4) {
      case 0:
        return config_text(http_listener("web", bind_, "cluster: app"), cluster("app", first),
                           kQuiet);
      case 1:
        return config_text(
            http_listener("web", bind_,
                          "routes: [{match: {path_prefix: /say}, cluster: app, headers: {response: "
                          "{set: {x-generation: one}}}}], cluster: other"),
            cluster("app", both, "balance: least_connections") + cluster("other", second), kQuiet);
      case 2:
        return config_text(http_listener("web", bind_, "cluster: app, timeouts: {keep_alive: 60s}"),
                           cluster("app", second), kQuiet);
      default:
        return config_text(
            http_listener("web", bind_,
                          "routes: [{match: {methods: [POST]}, clusters: [{name: app, weight: 2}, "
                          "{name: other}]}], cluster: app"),
            cluster("app", both) + cluster("other", first, "pool: {max_idle: 2}"), kQuiet);
    }
  }
  void add(HttpLoad::Step step) { loads_.push_back(std::make_unique<HttpLoad>(std::move(step))); }
  void add_own_loads() {
    add(HttpLoad::keep_alive(bind_));
    add(HttpLoad::pipelined(bind_));
    add(HttpLoad::upload(bind_, kBody));
    add(HttpLoad::download(bind_, kBody));
  }
  std::string url(const std::string& path) const { return "http://" + bind_.text() + path; }

  const Address bind_ = free_address();
  HttpBackend first_{HttpLoad::answer}, second_{HttpLoad::answer};
  std::vector<std::unique_ptr<HttpLoad>> loads_;
};

TEST_F(HttpReloadTest, TwoHundredReloadsUnderMixedLoadCauseNoFailure) {
  ProxyProcess weir(config_of(0));
  add_own_loads();
  add(HttpLoad::closing(bind_));
  add(HttpLoad::websocket(bind_, 0));
  add(HttpLoad::websocket(bind_, 50));
  add(HttpLoad::command("curl -sS --noproxy '*' --fail -o /dev/null '" +
                        url("/bytes/[10000-10040]") + "'"));
  add(HttpLoad::command("h2load --h1 -t 1 -c 5 -n 500 " + url("/say/hello"),
                        "500 succeeded, 0 failed, 0 errored, 0 timeout"));
  add(HttpLoad::command("wrk -t 1 -c 5 -d 1 " + url("/say/hello"), "Requests/sec", "errors"));
  for (int i = 1; i <= kMixedReloads; ++i) {
    weir.write_config(config_of(i));
    const AdminAnswer answer = weir.reload();
    ASSERT_EQ(answer.status, 200) << i << ": " << answer.body;
    ASSERT_EQ(answer.json()["result"], "ok") << i;
  }
  for (const auto& load : loads_) EXPECT_TRUE(load->await_done(2, 60s)) << &load - loads_.data();
  uint64_t done = 0;
  for (const auto& load : loads_) {
    load->stop();
    EXPECT_EQ(load->failure(), "");
    done += load->done();
  }
  loads_.clear();
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.imbalance(), 0);
  EXPECT_EQ(scrape.sum("weir_backend_requests_in_flight"), 0);
  // Only wrk and h2load close within requests.
  for (const char* reason :
       {"backend_closed", "backend_reset", "backend_error", "connect_failed", "no_backend",
        "bad_request", "response_timeout", "queue_full", "error"})
    EXPECT_EQ(ended(scrape, reason), 0) << reason;
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0);
  std::cout << kMixedReloads << " reloads, " << done << " rounds of load\n";
}

// One request holds the only connection that is allowed, another waits for it.
TEST_F(HttpReloadTest, ReloadThatRaisesALimitDispatchesWaitingRequestsAtOnce) {
  std::promise<void> end;
  const std::shared_future<void> ended_now = end.get_future().share();
  HttpBackend backend([ended_now](HttpPeer& peer, HttpMessage& request) {
    if (request.target() == "/long") ended_now.wait();
    return peer.send(http_ok("done"));
  });
  const auto release = [&end](void*) { end.set_value(); };
  const std::unique_ptr<void, decltype(release)> in_the_end(&end, release);
  const auto text = [&](const std::vector<Address>& backends, const std::string& limit) {
    return config_text(
        http_listener("web", bind_, "cluster: app"),
        cluster("app", backends, "queue: {timeout: 60s}, pool: {max_connections: " + limit + "}"),
        "global: {workers: 1}\n" + kQuiet);
  };
  for (const bool other_backend : {false, true}) {
    ProxyProcess weir(text({backend.address()}, "1"));
    HttpPeer holds(Socket::connect(bind_)), waits(Socket::connect(bind_)),
        comes(Socket::connect(bind_));
    ASSERT_TRUE(holds.send(http_get("/long")));
    ASSERT_TRUE(weir.await_metric("weir_backend_requests_in_flight", {}, 1));
    ASSERT_TRUE(waits.send(http_get("/say/q")));
    ASSERT_TRUE(weir.await_metric("weir_cluster_queue_length", {}, 1));
    weir.write_config(other_backend ? text({backend.address(), first_.address()}, "1")
                                    : text({backend.address()}, "10"));
    ASSERT_EQ(weir.reload().status, 200);
    EXPECT_EQ(waits.read_response().status(), 200);
    if (!other_backend) {
      EXPECT_EQ(comes.ask(http_get("/now")).body, "done");
    }
    EXPECT_TRUE(weir.await_metric("weir_backend_requests_in_flight", {}, 1)) << "/long continues";
  }
}

TEST_F(HttpReloadTest, SigtermUnderMixedLoadCutsNoRequest) {
  ProxyProcess weir(config_of(3) + "drain: {timeout: 60s, spread: 2s}\n");
  add_own_loads();
  add_own_loads();
  const size_t requesting = loads_.size();
  add(HttpLoad::websocket(bind_, 0));
  std::vector<HttpPeer> idle;
  for (int i = 0; i < 5; ++i) {
    idle.emplace_back(Socket::connect(bind_));
    ASSERT_EQ(idle.back().ask(http_get("/say/hello")).body, "hello");
  }
  for (const auto& load : loads_) ASSERT_TRUE(load->await_done(3)) << load->failure();
  weir.signal(SIGTERM);
  for (size_t i = 0; i < requesting; ++i) {
    EXPECT_TRUE(loads_[i]->await_end()) << i;
    loads_[i]->stop();
    EXPECT_EQ(loads_[i]->failure(), HttpLoad::kAnnouncedClose) << i;
  }
  for (HttpPeer& peer : idle) EXPECT_EQ(peer.socket().wait_end(), End::fin);
  idle.clear();
  loads_.erase(loads_.begin(), loads_.begin() + ptrdiff_t(requesting));
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 1));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.imbalance(), 0);
  EXPECT_EQ(ended(scrape, "last_request"), requesting);
  EXPECT_EQ(ended(scrape, "drain_idle"), 5);
  EXPECT_EQ(scrape.sum("weir_connections_ended_total"), requesting + 5);
  const HttpLoad& tunnel = *loads_.front();
  EXPECT_TRUE(tunnel.await_done(tunnel.done() + 3)) << "the tunnel continues";
  loads_.front()->stop();
  EXPECT_EQ(tunnel.failure(), "");
  loads_.clear();
  EXPECT_EQ(weir.wait(), 0) << "nothing was cut";
}

// One connection in each state, and its end in a drain.
class HttpDrainTest : public testing::Test {
 protected:
  ~HttpDrainTest() override { open_gate(); }

  bool answer(HttpPeer& peer, HttpMessage& request) {
    const std::string target = request.target();
    if (target == "/never") return peer.socket().wait_end(120s), false;
    if (target.starts_with("/gate/")) gate_.wait();
    if (target == "/gate/expect") peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    if (target == "/half") {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
      gate_.wait();
      return peer.send("half");
    }
    if (target.starts_with("/gate/")) {
      peer.read_body(request);
      return request.whole && peer.send(http_ok("answer"));
    }
    return HttpLoad::answer(peer, request);
  }
  void open_gate() {
    if (!std::exchange(opened_, true)) opener_.set_value();
  }
  HttpPeer asking(const std::string& request) {
    HttpPeer peer(Socket::connect(bind_));
    EXPECT_TRUE(peer.send(request)) << request;
    return peer;
  }
  static void expect_answer(HttpPeer& peer, const std::string& body, bool told = true) {
    const HttpMessage answer = peer.read_response();
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.body, body);
    EXPECT_EQ(answer.closes(), told) << answer.head;
    EXPECT_EQ(peer.socket().wait_end(), End::fin);
    EXPECT_TRUE(peer.drained());
  }

  std::promise<void> opener_;
  std::shared_future<void> gate_{opener_.get_future()};
  bool opened_ = false;
  const Address bind_ = free_address();
  HttpBackend backend_{[this](HttpPeer& peer, HttpMessage& m) { return answer(peer, m); }};
};

TEST_F(HttpDrainTest, EveryStateEndsAsExpectedAndIsCounted) {
  ProxyProcess weir(config_text(http_listener("web", bind_, "cluster: app"),
                                cluster("app", {backend_.address()}),
                                "drain: {timeout: 10s, spread: 2s}\n"
                                "logging: {access: {output: none}}\n"));
  const std::string post = "POST /gate/x HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n";
  HttpPeer head = asking("GET /say/hello HTTP/1.1\r\nHo");
  HttpPeer waiting = asking(http_get("/gate/x"));
  HttpPeer down = asking(http_get("/half"));
  HttpPeer up = asking(post + "\r\nhalf");
  HttpPeer expecting = asking(
      "POST /gate/expect HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
      "Expect: 100-continue\r\n\r\n");
  HttpPeer pair = asking(http_get("/gate/x") + http_get("/say/second"));
  HttpPeer never = asking(http_get("/never"));
  HttpPeer tunnel = open_websocket(bind_);
  HttpPeer mute(Socket::connect(bind_));
  mute.socket().shrink_buffers();
  ASSERT_TRUE(mute.send(http_get("/bytes/200000000")));
  HttpPeer idle = asking(http_get("/say/hello"));
  ASSERT_EQ(idle.read_response().body, "hello");
  ASSERT_TRUE(weir.await_metric("weir_backend_requests_in_flight", {}, 8));

  weir.signal(SIGTERM);
  ASSERT_TRUE(weir.await_metric("weir_process_state", {{"state", "draining"}}, 1));
  open_gate();
  ASSERT_TRUE(head.send("st: x\r\n\r\n"));
  expect_answer(head, "hello");
  expect_answer(waiting, "answer");
  expect_answer(down, "halfhalf", false);  // its head was sent: it ends like an idle one
  ASSERT_TRUE(up.send("half"));
  expect_answer(up, "answer");
  ASSERT_TRUE(expecting.send("body"));
  expect_answer(expecting, "answer");
  expect_answer(pair, "answer");
  EXPECT_EQ(idle.socket().wait_end(), End::fin);
  for (HttpPeer* peer : {&head, &waiting, &down, &up, &expecting, &pair, &idle}) *peer = {};
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 3));
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.imbalance(), 0);
  EXPECT_EQ(ended(scrape, "last_request"), 5);
  EXPECT_EQ(ended(scrape, "drain_idle"), 2);

  // Connections that only the deadline ends.
  const HttpMessage cut = never.read_response();
  EXPECT_EQ(cut.status(), 503);
  EXPECT_TRUE(cut.whole && cut.closes());
  EXPECT_EQ(never.socket().wait_end(), End::fin);
  EXPECT_EQ(tunnel.socket().wait_end(), End::fin) << "it was silent, and ended with a FIN";
  never = {}, tunnel = {};
  EXPECT_EQ(mute.socket().wait_end(), End::reset) << "a truncated response must not look complete";
  EXPECT_EQ(weir.wait(), 4) << "something was cut";
  EXPECT_NE(weir.errors().find("event=server.drained cut=3"), std::string::npos);
}

TEST_F(HttpDrainTest, RequestsInTheAcceptQueueAreAnswered) {
  ProxyProcess weir(config_text(http_listener("web", bind_, "cluster: app"),
                                cluster("app", {backend_.address()}),
                                "drain: {timeout: 30s}\n" + kQuiet));
  weir.signal(SIGSTOP);
  std::vector<HttpPeer> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(asking(http_get("/say/hello")));
  weir.signal(SIGTERM);
  weir.signal(SIGCONT);
  for (HttpPeer& peer : waiting) {
    const HttpMessage answer = peer.read_response();
    EXPECT_EQ(answer.body, "hello");
    peer = {};
  }
  EXPECT_EQ(weir.wait(), 0);
}

}  // namespace
}  // namespace weir
