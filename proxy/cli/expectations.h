// The expectations of a file for `weir test` that a configuration does not meet. Pure functions
// over a valid configuration.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"
#include "config/route_tests.h"

namespace weir::cli {

struct FailedExpectation {
  std::string place;  // "tests.yaml:12:5"
  std::string test;   // "'moved'", or "test 3"
  std::string what;   // "route: expected 'api', got 'web'"
};

// `file`: the name of the file with the tests, for places.
std::vector<FailedExpectation> failed_expectations(const config::Loaded& loaded,
                                                   const config::RouteTests& tests,
                                                   const std::string& file);

}  // namespace weir::cli
