#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/address.h"
#include "config/places.h"
#include "config/references.h"
#include "config/validate_admin.h"
#include "config/validate_checks.h"
#include "config/validate_routes.h"
#include "config/validate_tls.h"
#include "config/value_types.h"

namespace weir::config {
namespace {

class Validation {
 public:
  Validation(const Model& model, const Provenance& provenance, Findings& findings)
      : model_(model),
        places_(provenance, findings.sources()),
        findings_(findings),
        references_(model, places_, findings) {}

  void run() {
    check_listeners();
    check_binds();
    check_clusters();
    check_drain();
    validate_admin(model_, places_, findings_);
  }

 private:
  Place place(std::string_view path) const { return places_.of(path); }
  bool written(std::string_view path) const { return places_.written(path); }

  // ---- names and references

  void check_listeners() {
    if (model_.listeners.empty()) references_.mark_incomplete();
    if (model_.listeners.empty() && written("listeners"))
      findings_.add(Code::E216, place("listeners"), "there are no listeners",
                    "weir would accept nothing");
    std::unordered_map<std::string_view, size_t> names;
    for (size_t i = 0; i < model_.listeners.size(); ++i) {
      const Listener& listener = model_.listeners[i];
      const std::string path = fmt::format("listeners[{}]", i);
      if (!listener.name.empty()) {
        const auto [first, is_new] = names.emplace(listener.name, i);
        if (!is_new) duplicate_listener(path, listener.name, first->second);
      }
      check_socket_keys(listener, path);
      check_targets(listener, path);
      validate_tls(listener, path, places_, findings_);
    }
  }
  static constexpr const char* kTcpKeys[] = {"congestion_control", "tcp_keepalive.idle",
                                             "tcp_keepalive.interval", "tcp_keepalive.probes"};
  void check_socket_keys(const Listener& listener, const std::string& path) {
    const auto is_unix = [](const std::string& bind) { return bind.starts_with("unix:"); };
    if (!listener.bind.empty() && std::all_of(listener.bind.begin(), listener.bind.end(), is_unix))
      for (const char* key : kTcpKeys)
        if (places_.own(fmt::format("{}.{}", path, key)))
          findings_.add(Code::W218, place(fmt::format("{}.{}", path, key)),
                        fmt::format("listener '{}' has only UNIX sockets", listener.name),
                        fmt::format("{} is for TCP; it has no effect here", key));
    const auto is_file = [](const std::string& bind) {
      return bind.starts_with("unix:") && !bind.starts_with("unix:@");
    };
    if (std::any_of(listener.bind.begin(), listener.bind.end(), is_file)) return;
    for (const char* key : {".socket_mode", ".socket_owner", ".socket_group"})
      if (written(path + key))
        findings_.add(Code::W256, place(path + key),
                      fmt::format("listener '{}' has no UNIX socket with a path", listener.name),
                      "it has no effect; a UNIX socket with a path is `bind: unix:/path`");
  }
  void check_targets(const Listener& listener, const std::string& path) {
    if (listener.protocol == Protocol::http)
      return validate_routes(listener, path, places_, references_, findings_);
    for (size_t i = 0; i < listener.passthrough.size(); ++i)
      references_.check(fmt::format("a passthrough rule of listener '{}'", listener.name),
                        listener.passthrough[i].cluster,
                        fmt::format("{}.passthrough[{}].cluster", path, i));
    if (!listener.passthrough.empty() && listener.tls)
      findings_.add(Code::E240, place(path + ".passthrough"),
                    fmt::format("listener '{}' terminates TLS itself", listener.name),
                    "leave out `tls` to pass TLS through, or leave out `passthrough`");
    if (!listener.cluster.empty())
      return references_.check(fmt::format("listener '{}'", listener.name), listener.cluster,
                               path + ".cluster");
    references_.mark_incomplete();  // reported when it was read
  }
  void duplicate_listener(const std::string& path, const std::string& name, size_t first) {
    const bool named = written(path + ".name");
    // Names that are default names: the same address twice, which check_binds() reports.
    const std::string other = fmt::format("listeners[{}]", first);
    if (!named && !written(other + ".name")) return;
    findings_.add(Code::E201, place(path + ".name"),
                  fmt::format("a second listener is called '{}'", name),
                  "the first: " + places_.defined_at(other));
  }
  // ---- addresses

