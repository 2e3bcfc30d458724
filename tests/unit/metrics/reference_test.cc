#include "metrics/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace weir {
namespace {

using ::testing::HasSubstr;

TEST(MetricsReference, IsWhatGrafanaReadmeSays) {
  std::ifstream file(WEIR_SOURCE_DIR "/grafana/README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  EXPECT_EQ(readme.str(), metrics_reference_markdown())
      << "run: weir metrics-reference > grafana/README.md";
}

TEST(MetricsReference, NamesTypeLabelsAndClosedValues) {
  EXPECT_THAT(
      metrics_reference_markdown(),
      HasSubstr("| `weir_config_reloads_total` | counter | `result` | Reloads requested, by "
                "result. `result`: `ok`, `unchanged`, `invalid`, `failed`. |\n"));
  EXPECT_THAT(metrics_reference_markdown(), HasSubstr("| `drain_idle` | "));
}

}  // namespace
}  // namespace weir
