// SnapshotStore: compiles a loaded configuration into the next Snapshot, and owns the snapshot in
// force.
//
// Owner: the server; thread: the control thread's. Only prepare() and the functions for series run
// on the background thread: one at a time, and no snapshot is put in force meanwhile. The store
// finds by name what survives a reload: backends (health, hold-off), series of metrics, counts of
// open connections, listening sockets.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "config/load.h"
#include "config/plan.h"
#include "control/background.h"
#include "control/instance_key.h"
#include "control/lookups.h"
#include "control/sockets.h"
#include "control/tls_contexts.h"
#include "health/health_check.h"
#include "metrics/registry.h"
#include "routing/snapshot.h"
#include "upstream/cluster_shared.h"

namespace weir {

// A configuration that is valid as a text, with its names looked up and its files read.
struct Candidate {
  config::Loaded loaded;
  ResolvedAddresses addresses;
  TlsContexts tls;
  // No host or file that the text names was looked up or read: for a plan only.
  bool only_text = false;
};

class SnapshotStore {
 public:
  SnapshotStore(uint32_t workers, uint64_t descriptor_limit);

  // The next snapshot and its sockets; nothing changes until commit(). The error says why there is
  // none.
  struct Prepared {
    std::shared_ptr<const Snapshot> snapshot;
    Sockets::Prepared sockets;
    std::shared_ptr<const SeriesIds> series;
    TicketKeys::FileKeys ticket_keys;
    FileDigests digests;
    std::vector<CheckTarget> checks;
    uint64_t most_connections = 1;  // the value of global.max_connections: auto
  };
  Result<Prepared> prepare(const Candidate& candidate);
  // Discards the result of prepare().
  static void abandon(const Prepared& prepared) { Sockets::abandon(prepared.sockets); }
  // Puts it in force. Returns one update for each worker. The caller calls settle_series() next.
  std::vector<WorkerUpdate> put_in_force(Prepared prepared);
  using SharedIds = std::shared_ptr<const SeriesIds>;
  void settle_series(const SeriesIds& in_force, TimePoint now) { series_.keep_only(in_force, now); }
  // Both of these.
  std::vector<WorkerUpdate> commit(Prepared prepared, TimePoint now);
  // From now on large objects are freed in `bin`.
  void free_in(std::shared_ptr<Bin> bin) { bin_ = std::move(bin); }

  // Puts the same configuration in force with new addresses of host names. One update for each
  // worker; none when no address differs. A backend that has no address in `addresses` keeps those
  // that it has.
  struct Readdressed {
    std::vector<WorkerUpdate> updates;
    std::vector<config::Change> changes;
  };
  std::optional<Readdressed> readdress(ResolvedAddresses addresses);

  // Backends whose host name is the same in both configurations and has other addresses now.
  static std::vector<config::Change> moved_backends(const Snapshot& current,
                                                    const Candidate& candidate);

  // Changes in the contents of TLS files that both configurations name. `tls`: the tls_in_force()
  // of `current`.
  static std::vector<config::Change> renewed_tls(const Snapshot& current, const TlsInForce& tls,
                                                 const Candidate& candidate);

  // The contents of the TLS files when the current snapshot was loaded.
  const std::shared_ptr<const TlsInForce>& tls_in_force() const { return tls_; }

  const std::shared_ptr<const Snapshot>& current() const { return current_; }
  // Snapshots in use: the current one, and those of older sessions.
  size_t live_snapshots() const;
  // The validity of all TLS files that the current snapshot names.
  std::vector<FileValidity> tls_validities() const;
  std::vector<CheckTarget> check_targets() const { return check_targets(*current_); }
  SeriesRegistry& series() { return series_; }
  // The series of each snapshot in use.
  std::vector<SharedIds> series_of_snapshots();
  Sockets& sockets() { return sockets_; }
  const Sockets& sockets() const { return sockets_; }
  uint64_t open_connections() const { return count_->open(); }
  // The value of global.max_connections: auto.
  uint64_t most_connections() const { return most_connections_; }

 private:
  static std::vector<CheckTarget> check_targets(const Snapshot& snapshot);
  void note_http(const ClusterSpec& cluster);
  ClusterSpecs::Shared compile(const config::Cluster& cluster, const Candidate& candidate,
                               SeriesIds& ids);
  ListenerSpec compile(const config::Listener& listener, const ClusterPlaces& clusters,
                       const Candidate& candidate, SeriesIds& ids);
  void number_routes(ListenerSpec& listener, size_t& own_series, SeriesIds& ids);
  ClusterSpecs::Shared readdressed(const ClusterSpec& before, const config::Cluster& configured,
                                   const ResolvedAddresses& addresses);
  void add_hosts(ClusterSpec& cluster, const config::Backend& configured,
                 const ResolvedAddresses& addresses, uint32_t series, uint32_t concurrency);
  std::shared_ptr<Backend> backend(const std::string& cluster, const config::Backend& spec,
                                   const Address& address);
  static std::vector<config::Change> moved(const Snapshot& current, const config::Model& model,
                                           const ResolvedAddresses& addresses);

  // Cluster, name, address as configured, address.
  using BackendKey = std::tuple<std::string, std::string, std::string, std::string>;
  std::map<BackendKey, std::weak_ptr<Backend>> backends_;
  std::map<std::string, std::weak_ptr<ClusterShared>> shared_;
  std::map<std::string, std::weak_ptr<ConnectionCount>> counts_;
  const std::shared_ptr<ConnectionCount> count_ = std::make_shared<ConnectionCount>();
  const uint64_t descriptor_limit_;
  uint64_t most_connections_;  // of the configuration in force
  SeriesRegistry series_;
  Sockets sockets_;
  TicketKeys ticket_keys_;  // outlives the snapshots
  InstanceKey instance_key_;
  std::shared_ptr<Bin> bin_;  // null: none
  std::shared_ptr<const Snapshot> current_;
  std::shared_ptr<const TlsInForce> tls_;
  struct Published {
    std::weak_ptr<const Snapshot> snapshot;
    SharedIds series;
  };
  std::vector<Published> published_;  // the current one, and older ones that sessions may hold
};

}  // namespace weir
