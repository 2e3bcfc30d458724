// One worker on a loop that the test steps, with a manual clock, real sockets, and a configuration
// as a user would write it. Listeners bind port 0; backends are Acceptors of the test.
#pragma once

#include <gtest/gtest.h>

#include "config/load.h"
#include "control/snapshot_store.h"
#include "support/fake_names.h"
#include "support/socket.h"
#include "support/test_loop.h"
#include "worker/worker.h"

namespace weir::test {

class WorkerFixture : public TestLoop, private WorkerPeers {
 public:
  WorkerFixture() = default;
  ~WorkerFixture() {
    worker.stop();
    turns(2);
  }

  // Loads, compiles and applies; as a start or a reload would.
  void apply(const std::string& yaml) {
    replace(yaml);
    worker.forget_removed_sockets();
    turns(1);
  }
  // The same before the other workers have applied it: connections that they hand over may be of a
  // removed socket.
  void replace(const std::string& yaml) {
    config::Loaded loaded =
        config::load_text(yaml, "test.yaml", [](const std::string&) { return std::nullopt; });
    ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
    ResolvedAddresses addresses = lookups->resolve(loaded.model);
    TlsContexts tls = load_tls(loaded, store.tls_in_force().get());
    ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
    diagnostics = loaded.diagnostics;
    Result<SnapshotStore::Prepared> prepared =
        store.prepare({std::move(loaded), std::move(addresses), std::move(tls)});
    ASSERT_TRUE(prepared) << prepared.error().text();
    worker.apply(store.commit(std::move(*prepared), loop.now()).at(0));
  }

  Address address(size_t listener = 0) const {
    return store.sockets().entries().at(listener).actual;
  }
  // A client whose connection waits in the queue of the listener; turns accept it.
  Socket client(size_t listener = 0) { return Socket::connect(address(listener)); }

  ListenerCells cells(const std::string& listener) {
    const WorkerReport report = worker.report();
    const auto& series = store.series().listeners().all();
    for (const auto& entry : report.listeners)
      if (series[entry.id].name.listener == listener) return entry.cells;
    return {};
  }
  RouteCells route_cells(const std::string& listener, const std::string& route) {
    const WorkerReport report = worker.report();
    const auto& series = store.series().routes().all();
    for (const auto& entry : report.routes)
      if (series[entry.id].name.listener == listener && series[entry.id].name.route == route)
        return entry.cells;
    return {};
  }
  ClusterCells cluster_cells(const std::string& cluster) {
    const WorkerReport report = worker.report();
    const uint32_t id = store.series().cluster(cluster);
    for (const auto& entry : report.clusters)
      if (entry.id == id) return entry.cells;
    return {};
  }
  // Of all existing configurations.
  SeriesIds series_in_use() {
    SeriesIds all;
    for (const SnapshotStore::SharedIds& ids : store.series_of_snapshots()) all.add(*ids);
    return all;
  }
  uint64_t ended(const std::string& listener, EndReason reason) {
    return cells(listener).ended_total[reason].value;
  }
  // Accepted minus open and ended connections of a listener: must be 0.
  int64_t imbalance(const std::string& listener) {
    const ListenerCells cells = this->cells(listener);
    return static_cast<int64_t>(cells.connections_total.value) -
           static_cast<int64_t>(cells.ended_total.sum()) - cells.active.sum();
  }
  // The same of streams of HTTP/2.
  int64_t stream_imbalance(const std::string& listener) {
    const ListenerCells cells = this->cells(listener);
    return static_cast<int64_t>(cells.http2_streams.value) -
           static_cast<int64_t>(cells.http2_streams_ended.sum()) - cells.http2_streams_active.value;
  }
  BackendCells backend_cells(const std::string& cluster, const std::string& backend) {
    const WorkerReport report = worker.report();
    const uint32_t id = store.series().backend(cluster, backend);
    for (const auto& entry : report.backends)
      if (entry.id == id) return entry.cells;
    return {};
  }

  FakeNames names;
  const std::shared_ptr<Lookups> lookups = std::make_shared<Lookups>(names.look_up());
  SnapshotStore store{1, 4096};
  Worker worker{loop, 0, 1, *this};
  int empties = 0;
  std::vector<config::Diagnostic> diagnostics;  // warnings of the last configuration

 private:
  uint32_t count() const override { return 1; }
  void give(uint32_t, AcceptedConnection connection) override {
    loop.post([this, connection] { worker.take(connection); });
  }
  void on_empty(uint32_t) override { ++empties; }
};

}  // namespace weir::test
