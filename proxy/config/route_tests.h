// A file for `weir test`: requests, and the expected outcome of each. Plain structs that the key
// table fills, and the function that reads them. Blocks on the file; never throws.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/plain_values.h"

namespace weir::config {

struct TestRequest {
  std::string listener{};  // empty: the only HTTP listener
  std::string host{};
  std::string path = "/";  // with the query
  std::string method = "GET";
  NamedValues headers{};
};

struct TestOutcome {    // a member that is empty or 0 is not compared
  std::string route{};  // "none": no route matches
  std::string cluster{};
  std::string backend{};
  uint32_t status = 0;
  std::string location{};
  std::string path{};
};

struct RouteTest {
  std::string name;
  TestRequest request;
  TestOutcome expect;
  Location location;
};

struct RouteTests {
  std::vector<RouteTest> tests;
};

struct LoadedRouteTests {
  RouteTests file;  // usable only when valid()
  std::vector<Diagnostic> diagnostics;

  bool valid() const;
};

LoadedRouteTests load_route_tests(const std::string& path, const Environment&);

}  // namespace weir::config
