// The verbs about routes, which need no running weir: explain, test.
#include <fmt/format.h>

#include "cli/admin_call.h"
#include "cli/expectations.h"
#include "cli/explain.h"
#include "cli/given_config.h"
#include "cli/verbs.h"
#include "config/diagnostic.h"
#include "config/load.h"
#include "config/value_types.h"

namespace weir::cli {
namespace {

// Splits "https://host/path", "host/path" or "/path", as copied from a browser or a log.
ExplainOptions with_url(ExplainOptions options) {
  if (options.url.empty()) return options;
  std::string_view rest = options.url;
  for (std::string_view scheme : {"http://", "https://", "ws://", "wss://"})
    if (rest.starts_with(scheme)) {
      rest.remove_prefix(scheme.size());
      break;
    }
  rest = rest.substr(0, rest.find('#'));  // never sent
  const size_t host = std::min(rest.find_first_of("/?"), rest.size());
  if (host > 0) options.host = rest.substr(0, host);
  options.path = rest.substr(host);
  if (!options.path.starts_with('/')) options.path.insert(0, "/");
  return options;
}

// The request of the command line.
Result<AskedRequest> asked(const ExplainOptions& given) {
  if (!given.url.empty() && !given.url.starts_with('/') && !given.host.empty())
    return Error{"the URL has a host: leave --host out", ""};
  const ExplainOptions options = with_url(given);
  AskedRequest request{options.listener, "", "", "", {}};
  std::string target = options.path;
  if (!options.query.empty())
    target += (target.find('?') == std::string::npos ? "?" : "&") + options.query;
  std::optional<config::Problem> problem;
  if (!options.host.empty())
    problem = config::types::authority::type.read(options.host, &request.host);
  if (!problem) problem = config::types::request_target::type.read(target, &request.path);
  if (!problem) problem = config::types::method::type.read(options.method, &request.method);
  if (problem)
    return Error{problem->message + (problem->hint.empty() ? "" : "; " + problem->hint), ""};
  for (const std::string& header : options.headers) {
    Result<config::NamedValue> field = parse_header(header);
    if (!field) return field.error();
    request.headers.push_back(*field);
  }
  return request;
}

// The configuration; empty if it is invalid, with the exit code in `code`.
std::optional<config::Loaded> load_valid(const std::string& given, const Console& console,
                                         int& code) {
  Result<std::string> path = find_config(given);
  if (!path) {
    code = report_error(path.error(), console);
    return std::nullopt;
  }
  config::Loaded loaded = load_given(*path);
  if (loaded.valid()) return loaded;
  console.report("the configuration is invalid:\n" +
                 config::format_text(loaded.diagnostics, false));
  code = kInvalidConfig;
  return std::nullopt;
}

}  // namespace

int run_explain(const ExplainOptions& options, const Console& console) {
  const Result<AskedRequest> request = asked(options);
  if (!request) {
    console.report(request.error().message);
    return kUsage;
  }
  int code = kOk;
  const std::optional<config::Loaded> loaded = load_valid(options.config, console, code);
  if (!loaded) return code;
  const Result<std::vector<Explanation>> found = explain(*loaded, *request);
  if (!found) {
    console.report(found.error().message);
    return kFailed;
  }
  if (options.json) {
    console.print(explanation_json(*found));
    return kOk;
  }
  for (const Explanation& explanation : *found) console.print(explanation_text(explanation));
  return kOk;
}

int run_test(const TestOptions& options, const Console& console) {
  int code = kOk;
  const std::optional<config::Loaded> loaded = load_valid(options.config, console, code);
  if (!loaded) return code;
  const config::LoadedRouteTests tests =
      config::load_route_tests(options.file, config::process_environment());
  if (!tests.valid()) {
    console.report("the tests are invalid:\n" + config::format_text(tests.diagnostics, false));
    return kInvalidConfig;
  }
  const std::vector<FailedExpectation> failures =
      failed_expectations(*loaded, tests.file, options.file);
  for (const FailedExpectation& failure : failures)
    console.print(fmt::format("{}: {}: {}\n", failure.place, failure.test, failure.what));
  const std::string count = count_text(static_cast<double>(tests.file.tests.size()), "test");
  if (failures.empty()) {
    console.say(count + " passed");
    return kOk;
  }
  console.report(fmt::format("{}: {} failed", count,
                             count_text(static_cast<double>(failures.size()), "expectation")));
  return kFailed;
}

}  // namespace weir::cli
