// Thousands of clients that send their heads byte by byte: their memory, their effect on other
// clients, and their ends.
#include <poll.h>

#include <algorithm>
#include <iostream>

#include "support/config_text.h"
#include "support/http_backend.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {
namespace {

const size_t kClients = weir_is_sanitized() ? 1000 : 5000;
// The buffer of a head, 16 KiB, and the state of a connection and its request; a sanitizer adds its
// shadow memory.
const size_t kBytesEach = weir_is_sanitized() ? 128 * 1024 : 24 * 1024;
constexpr int kNormalRequests = 100;

class SlowClientsTest : public testing::Test {
 protected:
  SlowClientsTest() { allow_many_descriptors(); }

  // One of ten sends nothing; the others send a head that they do not complete.
  void open_drippers() {
    for (size_t i = 0; i < kClients; ++i) {
      drippers_.push_back(Socket::connect(bind_));
      ASSERT_TRUE(drippers_.back()) << i;
      if (i % 10 != 0) {
        ASSERT_TRUE(drippers_.back().send("GET / HTTP/1.1\r\nHost: slow\r\nX-Drip: "));
      }
    }
  }
  // One byte from each client that has begun and is still connected.
  void drip(size_t from, size_t to) {
    for (size_t i = from; i < to; ++i)
      if (i % 10 != 0 && drippers_[i].end() == Socket::End::open) drippers_[i].send_some("x");
  }
  // The median time of a request on a kept connection; all of them are answered.
  Duration normal_requests(HttpPeer& peer, bool dripping) {
    std::vector<Duration> times;
    const size_t share = kClients / kNormalRequests;
    for (size_t i = 0; i < kNormalRequests; ++i) {
      if (dripping) drip(i * share, (i + 1) * share);
      const TimePoint from = std::chrono::steady_clock::now();
      EXPECT_EQ(peer.ask(http_get("/")).body, "ok");
      times.push_back(std::chrono::steady_clock::now() - from);
    }
    std::nth_element(times.begin(), times.begin() + kNormalRequests / 2, times.end());
    return times[kNormalRequests / 2];
  }
  static double resident(const ProxyProcess& weir) {
    return weir.scrape().sum("process_resident_memory_bytes");
  }
  static double heap(const ProxyProcess& weir) { return weir.scrape().sum("process_heap_bytes"); }
  static double ended(const ProxyProcess& weir, const std::string& reason) {
    return weir.scrape().sum("weir_connections_ended_total", {{"reason", reason}});
  }

  const Address bind_ = free_address();
  HttpBackend backend_{[](HttpPeer& peer, HttpMessage&) { return peer.send(http_ok("ok")); }};
  std::vector<Socket> drippers_;
};

TEST_F(SlowClientsTest, UseBoundedMemoryDelayNoOtherClientAndTimeOut) {
  // Long enough for all clients to be connected at once on a slow machine.
  ProxyProcess weir(config_text(
      http_listener("web", bind_, "cluster: app, timeouts: {request_header: 20s, keep_alive: 5m}"),
      cluster("app", {backend_.address()}), "logging: {level: warn, access: {output: none}}\n"));
  HttpPeer normal(Socket::connect(bind_));
  const Duration before = normal_requests(normal, false);
  const double resident_before = resident(weir), heap_before = heap(weir);

  ASSERT_NO_FATAL_FAILURE(open_drippers());
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, double(kClients + 1)));
  const Duration beside = normal_requests(normal, true);
  const double growth = resident(weir) - resident_before;
  EXPECT_LT(growth, double(kClients * kBytesEach));
  EXPECT_LT(beside, 20 * before + 20ms);
  EXPECT_EQ(ended(weir, "request_header_timeout"), 0) << "until now all clients were connected";

  // Slow bytes do not extend the timeout.
  Socket& first = drippers_[1];
  for (int i = 0; i < 300 && !wait_ready(first.fd(), POLLIN, 100ms); ++i) drip(0, kClients);
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 1, 60s));
  EXPECT_EQ(ended(weir, "request_header_timeout"), kClients);
  size_t told = 0;
  for (size_t i = 0; i < kClients; ++i)
    told += drippers_[i].receive_all(1s).starts_with("HTTP/1.1 408 ");
  EXPECT_EQ(told, kClients - (kClients + 9) / 10) << "all that had begun";
  EXPECT_LT(normal_requests(normal, false), 20 * before + 20ms);
  EXPECT_EQ(weir.scrape().imbalance(), 0);
  normal = {};
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 0));
  EXPECT_LT(heap(weir) - heap_before, 6 << 20) << "their memory was freed";
  std::cout << kClients << " clients, " << size_t(growth) / kClients << " bytes each; median of a "
            << "normal request " << before / 1us << " → " << beside / 1us << " µs\n";
}

}  // namespace
}  // namespace weir
