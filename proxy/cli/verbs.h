// One function per command: `weir status` is run_status(). Options are plain structs that the
// command line fills; each function returns the exit code. Main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/console.h"
#include "cli/description.h"
#include "cli/find.h"

namespace weir::cli {

struct CheckOptions {
  std::string config;
  std::string format = "text";  // text, json, github
  bool strict = false;          // warnings are errors
  bool show_environment = false;
  bool resolve = false;  // look up host names
};
int run_check(const CheckOptions&, const Console&);

struct ConfigOptions {
  std::string config;
  bool effective = false;
  bool json = false;
};
int run_config_show(const ConfigOptions&, const Console&);
int run_config_defaults(const Console&);
int run_schema(bool reference, const Console&);

struct ExplainOptions {
  std::string config;
  std::string listener;  // empty: every HTTP listener
  std::string url;       // instead of host and path
  std::string host;
  std::string path = "/";
  std::string method = "GET";
  std::string query;
  std::vector<std::string> headers;  // "name: value"
  bool json = false;
};
int run_explain(const ExplainOptions&, const Console&);

struct TestOptions {
  std::string config;
  std::string file;  // of requests and expectations
};
int run_test(const TestOptions&, const Console&);

struct ReloadOptions {
  Target target;
  Duration timeout = std::chrono::seconds(30);
  bool wait = true;
  bool dry_run = false;
  bool json = false;
};
int run_reload(const ReloadOptions&, const Console&);

struct PlanOptions {
  Target target;
  std::string file;  // to compare with the running configuration; empty: that of the target
  bool json = false;
};
int run_plan(const PlanOptions&, const Console&);

struct DrainOptions {
  Target target;
  std::optional<Duration> timeout;  // default: drain.timeout of the configuration
  bool watch = false;
  bool json = false;
};
int run_drain(const DrainOptions&, const Console&);

struct StatusOptions {
  Target target;
  bool json = false;
  bool watch = false;
};
int run_status(const StatusOptions&, const Console&);
// Retries for `wait` while weir is not ready.
int run_healthcheck(const Target&, Duration wait, const Console&);

struct ProxyOptions {
  std::vector<std::string> from;
  std::vector<std::string> to;
  std::string balance;
  std::string health;    // path of HTTP health checks; empty: no checks
  std::string tls_cert;  // PEM; empty: no TLS
  std::string tls_key;   // empty: in tls_cert
  bool tls_self_signed = false;
  std::string admin;  // address of the admin API; empty: none
  bool tcp = false;
  bool print_config = false;
};
int run_proxy(ProxyOptions, const Console&);
int run_server_with(const std::string& config, const Console&);  // weir run

struct DemoBackendOptions {
  std::string listen;
  std::string name = "demo";
  bool echo = false;
};
int run_demo_backend(const DemoBackendOptions&, const Console&);

int run_version(bool json, const Console&);
int run_completion(const std::string& shell, const CommandDescription&, const Console&);
int run_man(const CommandDescription&, const Console&);
int run_metrics_reference(const Console&);

}  // namespace weir::cli
