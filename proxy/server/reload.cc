#include "server/reload.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

using Verdict = ReloadOutcome::Verdict;

// Open sessions of a listener or of a cluster's backends, over all workers.
uint64_t sessions_under(const config::Change& change, const Snapshot& snapshot,
                        Workers::Reports reports) {
  std::vector<uint32_t> listeners, backends;
  for (const ListenerSpec& listener : snapshot.listeners) {
    const bool through =
        !change.cluster.empty() && snapshot.clusters[listener.cluster].name == change.cluster;
    if (listener.name == change.listener || (change.listener.empty() && through))
      listeners.push_back(listener.series);
  }
  int64_t open = 0;
  for (const WorkerReport& report : reports)
    for (const auto& entry : report.listeners)
      if (std::find(listeners.begin(), listeners.end(), entry.id) != listeners.end())
        open += entry.cells.active.sum();
  return static_cast<uint64_t>(open);
}

std::string describe(const std::vector<config::Diagnostic>& diagnostics) {
  const auto first = std::find_if(diagnostics.begin(), diagnostics.end(),
                                  [](const config::Diagnostic& d) { return d.is_error(); });
  if (first == diagnostics.end()) return "";
  return fmt::format("{}: {}", first->where(), first->message);
}

}  // namespace

const char* text(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::unchanged: return "unchanged";
    case Verdict::planned: return "planned";
    case Verdict::invalid: return "invalid";
    case Verdict::failed: return "failed";
    case Verdict::draining: return "draining";
  }
  CHECK_UNREACHABLE();
}

void ReloadCoordinator::reload(Done done) {
  const TimePoint asked = control_.loop.now();
  loader_.request([this, asked, done](const auto& loaded) { examine(loaded, true, asked, done); });
}

void ReloadCoordinator::plan(Done done) {
  loader_.request([this, done](const auto& loaded) { examine(loaded, false, {}, done); });
}

void ReloadCoordinator::plan_file(const std::string& path, Done done) {
  loader_.request_file(path,
                       [this, done](const auto& loaded) { examine(loaded, false, {}, done); });
}

void ReloadCoordinator::examine(const std::shared_ptr<LoadResult>& loaded, bool apply_it,
                                TimePoint asked, Done done) {
  // One at a time: the workers are told of the next snapshot when all have the one before.
  if (apply_it && applying_) {
    waiting_.push_back([=, this] { examine(loaded, apply_it, asked, done); });
    return;
  }
  ReloadOutcome outcome;
  outcome.generation = control_.store.current()->generation;
  outcome.diagnostics = loaded->candidate.loaded.diagnostics;
  if (refused_ && apply_it) {
    outcome.result = Verdict::draining;
    outcome.message = "weir is draining: the configuration is not changed any more";
    return done(outcome);
  }
  if (!loaded->valid()) {
    outcome.result = loaded->failure ? Verdict::failed : Verdict::invalid;
    outcome.message = loaded->failure ? loaded->failure->text() : describe(outcome.diagnostics);
    return apply_it ? conclude(std::move(outcome), asked, done) : done(outcome);
  }
  applying_ = apply_it;
  control_.workers.report([=, this](Workers::Reports reports) mutable {
    outcome.changes = changes_to(loaded->candidate.loaded.model, reports);
    if (!apply_it) {
      outcome.result = Verdict::planned;
      return done(outcome);
    }
    apply(*loaded, std::move(outcome), asked, std::move(done));
  });
}

std::vector<PlannedChange> ReloadCoordinator::changes_to(const config::Model& model,
                                                         Workers::Reports reports) const {
  const Snapshot& current = *control_.store.current();
  std::vector<PlannedChange> changes;
  for (config::Change& change : config::plan(current.model, model)) {
    const uint64_t sessions = sessions_under(change, current, reports);
    changes.push_back({std::move(change), sessions});
  }
  return changes;
}

void ReloadCoordinator::apply(const LoadResult& loaded, ReloadOutcome outcome, TimePoint asked,
                              Done done) {
  const config::Model& model = loaded.candidate.loaded.model;
  if (outcome.changes.empty() && loaded.candidate.loaded.hash == control_.store.current()->hash &&
      control_.store.same_addresses(loaded.candidate)) {
    outcome.result = Verdict::unchanged;
    return conclude(std::move(outcome), asked, done);
  }
  outcome.result = Verdict::failed;
  Result<PreparedLog> log = Log::prepare(log_options(model.logging));
  if (!log) {
    outcome.message = log.error().text();
    return conclude(std::move(outcome), asked, done);
  }
  Result<SnapshotStore::Prepared> prepared = control_.store.prepare(loaded.candidate);
  if (!prepared) {
    outcome.message = prepared.error().text();
    return conclude(std::move(outcome), asked, done);
  }
  // From here on nothing can fail.
  control_.log.apply(std::move(*log));
  auto updates = std::make_shared<std::vector<WorkerUpdate>>(
      control_.store.commit(std::move(*prepared), control_.loop.now()));
  outcome.result = Verdict::ok;
  outcome.generation = control_.store.current()->generation;
  control_.checks.apply(control_.store.check_targets());
  control_.workers.tell_each(
      [updates](Worker& worker, uint32_t index) { worker.apply((*updates)[index]); },
      [this, outcome, asked, done] {
        control_.workers.tell([](Worker& worker) { worker.forget_removed_sockets(); });
        control_.store.sockets().unlink_removed();
        on_applied_();
        conclude(outcome, asked, done);
      });
}

void ReloadCoordinator::conclude(ReloadOutcome outcome, TimePoint asked, const Done& done) {
  const bool good = outcome.result == Verdict::ok || outcome.result == Verdict::unchanged;
  const ReloadResult result = outcome.result == Verdict::ok          ? ReloadResult::ok
                              : outcome.result == Verdict::unchanged ? ReloadResult::unchanged
                              : outcome.result == Verdict::invalid   ? ReloadResult::invalid
                                                                    : ReloadResult::failed;
  ProcessState& state = control_.state;
  state.reloads[result].add();
  state.last_reload_ok.set(good);
  if (outcome.result == Verdict::ok) {
    state.reload_duration.observe(control_.loop.now() - asked);
    state.applied(outcome.generation, control_.store.current()->hash, unix_now());
  }
  last_ = {outcome.result, unix_now(), outcome.generation, outcome.message};
  if (good)
    LOG(info, "config.reloaded", kv("result", text(outcome.result)),
        kv("generation", outcome.generation), kv("changes", outcome.changes.size()));
  else
    LOG(error, "config.refused", kv("result", text(outcome.result)), kv("message", outcome.message),
        kv("generation", outcome.generation));
  applying_ = false;
  done(outcome);
  if (waiting_.empty()) return;
  const auto next = std::move(waiting_.front());
  waiting_.erase(waiting_.begin());
  next();
}

}  // namespace weir
