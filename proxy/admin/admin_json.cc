#include "admin/admin_json.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "config/effect.h"
#include "config/findings.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

// For a value that may be a secret.
constexpr const char* kHidden = "(not shown)";

// Text from a client's address or a file may have any bytes.
std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Of all workers, by series.
template <typename Sum, typename Entries>
std::unordered_map<uint32_t, Sum> sums_of(const Workers::Reports& reports, Entries entries) {
  std::unordered_map<uint32_t, Sum> sums;
  for (const auto& report : reports)
    for (const auto& entry : (*report).*entries) sums[entry.id].add(entry.cells);
  return sums;
}

template <typename Sum>
Sum find(const std::unordered_map<uint32_t, Sum>& sums, uint32_t series) {
  const auto found = sums.find(series);
  return found == sums.end() ? Sum{} : found->second;
}

struct ListenerSum {
  int64_t active = 0, streams = 0;
  uint64_t total = 0, received = 0, sent = 0;
  CounterBy<EndReason> ended;
  void add(const ListenerCells& cells) {
    active += cells.active.sum();
    streams += cells.http2_streams_active.value;
    total += cells.connections_total.value;
    received += cells.received_bytes.value;
    sent += cells.sent_bytes.value;
    ended += cells.ended_total;
  }
};

struct BackendSum {
  int64_t active = 0;
  uint64_t total = 0, errors = 0;
  void add(const BackendCells& cells) {
    active += cells.active.value;
    total += cells.sessions.value;
    errors += cells.connect_errors.sum();
  }
};

Json listener_json(const Snapshot& snapshot, const ListenerSpec& spec, const ListenerSum& sum,
                   Json bind) {
  Json ended = Json::object();
  for (size_t reason = 0; reason < kListSize<EndReason>; ++reason)
    if (const uint64_t n = sum.ended.cells[reason].value; n > 0)
      ended[text(static_cast<EndReason>(reason))] = n;
  return {{"name", spec.name},       {"protocol", text(spec.protocol)},
          {"bind", std::move(bind)}, {"cluster", snapshot.cluster_names(spec)},
          {"active", sum.active},    {"streams", sum.streams},
          {"total", sum.total},      {"received_bytes", sum.received},
          {"sent_bytes", sum.sent},  {"ended", ended}};
}

// The members of each address of a backend, and of a backend with one address.
Json address_json(const ClusterSpec& spec, const HostSpec& host, TimePoint now) {
  const Duration held = host.backend->held_off_until() - now;
  // Zero, too, when only a check or a trial is still missing.
  const Duration out =
      spec.ejected(host) ? host.backend->outlier().ejected_until() - now : Duration::zero();
  Json json = {{"address", host.backend->address().text()},
               {"health", text(host.backend->health())},
               {"status", text(status_of(spec, host, now))},
               {"held_off_seconds", std::max(0.0, seconds(held))},
               {"ejected_seconds", std::max(0.0, seconds(out))}};
  if (!host.failure.empty()) json["failure"] = host.failure;
  return json;
}

// The times and the health of a backend with several addresses are those of its best one.
Json backend_json(const std::unordered_map<uint32_t, BackendSum>& sums, const ClusterSpec& spec,
                  std::span<const HostSpec> addresses, TimePoint now) {
  const BackendStatus status = status_of(spec, addresses, now);
  const HostSpec* best = &addresses[0];
  Json all = Json::array();
  std::string texts;
  for (const HostSpec& host : addresses) {
    if (status_of(spec, *best, now) != status) best = &host;
    all.push_back(address_json(spec, host, now));
    texts += (texts.empty() ? "" : ", ") + host.backend->address().text();
  }
  const HostSpec& first = addresses[0];
  const BackendSum sum = find(sums, first.series);
  Json json = {{"name", first.backend->name()}, {"state", text(first.state)}};
  json.update(address_json(spec, *best, now));
  json["address"] = first.backend->has_address() ? texts : first.backend->text();
  json.update({{"addresses", first.backend->has_address() ? all : Json::array()},
               {"weight", first.weight},
               {"backup", first.backup},
               {"active", sum.active},
               {"total", sum.total},
               {"connect_errors", sum.errors}});
  return json;
}

Json cluster_json(const ClusterSpec& spec, const std::unordered_map<uint32_t, BackendSum>& sums,
                  TimePoint now) {
  Json backends = Json::array();
  for (size_t first = 0; first < spec.hosts.size();) {
    const std::span<const HostSpec> addresses = spec.addresses(first);
    backends.push_back(backend_json(sums, spec, addresses, now));
    first += addresses.size();
  }
  return {{"name", spec.name},
          {"balance", text(spec.balance)},
          {"panic", is_panicking(spec)},
          {"backends", std::move(backends)}};
}

// The message is that of a diagnostic.
bool quotes(ReloadVerdict verdict) {
  return verdict == ReloadVerdict::invalid;
}

// Without their messages: what each is about.
std::vector<config::Diagnostic> without_quotes(std::vector<config::Diagnostic> diagnostics) {
  for (config::Diagnostic& d : diagnostics) {
    d.message = config::title_of(d.code);
    d.hint = "run `weir check` as a user that may read the file";
  }
  return diagnostics;
}

