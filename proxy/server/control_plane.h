// ControlPlane: owns and connects everything on the control thread. Owner: run_server(); thread:
// the one that calls run(). Members are declared in an order in which none is destroyed before its
// users.
#pragma once

#include <memory>

#include "admin/admin_api.h"
#include "admin/admin_server.h"
#include "control/names.h"
#include "control/notify.h"
#include "control/signals.h"
#include "control/tls_validity.h"
#include "control/watch.h"
#include "server/resources.h"
#include "server/server.h"

namespace weir {

class ControlPlane final : private DrainObserver, private ReloadObserver, private HealthObserver {
 public:
  // `lookups`: those that the first load has used.
  ControlPlane(const ServerOptions& options, Log& log, WorkerCount workers,
               uint64_t descriptor_limit, std::shared_ptr<Lookups> lookups);
  ~ControlPlane();

  // Opens the sockets and starts the checks; accepts no connections yet. The error says what
  // failed, and the fix.
  Result<void> start(const Candidate& candidate);
  // Serves until drained. The exit code.
  int run();

 private:
  Result<void> open_admin(const config::Admin& admin);
  void open_default_admin();
  void open_extra_admin(const std::string& path);
  void await_checks();
  void serve();
  void on_signal(const ReceivedSignal& signal);
  void begin_drain(std::optional<Duration> timeout);
  void refresh_watch(const std::vector<std::string>& more);
  void announce() const;
  void use_addresses();
  void report_unresolved() const;
  void report_low_descriptors() const;
  Control control() { return {loop_, log_, state_, store_, workers_, checks_, background_}; }

  // DrainObserver
  void on_phase(ProcessPhase phase) override;
  void on_not_ready() override;
  void on_listeners_closed() override;
  void on_drained() override;
  // ReloadObserver
  void on_reload_begun() override;
  void on_reload_over(const ReloadOutcome& outcome) override;
  // HealthObserver
  void on_check(const Backend& backend, CheckResult result) override;
  void on_health_change(const Backend& backend, HealthChange change) override;
  void on_primed() override;

  const ServerOptions& options_;
  Log& log_;
  const Clock clock_;
  EventLoop loop_;
  ProcessState state_;
  SnapshotStore store_;
  Workers workers_;
  HealthChecks checks_;
  Names names_;
  Loader loader_;
  DrainCoordinator drain_;
  ReloadCoordinator reload_;
  Notify notify_;
  std::unique_ptr<Watch> watch_;
  TlsValidity tls_validity_;
  AdminApi api_;
  AdminServer admin_;
  Signals signals_;
  Timer extend_;
  Timer enough_waited_;                      // for the first results of checks
  std::vector<WorkerUpdate> first_updates_;  // held until the checks are primed
  bool readdress_ = false;                   // when the reload under way is over
  int exit_code_ = 0;
  Background background_;  // last: its jobs use the other members
};

}  // namespace weir
