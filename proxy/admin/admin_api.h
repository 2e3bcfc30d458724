// AdminApi: the handlers of the admin server: /live, /ready, the metrics, /v1/status, /v1/drain,
// /v1/reload, /v1/plan, and / with a list of these. Owner: the server; thread: the control loop's.
#pragma once

#include <list>
#include <string>

#include "admin/admin_routes.h"
#include "admin/metrics_page.h"
#include "control/drain.h"
#include "control/reload.h"

namespace weir {

class AdminApi {
 public:
  struct Identity {
    std::string version, revision, config_path;
    std::string workers_by;  // what their number is derived from: WorkerCount
    TimePoint started;
  };
  // Begins a drain, and what the server does with it.
  using BeginDrain = std::function<void(std::optional<Duration> timeout)>;

  AdminApi(Control control, Identity identity, DrainCoordinator& drain, ReloadCoordinator& reload,
           BeginDrain begin_drain);

  void handle(AdminRequest request, AdminResponder responder);
  // Answers the clients that wait for the end of the drain with the number of sessions that were
  // cut.
  void drained(uint64_t cut);

 private:
  void add_routes();
  void ready(AdminResponder responder) const;
  void metrics(const AdminRequest& request, AdminResponder responder);
  void status(const AdminRequest& request, AdminResponder responder);
  void await_drained(AdminResponder responder);
  void show_drain(int status, AdminResponder responder);
  void start_drain(const AdminRequest& request, AdminResponder responder);
  void reload(const AdminRequest& request, AdminResponder responder);
  void plan(AdminRequest request, AdminResponder responder);

  Control control_;
  const Identity identity_;
  DrainCoordinator& drain_;
  ReloadCoordinator& reload_;
  const BeginDrain begin_drain_;
  MetricsPage metrics_page_;
  AdminRoutes routes_;
  size_t metrics_route_ = 0;
  std::list<AdminResponder> awaiting_drained_;  // at most kMostAwaiting
};

}  // namespace weir