  struct Bound {
    std::string text, path, owner;
  };
  struct Binds {
    std::unordered_map<std::string, Bound> by_address;
    std::unordered_map<uint16_t, std::string> both_families;  // port → address of a ":port"
  };
  void check_binds() {
    Binds binds;
    for (size_t i = 0; i < model_.listeners.size(); ++i) {
      const Listener& listener = model_.listeners[i];
      for (size_t j = 0; j < listener.bind.size(); ++j)
        check_bind(binds, listener.bind[j], fmt::format("listeners[{}].bind[{}]", i, j),
                   fmt::format("listener '{}'", listener.name), Code::E204);
    }
    if (!model_.admin.bind.empty())
      check_bind(binds, model_.admin.bind, "admin.bind", "admin", Code::E205);
    if (!model_.admin.socket.empty())
      check_bind(binds, "unix:" + model_.admin.socket, "admin.socket", "admin", Code::E205);
  }
  void check_bind(Binds& binds, const std::string& text, std::string path, std::string owner,
                  Code code) {
    const Result<Address> address = Address::parse(text);
    if (!address || (address->is_ip() && address->port() == 0))
      return;  // port 0: the kernel finds a free one
    const Bound* other = clash(binds, *address, text);
    if (!other && code == Code::E205) other = overlap(binds, *address);
    if (other && !findings_.saturated())
      findings_.add(code, places_.of(path),
                    fmt::format("{} binds {}, which {} binds too{}", owner, text, other->owner,
                                text == other->text ? "" : fmt::format(" with {}", other->text)),
                    places_.defined_at(other->path));
    if (text[0] == ':') binds.both_families.emplace(address->port(), address->text());
    binds.by_address.try_emplace(address->text(), Bound{text, std::move(path), std::move(owner)});
  }
  // Two addresses with one port conflict if they are equal, or if they are ":80", which is both
  // families, and "0.0.0.0:80". A wildcard address and a single address may be bound together:
  // connections to the single address go to its socket. So may 0.0.0.0 and [::].
  static const Bound* clash(const Binds& binds, const Address& address, const std::string& text) {
    const auto at = [&](const std::string& key) {
      const auto found = binds.by_address.find(key);
      return found == binds.by_address.end() ? nullptr : &found->second;
    };
    if (const Bound* same = at(address.text())) return same;
    const std::string all_ipv4 = fmt::format("0.0.0.0:{}", address.port());
    if (text[0] == ':') return at(all_ipv4);
    if (!address.is_ip() || address.text() != all_ipv4) return nullptr;
    const auto both = binds.both_families.find(address.port());
    return both == binds.both_families.end() ? nullptr : at(both->second);
  }
  // No listener may have the admin server's address, nor an address that includes it.
  static const Bound* overlap(const Binds& binds, const Address& admin) {
    if (!admin.is_ip()) return nullptr;
    const auto is_wildcard_of = [](const Address& one, const Address& other) {
      const Address ipv4 = Address::parse("0.0.0.0:0")->with_port(one.port());
      return one == Address::any(one.port()) || (one == ipv4 && other.family() == ipv4.family());
    };
    for (const auto& [text, bound] : binds.by_address) {
      const Result<Address> other = Address::parse(text);
      if (!other || !other->is_ip() || other->port() != admin.port()) continue;
      if (is_wildcard_of(admin, *other) || is_wildcard_of(*other, admin)) return &bound;
    }
    return nullptr;
  }

  // ---- clusters

