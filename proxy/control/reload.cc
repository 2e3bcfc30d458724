#include "control/reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "control/host_check.h"
#include "control/touched_sessions.h"

namespace weir {
namespace {

using Verdict = ReloadVerdict;

// All errors, so that the operator can fix them in one pass.
std::string describe(const std::vector<config::Diagnostic>& diagnostics) {
  std::string all;
  for (const config::Diagnostic& one : diagnostics)
    if (one.is_error())
      all += fmt::format("{}{}: {}", all.empty() ? "" : "; ", one.where(), one.message);
  return all;
}

bool any_error(const std::vector<config::Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const config::Diagnostic& one) { return one.is_error(); });
}

// The contents of a plan: the changes, and what the host lacks for them.
struct Preview {
  std::vector<PlannedChange> changes;
  std::vector<config::Diagnostic> found;
};

void turn_into_refusal(ReloadOutcome& outcome) {
  outcome.result = Verdict::draining;
  outcome.message = "weir is draining: it refuses changes of the configuration";
  outcome.changes.clear();
}

ReloadResult metric_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return ReloadResult::ok;
    case Verdict::unchanged: return ReloadResult::unchanged;
    case Verdict::invalid: return ReloadResult::invalid;
    case Verdict::planned:
    case Verdict::draining:
    case Verdict::failed: return ReloadResult::failed;
  }
  CHECK_UNREACHABLE();
}

}  // namespace

void ReloadCoordinator::reload(Done done) {
  if (open_) return begin(std::move(done));
  // Coalesce: one pending reload without a waiter is enough.
  const bool known =
      !done && std::any_of(early_.begin(), early_.end(), [](const Done& early) { return !early; });
  if (!known) early_.push_back(std::move(done));
}

void ReloadCoordinator::open() {
  open_ = true;
  for (Done& done : std::exchange(early_, {})) begin(std::move(done));
}

void ReloadCoordinator::refuse() {
  refused_ = true;
  open();  // refuses the early requests
}

void ReloadCoordinator::begin(Done done) {
  if (refused_) {
    const auto outcome = std::make_shared<ReloadOutcome>();
    outcome->generation = control_.store.current()->generation;
    turn_into_refusal(*outcome);
    if (done) done(outcome);
    return;
  }
  ++under_way_;
  observer_.on_reload_begun();
  const TimePoint asked = control_.loop.now();
  loader_.request([this, asked, done](const auto& loaded) { enqueue(loaded, asked, done); });
}

// One at a time: the workers get a snapshot when all of them have the previous one.
void ReloadCoordinator::enqueue(const std::shared_ptr<LoadResult>& loaded, TimePoint asked,
                                Done done) {
  SharedRequest last = waiting_.empty() ? applying_ : waiting_.back();
  if (last && last->loaded == loaded) return last->done.push_back(std::move(done));
  last = std::make_shared<Request>(Request{kept(loaded), asked, {}});
  last->done.push_back(std::move(done));
  if (applying_) return waiting_.push_back(std::move(last));
  applying_ = std::move(last);
  // Posted, so that the other requests for the same load are added before.
  control_.loop.post([this] { examine(applying_); });
}

// A configuration can be large: it is freed on the background thread.
std::shared_ptr<LoadResult> ReloadCoordinator::kept(
    const std::shared_ptr<LoadResult>& loaded) const {
  return Bin::owner(control_.background.bin(), loaded);
}

void ReloadCoordinator::examine(SharedRequest request) {
  const SharedOutcome outcome = outcome_so_far(*request->loaded);
  if (refused_) turn_into_refusal(*outcome);
  if (refused_ || !request->loaded->valid()) return conclude(request, outcome);
  control_.workers.report(
      [=, this](const Workers::Reports& reports) { build(request, outcome, reports); });
}

void ReloadCoordinator::build(const SharedRequest& request, const SharedOutcome& outcome,
                              Workers::Reports reports) {
  if (refused_) {
    turn_into_refusal(*outcome);
    return conclude(request, outcome);
  }
  control_.background.make(
      [this, request, now = in_force(), reports = std::move(reports)] {
        return built_from(request->loaded->candidate, now, reports);
      },
      [this, request, outcome](Built built) { apply(request, outcome, std::move(built)); });
}

