// TlsServer::Offer, ::Site and ::Sites: which certificates weir presents to a client, by the server
// name (SNI). For tls_server*.cc only.
//
// For a name weir offers of each kind of key the best certificate, so that old clients get RSA
// where others get ECDSA. The order: a certificate that is valid now; a certificate for exactly
// this name before a wildcard; the certificate that comes first in the configuration. Validity
// changes with time, without a load: a site has a context for each period.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tls/openssl.h"
#include "tls/tls_client_policy.h"
#include "tls/tls_server.h"
#include "tls/tls_staple.h"

namespace weir {

struct TlsServer::Offer {
  std::shared_ptr<const Identity> identity;
  std::string name;                // in the configuration
  std::vector<std::string> hosts;  // lower case
  int64_t from = 0, until = 0;     // seconds since 1970
  bool is_stand_in = false;  // of the previous configuration, until the one of its name is valid
  bool is_default = false;
  ClientRules rules;
  const ClientPolicy* clients = nullptr;  // while it is loaded
  config::Location location;

  int key_type() const { return EVP_PKEY_get_base_id(identity->key.get()); }
  bool holds(int64_t now) const { return from <= now && now <= until; }
};

struct TlsServer::Site {
  struct Phase {
    int64_t since;
    SSL_CTX* context;
  };
  ClientRules rules;
  std::vector<Phase> phases;  // ascending; the first also covers all time before it
  SSL_CTX* context(int64_t now) const {
    size_t i = phases.size() - 1;
    while (i > 0 && now < phases[i].since) --i;
    return phases[i].context;
  }
};

struct TlsServer::Content {
  std::vector<Offer> offers;
  std::vector<SslContextPtr> contexts;
  std::vector<std::unique_ptr<Site>> sites;
  std::multimap<const X509*, TlsStaple> staples;  // by certificate
  std::vector<CrlPtr> revoked;                    // of all rules, each once
};

struct TlsServer::Sites {
  using Indexes = std::vector<size_t>;  // of offers

  TlsServer& server;
  TlsLoading& loading;
  // Makes a context without a certificate.
  const std::function<SslContextPtr(const ClientPolicy&)> make_context;

  std::map<std::string, Indexes, std::less<>> exact = {}, wildcard = {};  // names; without "*."
  std::map<Indexes, const Site*> known_sites = {};
  std::map<Indexes, SSL_CTX*> known_contexts = {};
  std::vector<bool> has_twin = {};

  // Makes the sites of every name in the offers, and the default site.
  void make();
  void collect();
  void add_stand_in(size_t i, const std::string& host);
  Indexes& offers_of(const std::string& host);
  const Indexes& offers_of_wildcard(const std::string& host) const;
  void check_rules(const std::string& name, const Indexes& offers);
  void warn_of_duplicates(const std::string& name, const Indexes& offers);
  Indexes with_wildcard(const std::string& name, const Indexes& own) const;
  Indexes for_no_name(size_t chosen) const;
  const Site* site(const Indexes& candidates);
  Indexes best(const Indexes& candidates, int64_t now) const;
  SSL_CTX* context(const Indexes& shown);
  const Offer& offer(size_t i) const { return server.content_->offers[i]; }
};

}  // namespace weir
