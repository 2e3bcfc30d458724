#include "cli/ad_hoc.h"

#include <fmt/format.h>

#include "base/address.h"
#include "base/ascii.h"
#include "config/print.h"
#include "config/value_types.h"

namespace weir::cli {
namespace {

constexpr std::string_view kUnix = "unix:";

Result<void> check_address(std::string_view text, const char* flag, bool needs_host) {
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    std::string_view rest = text.substr(scheme + 3);
    rest = rest.substr(0, rest.find('/'));
    return Error{fmt::format("'{}' is a URL; write the address alone: {}", text,
                             rest.find(':') == std::string_view::npos ? "host:port" : rest),
                 flag};
  }
  if (text.starts_with(kUnix)) {
    Result<Address> path = Address::parse(text);
    return path ? Result<void>() : Result<void>(Error{path.error().message, flag});
  }
  if (text.size() <= 5 && all_digits(text))
    return Error{
        fmt::format("'{}' has no host; write {}:{}", text, needs_host ? "127.0.0.1" : "", text),
        flag};
  Result<HostPort> parts = split_host_port(text);
  if (!parts) return Error{parts.error().message, flag};
  if (needs_host && parts->host.empty()) {
    return Error{fmt::format("'{}' has no host; write 127.0.0.1{}", text, text), flag};
  }
  return {};
}

config::Balance balance_of(const std::string& name) {
#define BALANCER(policy, help) \
  if (name == #policy) return config::Balance::policy;
#include "config/balancers.def"
#undef BALANCER
  return {};
}

Result<config::HealthCheck> check_of(const ProxyOptions& options) {
  if (options.tcp)
    return Error{"checks a path, which needs HTTP; leave out --health or --tcp", "--health"};
  config::HealthCheck check;
  check.type = config::HealthCheck::Type::http;
  if (auto problem = config::types::target_path::type.read(options.health, &check.path))
    return Error{problem->message + (problem->hint.empty() ? "" : "; " + problem->hint),
                 "--health"};
  return check;
}

}  // namespace

Result<std::string> ad_hoc_config(const ProxyOptions& options) {
  config::Model model;
  config::Listener& listener = model.listeners.emplace_back();
  listener.name = "proxy";
  listener.bind = options.from;
  listener.protocol = options.tcp ? config::Protocol::tcp : config::Protocol::http;
  listener.cluster = "app";
  if (!options.tls_cert.empty()) {
    config::Certificate& certificate = listener.tls.emplace().certificates.emplace_back();
    certificate.name = certificate.cert = options.tls_cert;
    certificate.key = options.tls_key.empty() ? options.tls_cert : options.tls_key;
  }
  config::Cluster& cluster = model.clusters.emplace_back();
  cluster.name = "app";
  cluster.balance = balance_of(options.balance);
  for (const std::string& from : options.from) {
    if (Result<void> good = check_address(from, "--from", false); !good) return good.error();
  }
  for (const std::string& to : options.to) {
    if (Result<void> good = check_address(to, "--to", true); !good) return good.error();
    config::Backend& backend = cluster.backends.emplace_back();
    backend.name = backend.address = to;
  }
  if (!options.health.empty()) {
    Result<config::HealthCheck> check = check_of(options);
    if (!check) return check.error();
    cluster.health_check = *check;
  }
  std::string_view admin = options.admin;
  if (admin.starts_with(kUnix)) {
    model.admin.socket = admin.substr(kUnix.size());
  } else if (!admin.empty()) {
    if (admin.starts_with("http://")) admin.remove_prefix(7);
    if (Result<void> good = check_address(admin, "--admin", false); !good) return good.error();
    model.admin.bind = admin;
  }
  return config::to_yaml(model);
}

}  // namespace weir::cli