// Stops at the first failure, before anything has changed.
ReloadCoordinator::Built ReloadCoordinator::built_from(const Candidate& candidate,
                                                       const InForce& in_force,
                                                       const Workers::Reports& reports) const {
  Built built;
  built.changes = changes_to(candidate, in_force, reports);
  const bool changes = std::any_of(
      built.changes.begin(), built.changes.end(),
      [](const PlannedChange& p) { return p.change.effect != config::Effect::restart; });
  built.unchanged = !changes && candidate.loaded.hash == in_force.snapshot->hash;
  if (built.unchanged) return built;
  Result<PreparedLog> log = Log::prepare(log_options(candidate.loaded.model.logging));
  if (!log) return built.failure = log.error(), std::move(built);
  Result<SnapshotStore::Prepared> prepared = control_.store.prepare(candidate);
  if (!prepared) return built.failure = prepared.error(), std::move(built);
  built.log.emplace(std::move(*log));
  built.prepared.emplace(std::move(*prepared));
  return built;
}

// Freed on the background thread.
ReloadCoordinator::SharedOutcome ReloadCoordinator::outcome_so_far(const LoadResult& loaded) const {
  const SharedOutcome outcome = Bin::owner(control_.background.bin(), new ReloadOutcome);
  outcome->generation = control_.store.current()->generation;
  outcome->diagnostics = loaded.candidate.loaded.diagnostics;
  outcome->directories = loaded.candidate.loaded.model.watched_directories;
  if (loaded.valid()) return outcome;
  outcome->result = loaded.failure ? Verdict::failed : Verdict::invalid;
  outcome->message = loaded.failure ? loaded.failure->text() : describe(outcome->diagnostics);
  return outcome;
}

// Changes that need a restart are those from the configuration that the process was started with:
// the configuration in force may have them already.
std::vector<PlannedChange> ReloadCoordinator::changes_to(const Candidate& candidate,
                                                         const InForce& in_force,
                                                         const Workers::Reports& reports) const {
  const Snapshot& current = *in_force.snapshot;
  const config::Model& model = candidate.loaded.model;
  std::vector<config::Change> changes = config::plan(current.model, model);
  const auto waits = [](const config::Change& c) { return c.effect == config::Effect::restart; };
  std::erase_if(changes, waits);
  for (config::Change& moved : SnapshotStore::moved_backends(current, candidate))
    changes.push_back(std::move(moved));
  for (config::Change& renewed : SnapshotStore::renewed_tls(current, *in_force.tls, candidate))
    changes.push_back(std::move(renewed));
  for (config::Change& change : config::plan(start_, model))
    if (waits(change)) changes.push_back(std::move(change));
  std::vector<PlannedChange> planned;
  const TouchedSessions touched(current, reports);
  for (config::Change& change : changes) {
    const uint64_t sessions = touched.of(change);
    planned.push_back({std::move(change), sessions});
  }
  return planned;
}

void ReloadCoordinator::apply(const SharedRequest& request, const SharedOutcome& outcome,
                              Built built) {
  outcome->changes = std::move(built.changes);
  if (refused_) {
    if (built.prepared) SnapshotStore::abandon(*built.prepared);
    turn_into_refusal(*outcome);
  } else if (built.unchanged) {
    outcome->result = Verdict::unchanged;
  } else if (built.failure) {
    outcome->result = Verdict::failed;
    outcome->message = built.failure->text();
  } else {
    return put_in_force(request, outcome, std::move(built));
  }
  conclude(request, outcome);
}

