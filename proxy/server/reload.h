// ReloadCoordinator: from "read the configuration again" to "every worker has it", or to why not.
//
// A reload happens whole or not at all: the text is read, checked and looked up on the loader's
// thread; sockets and logs are opened here; only when nothing can fail any more is one snapshot
// posted to the workers. Requests that arrive meanwhile are not lost: see Loader. Owner: the
// server; thread: the control loop's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/plan.h"
#include "server/control.h"
#include "server/loader.h"

namespace weir {

// A change and how many open sessions are under it.
struct PlannedChange {
  config::Change change;
  uint64_t sessions = 0;
};

struct ReloadOutcome {
  enum class Verdict : uint8_t { ok, unchanged, planned, invalid, failed, draining };
  Verdict result = Verdict::failed;
  uint64_t generation = 0;
  std::string message;
  std::vector<PlannedChange> changes;
  std::vector<config::Diagnostic> diagnostics;
};

const char* text(ReloadOutcome::Verdict verdict);

class ReloadCoordinator {
 public:
  using Done = std::function<void(const ReloadOutcome&)>;
  // After a change came into force: the control loop's own parts (watched directories, readiness).
  using OnApplied = std::function<void()>;

  ReloadCoordinator(Control control, Loader& loader, OnApplied on_applied)
      : control_(control), loader_(loader), on_applied_(std::move(on_applied)) {}

  void reload(Done done);
  // What reload() would do, and what a reload to another file would.
  void plan(Done done);
  void plan_file(const std::string& path, Done done);
  // From now on a reload is refused: what stops is not changed any more.
  void refuse() { refused_ = true; }

  struct Last {
    ReloadOutcome::Verdict result;
    double at_unix;
    uint64_t generation;
    std::string message;
  };
  const std::optional<Last>& last() const { return last_; }

 private:
  void examine(const std::shared_ptr<LoadResult>& loaded, bool apply, TimePoint asked, Done done);
  std::vector<PlannedChange> changes_to(const config::Model& model, Workers::Reports reports) const;
  void apply(const LoadResult& loaded, ReloadOutcome outcome, TimePoint asked, Done done);
  void conclude(ReloadOutcome outcome, TimePoint asked, const Done& done);

  Control control_;
  Loader& loader_;
  const OnApplied on_applied_;
  std::optional<Last> last_;
  bool refused_ = false;
  bool applying_ = false;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace weir
