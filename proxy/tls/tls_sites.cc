#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tls/tls_site.h"

namespace weir {

void TlsServer::Sites::make() {
  has_twin.resize(server.content_->offers.size());
  const size_t errors = loading.errors();
  collect();
  if (loading.errors() > errors) return;
  for (const auto& [name, offers] : exact)
    server.exact_.emplace(name, site(with_wildcard(name, offers)));
  for (const auto& [name, offers] : wildcard) server.wildcard_.emplace(name, site(offers));
  for (size_t i = 0; i < server.content_->offers.size() && server.default_ == nullptr; ++i)
    if (offer(i).is_default && !offer(i).is_stand_in) server.default_ = site(for_no_name(i));
}

void TlsServer::Sites::collect() {
  const size_t count = server.content_->offers.size();
  for (size_t i = 0; i < count; ++i) {
    if (offer(i).is_stand_in) continue;
    for (const std::string& host : offer(i).hosts) {
      Indexes& offers = offers_of(host);
      // A certificate may name a host twice.
      if (offers.empty() || offers.back() != i) offers.push_back(i);
    }
  }
  for (const auto& [name, offers] : exact) check_rules(name, offers);
  for (const auto& [name, offers] : wildcard) check_rules("*." + name, offers);
  for (size_t i = 0; i < count; ++i)
    if (offer(i).is_stand_in)
      for (const std::string& host : offer(i).hosts) add_stand_in(i, host);
}

TlsServer::Sites::Indexes& TlsServer::Sites::offers_of(const std::string& host) {
  return host.starts_with("*.") ? wildcard[host.substr(2)] : exact[host];
}

// The previous certificate may have names that the new one lacks, and that other certificates have
// now: then the rules of those certificates apply. Every name keeps an offer for the time after the
// stand-in.
void TlsServer::Sites::add_stand_in(size_t i, const std::string& host) {
  Indexes& offers = offers_of(host);
  if (!offers.empty() && offers.back() == i) return;
  const bool is_new = offers.empty();
  const Indexes& after = is_new ? offers_of_wildcard(host) : offers;
  if (!after.empty() && offer(after.front()).rules != offer(i).rules) {
    if (is_new) exact.erase(host);
    return;
  }
  if (after.empty()) offers.push_back(i - 1);  // the offer that the stand-in replaces
  offers.push_back(i);
}

// The offers of the wildcard that covers `host`; empty: no wildcard covers it.
const TlsServer::Sites::Indexes& TlsServer::Sites::offers_of_wildcard(
    const std::string& host) const {
  static const Indexes kNone;
  const size_t dot = host.starts_with("*.") ? std::string::npos : host.find('.');
  const auto found =
      dot != std::string::npos ? wildcard.find(host.substr(dot + 1)) : wildcard.end();
  return found != wildcard.end() ? found->second : kNone;
}

// All certificates of a host must have the same rules of client authentication.
void TlsServer::Sites::check_rules(const std::string& name, const Indexes& offers) {
  for (const size_t i : offers) {
    if (offer(i).rules == offer(offers.front()).rules) continue;
    loading.report(config::Code::E238, offer(i).location,
                   fmt::format("'{}' is in two certificates with different `client_auth`; leave it "
                               "to one of them",
                               name));
    return;
  }
  warn_of_duplicates(name, offers);
}

void TlsServer::Sites::warn_of_duplicates(const std::string& name, const Indexes& offers) {
  std::map<int, size_t> first;
  for (const size_t i : offers) {
    const auto [known, is_new] = first.emplace(offer(i).key_type(), i);
    if (is_new || has_twin[i]) continue;
    has_twin[i] = true;
    loading.report(
        config::Code::W245, offer(i).location,
        fmt::format("clients that ask for '{}' are shown certificate '{}', which has the "
                    "same kind of key and comes first, and '{}' only while that is not "
                    "valid",
                    name, offer(known->second).name, offer(i).name),
        "leave one out, or give it another kind of key: RSA beside ECDSA");
  }
}

// A wildcard may have a kind of key that no certificate for exactly this name has.
TlsServer::Sites::Indexes TlsServer::Sites::with_wildcard(const std::string& name,
                                                          const Indexes& own) const {
  Indexes all = own;
  for (const size_t i : offers_of_wildcard(name))
    if (offer(i).rules == offer(own.front()).rules &&
        std::find(all.begin(), all.end(), i) == all.end())
      all.push_back(i);
  return all;
}

// The chosen certificate, and certificates of its names with other kinds of keys.
TlsServer::Sites::Indexes TlsServer::Sites::for_no_name(size_t chosen) const {
  Indexes all{chosen};
  std::set<size_t> known{chosen};
  for (const std::string& host : offer(chosen).hosts) {
    const bool any = host.starts_with("*.");
    for (const size_t i : (any ? wildcard : exact).find(any ? host.substr(2) : host)->second)
      if (offer(i).rules == offer(chosen).rules && known.insert(i).second) all.push_back(i);
  }
  for (size_t i = 0; i < server.content_->offers.size(); ++i)  // it may name no host
    if (offer(i).is_stand_in && offer(i).name == offer(chosen).name && known.insert(i).second)
      all.push_back(i);
  return all;
}

// While one of them is valid, invalid certificates are left out: a client could choose one.
TlsServer::Sites::Indexes TlsServer::Sites::best(const Indexes& candidates, int64_t now) const {
  const bool any_holds = std::any_of(candidates.begin(), candidates.end(),
                                     [&](size_t i) { return offer(i).holds(now); });
  Indexes shown;
  const auto add = [&](bool stand_ins) {
    for (const size_t i : candidates) {
      if (offer(i).is_stand_in != stand_ins || (any_holds && !offer(i).holds(now))) continue;
      const bool has = std::any_of(shown.begin(), shown.end(), [&](size_t other) {
        return offer(other).key_type() == offer(i).key_type();
      });
      if (!has) shown.push_back(i);
    }
  };
  add(false);
  if (any_holds) add(true);
  return shown;
}

SSL_CTX* TlsServer::Sites::context(const Indexes& shown) {
  SSL_CTX*& known = known_contexts[shown];
  if (known != nullptr) return known;
  SslContextPtr made = make_context(*offer(shown.front()).clients);
  for (const size_t i : shown)
    if (Result<void> used = use_identity(made.get(), *offer(i).identity); !used)
      loading.report(config::Code::E238, offer(i).location, used.error().message);
  server.content_->contexts.push_back(std::move(made));
  return known = server.content_->contexts.back().get();
}

const TlsServer::Site* TlsServer::Sites::site(const Indexes& candidates) {
  const Site*& known = known_sites[candidates];
  if (known != nullptr) return known;
  auto made = std::make_unique<Site>();
  made->rules = offer(candidates.front()).rules;
  std::set<int64_t> moments{loading.now()};
  for (const size_t i : candidates)
    for (const int64_t moment : {offer(i).from, offer(i).until + 1})
      if (moment > loading.now()) moments.insert(moment);
  for (const int64_t moment : moments) {
    SSL_CTX* const shown = context(best(candidates, moment));
    if (made->phases.empty() || made->phases.back().context != shown)
      made->phases.push_back({moment, shown});
  }
  server.content_->sites.push_back(std::move(made));
  return known = server.content_->sites.back().get();
}

}  // namespace weir