// No step can fail from here on.
void ReloadCoordinator::put_in_force(const SharedRequest& request, const SharedOutcome& outcome,
                                     Built built) {
  control_.log.apply(std::move(*built.log));
  std::vector<CheckTarget> checks = std::move(built.prepared->checks);
  const SnapshotStore::SharedIds series = built.prepared->series;
  const auto updates = std::make_shared<std::vector<WorkerUpdate>>(
      control_.store.put_in_force(std::move(*built.prepared)));
  control_.background.run([&store = control_.store, series, now = control_.loop.now()] {
    store.settle_series(*series, now);
  });
  outcome->result = Verdict::ok;
  outcome->generation = control_.store.current()->generation;
  control_.checks.apply(std::move(checks));
  control_.workers.post_each(
      [updates](Worker& worker, uint32_t index) { worker.apply((*updates)[index]); },
      [this, request, outcome] {
        control_.workers.post([](Worker& worker) { worker.forget_removed_sockets(); });
        control_.store.sockets().unlink_removed();
        conclude(request, outcome);
      });
}

void ReloadCoordinator::conclude(SharedRequest request, const Outcome& outcome) {
  if (outcome->result != Verdict::draining) account(*request, *outcome);
  under_way_ -= request->done.size();
  applying_ = nullptr;
  observer_.on_reload_over(*outcome);
  for (const Done& done : request->done)
    if (done) done(outcome);
  if (waiting_.empty() || applying_) return;
  applying_ = std::move(waiting_.front());
  waiting_.pop_front();
  // Posted, so that consecutive reloads do not nest calls.
  control_.loop.post([this] { examine(applying_); });
}

void ReloadCoordinator::account(const Request& request, const ReloadOutcome& outcome) {
  const bool good = outcome.result == Verdict::ok || outcome.result == Verdict::unchanged;
  ProcessState& state = control_.state;
  state.reloads[metric_of(outcome.result)].add();
  state.last_reload_ok.set(good);
  if (outcome.result == Verdict::ok) {
    state.reload_duration.observe(control_.loop.now() - request.asked);
    state.applied(outcome.generation, control_.store.current()->hash, unix_now());
  }
  last_ = {outcome.result, unix_now(), outcome.generation, outcome.message};
  if (good)
    LOG(info, "config.reloaded", kv("result", text(outcome.result)),
        kv("generation", outcome.generation), kv("changes", outcome.changes.size()));
  else
    LOG(error, "config.refused", kv("result", text(outcome.result)), kv("message", outcome.message),
        kv("generation", outcome.generation));
}

void ReloadCoordinator::plan(Done done) {
  loader_.request([this, done](const auto& loaded) { preview(loaded, done); });
}

void ReloadCoordinator::plan_file(const std::string& path, Done done) {
  loader_.request_file(path, [this, done](const auto& loaded) { preview(loaded, done); });
}

void ReloadCoordinator::plan_text(std::string text, Done done) {
  loader_.request_text(std::move(text),
                       [this, done](const auto& loaded) { preview(loaded, done); });
}

void ReloadCoordinator::plan_text_over_tcp(std::string text, Done done) {
  CHECK(room_for_text_over_tcp());
  ++texts_over_tcp_;
  plan_text(std::move(text), [this, done](const Outcome& outcome) {
    --texts_over_tcp_;
    done(outcome);
  });
}

void ReloadCoordinator::preview(const std::shared_ptr<LoadResult>& loaded, const Done& done) {
  const SharedOutcome outcome = outcome_so_far(*loaded);
  if (!loaded->valid()) return done(outcome);
  control_.workers.report([=, this, loaded = kept(loaded)](const Workers::Reports& reports) {
    control_.background.make(
        [this, loaded, reports, now = in_force()] {
          const Candidate& candidate = loaded->candidate;
          Preview made{changes_to(candidate, now, reports), {}};
          if (!candidate.only_text) made.found = check_host(candidate.loaded, Opens::at_reload);
          return made;
        },
        [outcome, done](Preview made) {
          outcome->changes = std::move(made.changes);
          outcome->result = any_error(made.found) ? Verdict::invalid : Verdict::planned;
          outcome->message = describe(made.found);
          std::move(made.found.begin(), made.found.end(), std::back_inserter(outcome->diagnostics));
          done(outcome);
        });
  });
}

}  // namespace weir
