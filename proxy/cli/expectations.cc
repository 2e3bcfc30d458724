#include "cli/expectations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/explain.h"

namespace weir::cli {
namespace {

std::string difference(const char* what, std::string_view expected, std::string_view got) {
  return fmt::format("{}: expected '{}', got {}", what, expected,
                     got.empty() ? "none" : fmt::format("'{}'", got));
}

std::vector<std::string> differences(const config::TestOutcome& expect, const Explanation& found) {
  std::vector<std::string> result;
  const std::string route = found.taken ? found.route.name : "";
  if (!expect.route.empty() && expect.route != (found.taken ? route : "none"))
    result.push_back(difference("route", expect.route, route));
  std::vector<std::string> clusters;
  for (const config::Cluster* cluster : found.clusters) clusters.push_back(cluster->name);
  if (!expect.cluster.empty() &&
      std::find(clusters.begin(), clusters.end(), expect.cluster) == clusters.end())
    result.push_back(
        difference("cluster", expect.cluster, fmt::format("{}", fmt::join(clusters, ", "))));
  std::vector<std::string> backends;
  for (const config::Cluster* cluster : found.clusters)
    for (const config::Backend* backend : serving(*cluster)) backends.push_back(backend->name);
  if (!expect.backend.empty() &&
      std::find(backends.begin(), backends.end(), expect.backend) == backends.end())
    result.push_back(
        difference("backend", expect.backend, fmt::format("{}", fmt::join(backends, ", "))));
  if (expect.status != 0 && expect.status != found.status)
    result.push_back(difference("status", std::to_string(expect.status),
                                found.status == 0 ? "" : std::to_string(found.status)));
  if (!expect.location.empty() && expect.location != found.location)
    result.push_back(difference("location", expect.location, found.location));
  if (!expect.path.empty() && expect.path != found.target)
    result.push_back(difference("path", expect.path, found.target));
  return result;
}

bool expects_nothing(const config::TestOutcome& expect) {
  return expect.route.empty() && expect.cluster.empty() && expect.backend.empty() &&
         expect.status == 0 && expect.location.empty() && expect.path.empty();
}

std::vector<std::string> run(const config::Loaded& loaded, const config::RouteTest& test) {
  if (expects_nothing(test.expect)) return {"the test expects nothing"};
  const config::TestRequest& request = test.request;
  const Result<std::vector<Explanation>> found = explain(
      loaded, {request.listener, request.host, request.path, request.method, request.headers});
  if (!found) return {found.error().message};
  if (found->size() > 1) return {"several listeners have protocol http; name one with 'listener'"};
  return differences(test.expect, found->front());
}

}  // namespace

std::vector<FailedExpectation> failed_expectations(const config::Loaded& loaded,
                                                   const config::RouteTests& tests,
                                                   const std::string& file) {
  std::vector<FailedExpectation> result;
  for (size_t i = 0; i < tests.tests.size(); ++i) {
    const config::RouteTest& test = tests.tests[i];
    const std::string name =
        test.name.empty() ? fmt::format("test {}", i + 1) : fmt::format("'{}'", test.name);
    for (std::string& what : run(loaded, test))
      result.push_back(
          {fmt::format("{}:{}:{}", file, test.location.line, test.location.column), name, what});
  }
  return result;
}

}  // namespace weir::cli