  void check_clusters() {
    std::unordered_map<std::string_view, size_t> names;
    for (size_t i = 0; i < model_.clusters.size(); ++i) {
      const Cluster& cluster = model_.clusters[i];
      const std::string path = fmt::format("clusters[{}]", i);
      check_backends(cluster, path);
      check_times(cluster, path);
      check_queue(cluster, path);
      validate_tls(cluster, path, places_, findings_);
      check_http_use(cluster, path);
      check_hash(cluster, path);
      check_sticky(cluster, path);
      if (cluster.name.empty()) continue;
      const auto [first, is_new] = names.emplace(cluster.name, i);
      if (!is_new)
        findings_.add(
            Code::E202, place(path + ".name"),
            fmt::format("a second cluster is called '{}'", cluster.name),
            "the first: " + places_.defined_at(fmt::format("clusters[{}]", first->second)));
      else if (references_.surely_unused(cluster.name))
        findings_.add(Code::W212, place(path + ".name"),
                      fmt::format("no listener and no route uses cluster '{}'", cluster.name),
                      "it is still checked and counted");
    }
  }
  // Keys of clusters that HTTP listeners cannot use.
  void check_http_use(const Cluster& cluster, const std::string& path) {
    if (cluster.protocol == BackendProtocol::automatic && !cluster.tls)
      findings_.add(Code::W251, place(path + ".protocol"),
                    fmt::format("cluster '{}' has no 'tls', with which a backend could choose the "
                                "protocol",
                                cluster.name),
                    "weir uses HTTP/1; write protocol: http2 for HTTP/2 without TLS");
    const bool offers = cluster.tls && !cluster.tls->alpn.empty();
    if (cluster.proxy_protocol == ProxyVersion::none && !offers) return;
    if (!http_users_) find_users();
    const auto user = http_users_->find(cluster.name);
    if (user == http_users_->end()) return;
    validate_http_alpn(cluster, *user->second, path, places_, findings_);
    // The header names one client for the whole connection, but the connection carries requests of
    // several clients.
    if (cluster.proxy_protocol == ProxyVersion::none) return;
    findings_.add(
        Code::E239, place(path + ".proxy_protocol"),
        fmt::format("cluster '{}' has 'proxy_protocol', which names one client per connection, but "
                    "HTTP listener '{}' shares connections between clients",
                    cluster.name, user->second->name),
        "leave it out: HTTP has `X-Forwarded-For` for that; or use `protocol: tcp`");
  }
  // Only listeners of TCP lead to it.
  bool has_no_requests(const Cluster& cluster) {
    if (!http_users_) find_users();
    return !http_users_->contains(cluster.name) && tcp_users_.contains(cluster.name);
  }
  void check_sticky(const Cluster& cluster, const std::string& path) {
    if (!cluster.sticky) return;
    if (has_no_requests(cluster))
      findings_.add(
          Code::E279, place(path + ".sticky"),
          fmt::format("cluster '{}' has no requests, and so no cookies: only TCP listeners use it",
                      cluster.name),
          "leave 'sticky' out, or write balance: source_hash, which chooses by the client's "
          "address");
    if (cluster.sticky->same_site == SameSite::none &&
        cluster.sticky->secure == CookieSecure::never)
      findings_.add(Code::E278, place(path + ".sticky.secure"),
                    "browsers refuse a cookie with same_site: none that is not secure",
                    "write secure: always, or leave it out");
  }
  void check_hash(const Cluster& cluster, const std::string& path) {
    if (cluster.hash.by.part == HashBy::Part::client) return;  // the default, with any policy
    if (!hashes(cluster.balance_in_force()))
      findings_.add(Code::E275, place(path + ".hash.by"),
                    fmt::format("'hash' has no effect with balance: {}",
                                weir::text(cluster.balance_in_force())),
                    "choose ring_hash, maglev or source_hash, or leave 'hash' out");
    if (!has_no_requests(cluster)) return;
    findings_.add(
        Code::E276, place(path + ".hash.by"),
        fmt::format("cluster '{}' has no requests, and so no {}: only TCP listeners use it",
                    cluster.name, weir::text(cluster.hash.by.part)),
        "write by: client, or use the cluster in a listener with protocol: http");
  }
  void find_users() {
    http_users_.emplace();
    for (const Listener& listener : model_.listeners) {
      if (listener.protocol != Protocol::http) {
        tcp_users_.insert(listener.cluster);
        for (const PassthroughRule& rule : listener.passthrough) tcp_users_.insert(rule.cluster);
        continue;
      }
      http_users_->emplace(listener.cluster, &listener);
      for (const Route& route : listener.routes) {
        http_users_->emplace(route.cluster, &listener);
        for (const WeightedCluster& share : route.clusters)
          http_users_->emplace(share.name, &listener);
      }
    }
  }
  // The older names of its keys, which count if both are written.
  void check_queue(const Cluster& cluster, const std::string& path) {
    const auto check = [&](bool given, const char* older, const char* name) {
      const std::string at = path + ".pool." + older;
      if (given && written(at))
        findings_.add(Code::W260, place(at), fmt::format("'pool.{}' is deprecated", older),
                      fmt::format("write 'queue: {{ {}: ... }}' of the cluster instead", name));
    };
    check(cluster.pool.max_pending.has_value(), "max_pending", "max");
    check(cluster.pool.queue_timeout.has_value(), "queue_timeout", "timeout");
  }
  void check_backends(const Cluster& cluster, const std::string& path) {
    if (cluster.backends.empty() && written(path + ".backends"))
      findings_.add(Code::E211, place(path + ".backends"),
                    fmt::format("cluster '{}' has no backends", cluster.name),
                    "every session would be refused");
    std::unordered_map<std::string_view, size_t> names;
    bool usable = false;
    for (size_t i = 0; i < cluster.backends.size(); ++i) {
      const Backend& backend = cluster.backends[i];
      usable = usable || backend.state == BackendState::active;
      if (backend.name.empty()) continue;
      const auto [first, is_new] = names.emplace(backend.name, i);
      if (is_new) continue;
      const std::string at = fmt::format("{}.backends[{}]", path, first->second);
      findings_.add(
          Code::E203, place(fmt::format("{}.backends[{}]", path, i)),
          fmt::format("a second backend of cluster '{}' is called '{}'", cluster.name,
                      backend.name),
          "the first: " + places_.defined_at(at) + "; give one another name, or more weight");
    }
    if (!usable && !cluster.backends.empty())
      findings_.add(
          Code::W211, place(path + ".backends"),
          fmt::format("all backends of cluster '{}' are taken out by their state", cluster.name),
          "every session would be refused");
  }
  void check_times(const Cluster& cluster, const std::string& path) {
    const std::optional<HealthCheck>& check = cluster.health_check;
    if (check && check->timeout > check->interval)
      contradiction(
          Code::E213, path + ".health_check", "timeout", "interval",
          fmt::format("a health check of cluster '{}' may take {}, but one begins every {}",
                      cluster.name, duration_text(check->timeout), duration_text(check->interval)),
          "timeout must not be longer than interval");
    if (check && written(path + ".health_check.fast_interval") &&
        check->fast_interval > check->interval)
      contradiction(
          Code::E274, path + ".health_check", "fast_interval", "interval",
          fmt::format("fast checks of cluster '{}' begin {} after the last one, others every {}",
                      cluster.name, duration_text(check->fast_interval),
                      duration_text(check->interval)),
          "fast_interval must not be longer than interval");
    if (check) validate_check(cluster, path + ".health_check", places_, findings_);
    if (cluster.backoff.base > cluster.backoff.max)
      contradiction(Code::E215, path + ".backoff", "base", "max",
                    fmt::format("the back-off of cluster '{}' begins at {}, above its max of {}",
                                cluster.name, duration_text(cluster.backoff.base),
                                duration_text(cluster.backoff.max)),
                    "base must not be longer than max");
    const std::optional<OutlierDetection>& outlier = cluster.outlier_detection;
    if (outlier && outlier->base_ejection > outlier->max_ejection)
      contradiction(
          Code::E215, path + ".outlier_detection", "base_ejection", "max_ejection",
          fmt::format("backends of cluster '{}' are taken out for {}, above the max of {}",
                      cluster.name, duration_text(outlier->base_ejection),
                      duration_text(outlier->max_ejection)),
          "base_ejection must not be longer than max_ejection");
  }
  // Adds the finding at the first of the two keys that the file has.
  void contradiction(Code code, const std::string& map, const char* first, const char* second,
                     std::string message, std::string hint) {
    const std::string path = fmt::format("{}.{}", map, first);
    findings_.add(code, place(written(path) ? path : fmt::format("{}.{}", map, second)),
                  std::move(message), std::move(hint));
  }

  void check_drain() {
    const Drain& drain = model_.drain;
    if (drain.spread && *drain.spread > drain.timeout)
      findings_.add(Code::E214, place("drain.spread"),
                    fmt::format("idle sessions are closed over {}, but cut after {}",
                                duration_text(*drain.spread), duration_text(drain.timeout)),
                    "spread must not be longer than timeout");
    if (drain.ready_fail_after > drain.delay)
      findings_.add(
          Code::W217, place("drain.ready_fail_after"),
          fmt::format("/ready would fail {} after the signal, but the listeners close after {}",
                      duration_text(drain.ready_fail_after), duration_text(drain.delay)),
          "make delay longer, so that load balancers notice it first");
  }

  const Model& model_;
  const Places places_;
  Findings& findings_;
  References references_;
  // By name of the cluster, the first HTTP listener that uses it; none: not looked for yet.
  std::optional<std::unordered_map<std::string_view, const Listener*>> http_users_;
  std::unordered_set<std::string_view> tcp_users_;  // clusters; with http_users_
};

}  // namespace

void validate(const Model& model, const Provenance& provenance, Findings& findings) {
  Validation(model, provenance, findings).run();
}

}  // namespace weir::config
