// An Exchange between a fake client and fake backends, with a configuration as a user writes it.
// However a test ends, every exchange has ended once and has given everything back.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "exchange/exchange.h"
#include "support/test_loop.h"
#include "unit/exchange/fake_ends.h"

namespace weir::test {

class ExchangeFixture : public testing::Test, public TestLoop {
 protected:
  ExchangeFixture() { apply(kText); }
  ~ExchangeFixture() override {
    if (stage() != ExchangeStage::idle) ++abandoned;
    exchange.reset();
    EXPECT_EQ(client.overs + abandoned, client.requests + without_head);
    EXPECT_EQ(backend.ended, backend.begun) << "an attempt keeps its connection";
    EXPECT_FALSE(client.stream.watched());
    EXPECT_EQ(pipes.buffers.lent(), 0u);
    const RouteCells& cells = metrics.route(0);
    EXPECT_EQ(cells.in_flight.value, 0);
    for (uint32_t series = 0; series < 3; ++series)
      EXPECT_EQ(metrics.cluster(series).queue_length.value, 0);
  }

  // The exchange waits for the head of a request.
  void begin(const std::string& begun = "\r\n") { client.begin(begun); }
  // It has got this one.
  void ask(const std::string& text) {
    begin();
    client.asks(text);
  }
  // One without a body: a stream ends with the head.
  void get(const std::string& path = "/") {
    const std::string head = "GET " + path + " HTTP/1.1\r\nHost: a.test\r\n\r\n";
    if (!client.stream.delimits()) return ask(head);
    client.heads.send(head);
    client.stream.finishes();
    begin();
  }
  // The attempt has the request, whose body the client still sends.
  void upload(size_t size = 10) {
    ask(fmt::format("PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n", size));
  }
  void connect_tunnel() {
    ask("GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    backend.answers(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  }
  // Another request has all connections that backends of `c` may have.
  void fill_backends() {
    for (BackendIndex i = 0; i < 2; ++i) taken_.push_back(current->cluster(0).pool(i).open());
  }
  void free_backends() { taken_.clear(); }

  // What came of the exchange: "keep", "linger client_closed", ...; "open" while it goes on.
  std::string outcome() const {
    if (!client.after) return "open";
    constexpr std::array kNames{"keep", "linger", "abort", "close", "refused", "http2"};
    std::string text = kNames[static_cast<size_t>(*client.after)];
    if (client.failure) text += " " + std::string(weir::text(*client.failure));
    return text;
  }
  ExchangeStage stage() const { return exchange.stage(); }

  static constexpr const char* kText = R"(
listeners:
  - name: l
    bind: "127.0.0.1:0"
    protocol: http
    allow_connect: true
    cluster: c
    timeouts: {request_header: 10s, client_idle: 20s, tunnel_idle: 40s}
    limits: {max_body_size: 64KiB}
    routes:
      - {match: {path: /text}, respond: {status: 200, body: text}}
      - {match: {path: /moved}, redirect: {path: /}}
      - {match: {path_prefix: /retry}, cluster: c, retry: {attempts: 2, on: [timeout, reset_before_response, "503"]}}
      - {match: {path: /chat}, cluster: c, upgrade: [websocket]}
      - {match: {path: /none}, cluster: none}
      - {match: {path: /one}, cluster: one}
      - {match: {path: /hashed}, cluster: hashed}
      - {match: {path: /sticky}, cluster: sticky, retry: {on: ["503"]}}
clusters:
  - name: c
    backends: ["127.0.0.1:9", "127.0.0.1:10"]
    pool: {max_connections: 1}
    queue: {max: 1, timeout: 5s}
    timeouts: {connect: 3s, response_header: 30s, response_idle: 15s}
  - {name: none, backends: [{address: "127.0.0.1:11", state: maintenance}]}
  - {name: one, backends: ["127.0.0.1:12"]}
  - name: hashed
    balance: source_hash
    hash: {by: "cookie:user"}
    backends: ["127.0.0.1:21", "127.0.0.1:22", "127.0.0.1:23", "127.0.0.1:24", "127.0.0.1:25"]
  - name: sticky
    sticky: {cookie: s}
    pool: {max_connections: 1}
    backends:
      - "127.0.0.1:31"
      - "127.0.0.1:32"
      - {address: "127.0.0.1:33", state: drain}
      - {address: "127.0.0.1:34", state: maintenance}
)";

  WorkerMetrics metrics{0};
  Pools pools{loop};
  SnapshotRef current;
  PipeResources pipes{loop};
  HttpResources http{pipes, 1};
  FakeClient client;
  FakeBackend backend;
  Exchange exchange{http, backend};
  int abandoned = 0;     // exchanges that the test ended
  int without_head = 0;  // exchanges that ended before the head of a request was complete

 private:
  void apply(const std::string& yaml) {
    config::Loaded loaded =
        config::load_text(yaml, "test.yaml", [](const std::string&) { return std::nullopt; });
    ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
    auto next = std::make_shared<Snapshot>();
    next->model = loaded.model;
    const config::Listener& listener = next->model.listeners[0];
    next->listeners.emplace_back();
    ListenerSpec& spec = next->listeners.back();
    spec.name = listener.name;
    spec.protocol = listener.protocol;
    spec.http = std::make_shared<const HttpSpec>(listener, next->model.clusters);
    spec.timeouts = listener.timeouts;
    spec.route_series.resize(spec.http->routes.routes().size() + 1);
    for (const config::Cluster& cluster : next->model.clusters) add(*next, cluster);
    next->index(nullptr);
    current = SnapshotRef(new SnapshotView(std::move(next), metrics, 1, pools, nullptr));
    client.connect(exchange, current, metrics.listener(0));
  }
  static void add(Snapshot& snapshot, const config::Cluster& cluster) {
    const auto spec = std::make_shared<ClusterSpec>();
    spec->name = cluster.name;
    spec->series = static_cast<uint32_t>(snapshot.clusters.size());
    spec->balance = cluster.balance_in_force();
    spec->hash_by = cluster.hash.by;
    if (cluster.sticky) spec->sticky = {*cluster.sticky, {StickyKey("secret")}, nullptr};
    spec->pool = cluster.pool;
    spec->queue = cluster.queue;
    spec->backoff = cluster.backoff;
    spec->connect_timeout = cluster.timeouts.connect;
    spec->response_header_timeout = cluster.timeouts.response_header;
    spec->response_idle_timeout = cluster.timeouts.response_idle;
    spec->pool_idle_timeout = cluster.timeouts.idle;
    for (const config::Backend& backend : cluster.backends) {
      const auto index = static_cast<uint32_t>(spec->hosts.size());
      spec->hosts.push_back({std::make_shared<Backend>(cluster.name, backend.name, backend.name,
                                                       *Address::parse(backend.address)),
                             1, false, backend.state, spec->series * 10 + index});
    }
    spec->index();
    apply_limits(*spec);
    snapshot.clusters.push_back(spec);
  }

  std::vector<Lease> taken_;
};

}  // namespace weir::test
