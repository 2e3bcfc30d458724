// The verbs that need no running weir: check, config show, config defaults, schema.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/admin_call.h"
#include "cli/given_config.h"
#include "cli/verbs.h"
#include "config/diagnostic.h"
#include "config/load.h"
#include "config/print.h"
#include "config/schema.h"
#include "control/host_check.h"
#include "control/lookups.h"
#include "control/tls_contexts.h"

namespace weir::cli {
namespace {

bool has_warnings(const config::Loaded& loaded) {
  return std::ranges::any_of(loaded.diagnostics,
                             [](const auto& found) { return !found.is_error(); });
}

// One JSON document: the findings, and whether the file passes.
std::string report(const config::Loaded& loaded, const std::string& path, bool passes) {
  nlohmann::ordered_json document{
      {"file", path},
      {"valid", passes},
      {"diagnostics",
       nlohmann::ordered_json::parse(config::format_json(loaded.diagnostics), nullptr, false)}};
  return document.dump(2) + "\n";
}

// Reads the TLS files. Errors become findings; then the result is empty.
std::optional<TlsContexts> read_tls(config::Loaded& loaded) {
  if (!loaded.valid()) return std::nullopt;
  TlsContexts tls = load_tls(loaded);
  return loaded.valid() ? std::optional(std::move(tls)) : std::nullopt;
}

void print_certificates(const TlsContexts& tls, const Console& console) {
  for (const auto& [listener, server] : tls.listeners) {
    for (const CertificateInfo& info : server->certificates()) {
      console.say(fmt::format(
          "listener {}: certificate {} for {}, until {}", listener, info.name,
          info.hosts.empty() ? "no name" : fmt::format("{}", fmt::join(info.hosts, ", ")),
          utc_text(info.not_after)));
    }
  }
}

config::Diagnostic unresolved(const config::Model& model, const config::Backend& backend,
                              const std::string& failure) {
  config::Diagnostic found;
  found.severity = config::Diagnostic::Severity::warning;
  found.code = "W252";
  found.file = model.files.at(backend.location.file);
  found.line = backend.location.line;
  found.column = backend.location.column;
  found.message = failure;
  found.hint = "weir would start; the backend would be down until the lookup succeeds";
  return found;
}

// Looks up host names. A failed lookup becomes a finding, any other a line of the result.
std::vector<std::string> resolve_names(config::Loaded& loaded) {
  std::vector<std::string> lines;
  if (!loaded.valid()) return lines;
  const ResolvedAddresses known = resolve_backends(loaded.model);
  for (const config::Cluster& cluster : loaded.model.clusters) {
    for (const config::Backend& backend : cluster.backends) {
      if (host_name_of(backend.address).empty()) continue;
      const BackendAddresses& found = known.at(backend.address);
      if (found.addresses.empty()) {
        loaded.diagnostics.push_back(unresolved(loaded.model, backend, found.failure));
        continue;
      }
      std::vector<std::string> texts;
      for (const Address& address : found.addresses) texts.push_back(address.text());
      lines.push_back(
          fmt::format("cluster {}: {}: {}", cluster.name, backend.address, fmt::join(texts, ", ")));
    }
  }
  return lines;
}

void print_environment(const config::Loaded& loaded, const Console& console) {
  for (const std::string& name : loaded.env_names) {
    console.print(
        fmt::format("{} ({})\n", name, std::getenv(name.c_str()) == nullptr ? "not set" : "set"));
  }
}

}  // namespace

int run_check(const CheckOptions& options, const Console& console) {
  Result<std::string> path = find_config(options.config);
  if (!path) return report_error(path.error(), console);
  config::Loaded loaded = load_given(*path);
  const bool readable = loaded.valid();
  const std::optional<TlsContexts> tls = read_tls(loaded);
  if (readable)
    for (config::Diagnostic& found : check_host(loaded, Opens::at_start))
      loaded.diagnostics.push_back(std::move(found));
  const std::vector<std::string> names =
      options.resolve ? resolve_names(loaded) : std::vector<std::string>();
  bool passes = loaded.valid() && !(options.strict && has_warnings(loaded));
  if (options.show_environment) {
    print_environment(loaded, console);
    if (!loaded.diagnostics.empty())
      console.report(config::summary(loaded.diagnostics) + "\n" +
                     config::format_text(loaded.diagnostics, false));
    return passes ? kOk : kInvalidConfig;
  }
  if (options.format == "json") {
    console.print(report(loaded, name_of(*path), passes));
  } else if (options.format == "github") {
    console.print(config::format_github(loaded.diagnostics));
  } else if (!loaded.diagnostics.empty()) {
    console.print(config::format_text(loaded.diagnostics, console.color()));
    console.print(config::summary(loaded.diagnostics) + "\n");
  } else {
    console.say(name_of(*path) + ": valid");
  }
  if (tls && options.format == "text") print_certificates(*tls, console);
  if (options.format == "text")
    for (const std::string& line : names) console.say(line);
  return passes ? kOk : kInvalidConfig;
}

int run_config_show(const ConfigOptions& options, const Console& console) {
  Result<std::string> path = find_config(options.config);
  if (!path) return report_error(path.error(), console);
  config::Loaded loaded = load_given(*path);
  if (!loaded.valid() && options.json) {
    console.print(report(loaded, name_of(*path), false));
    return kInvalidConfig;
  }
  if (!loaded.valid()) {
    console.report("the configuration is invalid:\n" +
                   config::format_text(loaded.diagnostics, false));
    return kInvalidConfig;
  }
  if (options.json)
    console.print(options.effective ? config::effective_json(loaded)
                                    : config::to_json(loaded.model));
  else
    console.print(options.effective ? config::effective_yaml(loaded)
                                    : config::to_yaml(loaded.model));
  return kOk;
}

int run_config_defaults(const Console& console) {
  console.print(config::defaults_yaml());
  return kOk;
}

int run_schema(bool reference, const Console& console) {
  console.print(reference ? config::reference_markdown() : config::json_schema());
  return kOk;
}

}  // namespace weir::cli
