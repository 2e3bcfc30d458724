#include "config/print.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/plan.h"
#include "config/schema.h"
#include "support/config_read.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

std::optional<std::string> nothing(const std::string&) {
  return std::nullopt;
}

Loaded loaded_from(std::string_view yaml) {
  return load_text(yaml, "weir.yaml", nothing);
}
std::string content(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

Backend backend(std::string name, std::string address, uint32_t weight = 1) {
  Backend result;
  result.name = std::move(name);
  result.address = std::move(address);
  result.weight = weight;
  return result;
}

std::vector<fs::path> shipped() {
  std::vector<fs::path> files{fs::path(WEIR_SOURCE_DIR) / "config/weir.yaml"};
  for (const auto& entry : fs::directory_iterator(fs::path(WEIR_SOURCE_DIR) / "config/examples"))
    if (entry.is_regular_file()) files.push_back(entry.path());
  return files;
}

TEST(Shipped, EveryFileLoadsWithoutAWarning) {
  ASSERT_GE(shipped().size(), 6u);
  for (const fs::path& path : shipped()) {
    const Loaded loaded = config::load(path.string(), nothing);
    EXPECT_THAT(loaded.diagnostics, IsEmpty()) << told(loaded);
  }
}

TEST(ToYaml, LoadsAsAnEqualModel) {
  for (const fs::path& path : shipped()) {
    const Loaded loaded = config::load(path.string(), nothing);
    const Loaded again = loaded_from(to_yaml(loaded.model));
    ASSERT_TRUE(again.valid()) << told(again) << to_yaml(loaded.model);
    EXPECT_THAT(plan(loaded.model, again.model), IsEmpty()) << path;
    EXPECT_EQ(all_values(loaded.model), all_values(again.model));
    EXPECT_EQ(loaded.hash, again.hash);
  }
}

TEST(EffectiveYaml, LoadsAsAnEqualModel) {
  for (const fs::path& path : shipped()) {
    const Loaded loaded = config::load(path.string(), nothing);
    const Loaded again = loaded_from(effective_yaml(loaded));
    EXPECT_TRUE(again.valid()) << told(again) << path;
    EXPECT_EQ(loaded.hash, again.hash) << path;
  }
}

TEST(ToYaml, WritesOnlyValuesThatAreNotTheDefault) {
  Model model;
  Listener& listener = model.listeners.emplace_back();
  listener.name = ":8080";
  listener.bind = {":8080"};
  listener.cluster = "app";
  Cluster& cluster = model.clusters.emplace_back();
  cluster.name = "app";
  cluster.backends = {backend("a:1", "a:1"), backend("two", "b:1", 2)};
  cluster.health_check.emplace();
  EXPECT_EQ(to_yaml(model), R"(listeners:
  - bind: :8080
    cluster: app
clusters:
  - name: app
    backends:
      - a:1
      - name: two
        address: b:1
        weight: 2
    health_check: {}
)");
}

TEST(ToYaml, QuotesTextThatYamlWouldReadAsAnotherValue) {
  Model model;
  Listener& listener = model.listeners.emplace_back();
  listener.name = "true";
  listener.bind = {"[::1]:80"};
  listener.cluster = "123";
  Cluster& cluster = model.clusters.emplace_back();
  cluster.name = "123";
  cluster.backends = {backend("unix", "unix:/run/a b#c")};
  cluster.health_check.emplace();
  cluster.health_check->send = std::string("${HOME} \"\\\r\n\t\x01\x7f é # : - '", 27);
  cluster.health_check->expect = "null";
  const Loaded again = loaded_from(to_yaml(model));
  ASSERT_TRUE(again.valid()) << told(again) << to_yaml(model);
  EXPECT_EQ(all_values(model), all_values(again.model));
}

TEST(EffectiveYaml, ReportsWhereEachValueComesFrom) {
  const Loaded loaded = load_text(
      "defaults: { timeouts: { connect: 1s } }\n"
      "listeners:\n  - bind: ':80'\n    cluster: ${APP}\n"
      "clusters:\n  - name: app\n    backends:\n      - a:1\n",
      "weir.yaml", [](const std::string& name) -> std::optional<std::string> {
        if (name == "APP") return "app";
        return std::nullopt;
      });
  ASSERT_TRUE(loaded.valid()) << told(loaded);
  const std::string yaml = effective_yaml(loaded);
  EXPECT_THAT(yaml, HasSubstr("  - name: :80  # default\n    bind: :80  # weir.yaml:3\n"));
  EXPECT_THAT(yaml, HasSubstr("    cluster: app  # weir.yaml:4 (environment: APP)\n"));
  EXPECT_THAT(yaml, HasSubstr("      connect: 1s  # weir.yaml:1 (defaults)\n"));
  EXPECT_THAT(yaml, HasSubstr("        address: a:1  # weir.yaml:8\n"));
  EXPECT_THAT(yaml, HasSubstr("  # spread: (half of timeout)  # default\n"));
  const Loaded again = loaded_from(yaml);
  ASSERT_TRUE(again.valid()) << told(again);
  EXPECT_EQ(again.hash, loaded.hash);
}

TEST(DefaultsYaml, IsAWholeConfigurationOnceTheRequiredKeysAreGiven) {
  std::string yaml = defaults_yaml();
  const auto give = [&](std::string_view key, std::string_view value) {
    const std::string line =
        "    # " + std::string(key) + (key == "cluster" ? ": (none)" : ": (required)");
    // A comment before the route has the keys that it requires.
    const size_t at = key == "cluster" ? yaml.find(line) : yaml.rfind(line);
    ASSERT_NE(at, std::string::npos) << key;
    yaml.replace(at, line.size(), "    " + std::string(key) + ": " + std::string(value));
  };
  give("bind", ":80");
  give("cluster", "app");
  give("name", "app");
  give("address", "a:1");
  const Loaded loaded = loaded_from(yaml);
  ASSERT_TRUE(loaded.valid()) << told(loaded) << yaml;
  for (const char* key :
       {"workers: auto", "idle: 1h", "connect: 5s", "interval: 2s", "path: /metrics"})
    EXPECT_THAT(yaml, HasSubstr(key));
  Model expected =
      loaded_from(
          "listeners: [{ bind: ':80', cluster: app }]\n"
          "clusters: [{ name: app, backends: ['a:1'], health_check: {}, outlier_detection: {} "
          "}]\n")
          .model;
  EXPECT_EQ(all_values(loaded.model), all_values(expected));
}

void expect_generated(const char* file, const std::string& text, const char* command) {
  EXPECT_EQ(content(fs::path(WEIR_SOURCE_DIR) / file), text)
      << file << " is generated; write it again: " << command << " > " << file;
}

TEST(Reference, IsWhatTheTableSays) {
  expect_generated("config/README.md", reference_markdown(), "weir schema --reference");
}
TEST(Schema, IsWhatTheTableSays) {
  expect_generated("config/schema/weir.schema.json", json_schema(), "weir schema");
}

}  // namespace
}  // namespace weir::config
