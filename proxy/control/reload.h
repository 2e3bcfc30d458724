// ReloadCoordinator: runs a reload from its request until every worker has the new snapshot, or
// until it is refused.
//
// A reload takes effect completely or not at all: the loader's thread reads and checks the text and
// looks up its names; the background thread compares it with the configuration in force, opens
// sockets and logs, and compiles the snapshot; the workers get it when no step can fail any more.
// Reloads run one at a time, in the order of reading. Requests that arrive meanwhile wait (see
// Loader); so do requests before open(), when the workers do not have the first snapshot.
// Owner: the server; thread: the control loop's.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/closed_list.h"
#include "config/plan.h"
#include "control/control.h"
#include "control/loader.h"

namespace weir {

// A change, and the number of open sessions that it affects.
struct PlannedChange {
  config::Change change;
  uint64_t sessions = 0;
};

#define WEIR_RELOAD_VERDICTS(X) X(ok) X(unchanged) X(planned) X(invalid) X(failed) X(draining)
WEIR_CLOSED_LIST(ReloadVerdict, WEIR_RELOAD_VERDICTS);

struct ReloadOutcome {
  ReloadVerdict result = ReloadVerdict::failed;
  uint64_t generation = 0;
  std::string message;
  std::vector<PlannedChange> changes;
  std::vector<config::Diagnostic> diagnostics;
  std::vector<std::string> directories;  // of the files to read, also of missing ones
};

class ReloadObserver {
 public:
  virtual void on_reload_begun() = 0;
  // Called before the clients are answered. Other reloads may be under way: see
  // ReloadCoordinator::busy().
  virtual void on_reload_over(const ReloadOutcome& outcome) = 0;

 protected:
  ~ReloadObserver() = default;
};

class ReloadCoordinator {
 public:
  // The outcome can be large: a callee that needs it for longer keeps the pointer.
  using Outcome = std::shared_ptr<const ReloadOutcome>;
  using Done = std::function<void(const Outcome&)>;

  ReloadCoordinator(Control control, Loader& loader, ReloadObserver& observer)
      : control_(control), loader_(loader), observer_(observer) {}

  // The configuration of the start: changes from it that need a restart are reported by a plan.
  void started_with(config::Model model) { start_ = std::move(model); }
  // The workers have the first snapshot: the requests that wait begin.
  void open();
  // A drain has begun: refuses all reloads, also running ones that are not in force yet.
  void refuse();

  // Without `done` no client waits for the outcome.
  void reload(Done done = nullptr);
  // Reports what reload() would do, or a reload with another file, and what the host lacks for it
  // (control/host_check.h).
  void plan(Done done);
  void plan_file(const std::string& path, Done done);
  // Reports what a reload with this text would do. Files and hosts that it names are not read or
  // looked up.
  void plan_text(std::string text, Done done);
  // The same for a text that came over TCP, where any client can send many: the caller checks for
  // room first.
  static constexpr size_t kMostTextsOverTcp = 4;  // not answered yet
  bool room_for_text_over_tcp() const { return texts_over_tcp_ < kMostTextsOverTcp; }
  void plan_text_over_tcp(std::string text, Done done);
  bool busy() const { return under_way_ > 0; }

  struct Last {
    ReloadVerdict result;
    double at_unix;
    uint64_t generation;
    std::string message;
  };
  const std::optional<Last>& last() const { return last_; }

 private:
  // One load, and the requests that it answers.
  struct Request {
    std::shared_ptr<LoadResult> loaded;
    TimePoint asked;
    std::vector<Done> done;
  };
  using SharedRequest = std::shared_ptr<Request>;
  void begin(Done done);
  void enqueue(const std::shared_ptr<LoadResult>& loaded, TimePoint asked, Done done);
  // The configuration in force, with which a candidate is compared.
  struct InForce {
    std::shared_ptr<const Snapshot> snapshot;
    std::shared_ptr<const TlsInForce> tls;
  };
  InForce in_force() const { return {control_.store.current(), control_.store.tls_in_force()}; }
  // The result of the background thread for a candidate.
  struct Built {
    std::vector<PlannedChange> changes;
    bool unchanged = false;
    std::optional<Error> failure;
    std::optional<PreparedLog> log;
    std::optional<SnapshotStore::Prepared> prepared;
  };
  using SharedOutcome = std::shared_ptr<ReloadOutcome>;
  void examine(SharedRequest request);
  void build(const SharedRequest& request, const SharedOutcome& outcome, Workers::Reports reports);
  Built built_from(const Candidate& candidate, const InForce& in_force,
                   const Workers::Reports& reports) const;
  void apply(const SharedRequest& request, const SharedOutcome& outcome, Built built);
  void put_in_force(const SharedRequest& request, const SharedOutcome& outcome, Built built);
  void conclude(SharedRequest request, const Outcome& outcome);
  void account(const Request& request, const ReloadOutcome& outcome);
  void preview(const std::shared_ptr<LoadResult>& loaded, const Done& done);
  SharedOutcome outcome_so_far(const LoadResult& loaded) const;
  std::vector<PlannedChange> changes_to(const Candidate& candidate, const InForce& in_force,
                                        const Workers::Reports& reports) const;
  std::shared_ptr<LoadResult> kept(const std::shared_ptr<LoadResult>& loaded) const;

  Control control_;
  Loader& loader_;
  ReloadObserver& observer_;
  config::Model start_;
  std::optional<Last> last_;
  bool open_ = false;
  bool refused_ = false;
  std::vector<Done> early_;  // requested before open()
  size_t under_way_ = 0;     // begun and not finished
  size_t texts_over_tcp_ = 0;
  SharedRequest applying_;  // the request that has left the loader
  std::deque<SharedRequest> waiting_;
};

}  // namespace weir