Json diagnostics_json(const ReloadOutcome& outcome, bool messages) {
  return Json::parse(
      config::format_json(messages ? outcome.diagnostics : without_quotes(outcome.diagnostics)));
}

}  // namespace

std::string status_json(const StatusSource& source) {
  const Snapshot& snapshot = *source.snapshot;
  Json listeners = Json::array(), clusters = Json::array();
  std::vector<Json> binds(snapshot.listeners.size(), Json::array());
  for (const auto& [place, address] : source.bound) binds[place].push_back(address.text());
  const auto listener_sums = sums_of<ListenerSum>(source.reports, &WorkerReport::listeners);
  const auto backend_sums = sums_of<BackendSum>(source.reports, &WorkerReport::backends);
  uint64_t total = 0;
  for (size_t i = 0; i < snapshot.listeners.size(); ++i) {
    const ListenerSpec& spec = snapshot.listeners[i];
    const ListenerSum sum = find(listener_sums, spec.series);
    listeners.push_back(listener_json(snapshot, spec, sum, std::move(binds[i])));
    total += sum.total;
  }
  for (const ClusterSpec& cluster : snapshot.clusters)
    clusters.push_back(cluster_json(cluster, backend_sums, source.now));
  Json last = nullptr, draining = nullptr;
  if (source.drain_began) draining = seconds(source.now - *source.drain_began);
  if (const auto& reload = source.last_reload)
    last = {{"result", text(reload->result)},
            {"at_unix", reload->at_unix},
            {"generation", reload->generation},
            {"message", source.messages || !quotes(reload->result) ? reload->message : ""}};
  return dump(
      {{"version", source.identity.version},
       {"revision", source.identity.revision},
       {"pid", ::getpid()},
       {"generation", snapshot.generation},
       {"config_hash", snapshot.hash},
       {"config_path", source.identity.config_path},
       {"phase", text(source.phase)},
       {"uptime_seconds", seconds(source.now - source.identity.started)},
       {"draining_seconds", draining},
       {"ready", source.ready},
       {"workers", source.workers},
       {"workers_by", source.identity.workers_by},
       {"snapshots", source.snapshots},
       {"connections",
        {{"active", source.open_connections}, {"total", total}, {"max", snapshot.max_connections}}},
       {"listeners", std::move(listeners)},
       {"clusters", std::move(clusters)},
       {"last_reload", last}});
}

std::string drain_json(const DrainCoordinator& drain, TimePoint now, const SessionSurvey& survey) {
  Json listeners = Json::array(), oldest = Json::array();
  uint64_t remaining = 0;
  for (const auto& [series, listener] : survey.listeners) {
    Json waiting = Json::object();
    uint64_t active = 0;
    for (const auto& [waiting_for, n] : listener.waiting) {
      waiting[text(waiting_for)] = n;
      active += n;
    }
    listeners.push_back({{"name", listener.name},
                         {"active", active},
                         {"streams", listener.streams},
                         {"waiting_for", waiting}});
    remaining += active;
  }
  for (const Session::View& session : survey.oldest)
    oldest.push_back({{"session", session.id},
                      {"listener", session.listener},
                      {"client", session.client},
                      {"backend", session.backend},
                      {"age_seconds", seconds(session.age)},
                      {"idle_seconds", seconds(session.idle)},
                      {"waiting_for", text(session.waiting_for)},
                      {"version", session.version ? Json(text(*session.version)) : Json()},
                      {"streams", session.streams},
                      {"sent_bytes", session.sent_bytes},
                      {"received_bytes", session.received_bytes}});
  Json deadline = nullptr;
  if (drain.deadline() != kNever) deadline = std::max(0.0, seconds(drain.deadline() - now));
  return dump({{"phase", text(drain.phase())},
               {"deadline_seconds", deadline},
               {"remaining", remaining},
               {"listeners", listeners},
               {"oldest", oldest}});
}

std::string drained_json(uint64_t cut) {
  return dump({{"phase", "drained"},
               {"deadline_seconds", nullptr},
               {"remaining", 0},
               {"cut", cut},
               {"listeners", Json::array()},
               {"oldest", Json::array()}});
}

std::string reload_json(const ReloadOutcome& outcome, const Disclosure& disclosure) {
  Json changes = Json::array();
  for (const PlannedChange& planned : outcome.changes) {
    const config::Change& change = planned.change;
    const bool hidden = change.confidential && !disclosure.values;
    changes.push_back({{"effect", config::text(change.effect)},
                       {"kind", config::text(change.kind)},
                       {"path", change.path},
                       {"from", hidden ? kHidden : change.from},
                       {"to", hidden ? kHidden : change.to},
                       {"sessions", planned.sessions}});
  }
  return dump({{"result", text(outcome.result)},
               {"generation", outcome.generation},
               {"message", disclosure.messages || !quotes(outcome.result) ? outcome.message : ""},
               {"changes", changes},
               {"diagnostics", diagnostics_json(outcome, disclosure.messages)}});
}

}  // namespace weir
