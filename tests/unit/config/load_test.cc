#include "config/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "config/findings.h"
#include "config/print.h"
#include "support/config_read.h"
#include "support/cpu_time.h"
#include "support/growth.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_literals;
namespace fs = std::filesystem;

Environment variables(std::map<std::string, std::string> values) {
  return [values](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}
Loaded load(std::string_view yaml, const Environment& environment = variables({})) {
  return load_text(yaml, "weir.yaml", environment);
}
constexpr std::string_view kMinimal =
    "listeners:\n  - bind: :8080\n    cluster: app\n"
    "clusters:\n  - name: app\n    backends: [10.0.0.11:9000, 10.0.0.12:9000]\n";

std::string with(std::string_view more) {
  return std::string(kMinimal) + std::string(more);
}

TEST(Load, TakesTheSixLinesOfTheDocumentation) {
  const Loaded loaded = load(kMinimal);
  ASSERT_TRUE(loaded.valid()) << told(loaded);
  EXPECT_THAT(loaded.diagnostics, testing::IsEmpty());
  ASSERT_EQ(loaded.model.listeners.size(), 1u);
  EXPECT_EQ(loaded.model.listeners[0].name, ":8080");
  EXPECT_THAT(loaded.model.listeners[0].bind, ElementsAre(":8080"));
  EXPECT_EQ(loaded.model.listeners[0].cluster, "app");
  EXPECT_EQ(loaded.model.listeners[0].location.line, 2u);
  ASSERT_EQ(loaded.model.clusters.size(), 1u);
  ASSERT_EQ(loaded.model.clusters[0].backends.size(), 2u);
  EXPECT_EQ(loaded.model.clusters[0].backends[1].name, "10.0.0.12:9000");
  EXPECT_THAT(loaded.model.files, ElementsAre("weir.yaml"));
}

constexpr std::string_view kEveryKey = R"(
version: 1
global: { workers: 4, max_connections: 1000, watch: true }
listeners:
  - name: db
    bind: ["127.0.0.1:3306", "[::1]:3306", "unix:/run/db.sock"]
    protocol: tcp
    cluster: db
    limits: { max_connections: 7 }
    timeouts: { idle: 8h, half_close: 500ms, max_age: 1d }
    backlog: 100
    congestion_control: bbr
clusters:
  - name: db
    balance: least_connections
    backends:
      - { name: one, address: "db.example.com:3306", weight: 5, backup: true, state: drain }
      - "[2001:db8::1]:3306"
    timeouts: { connect: 1m30s }
    health_check: { type: tcp, interval: 2s, timeout: 1s, rise: 4, fall: 5, jitter: 2.5%, send: "PING\r\n", expect: PONG }
    backoff: { base: 2s, max: 1m }
    connect_attempts: 2
    panic_threshold: 20%
    congestion_control: reno
drain: { delay: 5s, ready_fail_after: 1s, timeout: 1m, linger: 2s, spread: 0s }
admin: { bind: "127.0.0.1:9901", socket: /run/weir/admin.sock }
metrics: { path: /prometheus }
logging: { level: debug, format: json, output: stdout, access: { output: none, format: logfmt } }
)";

TEST(Load, ReadsEveryKeyOfListenersAndTheProcess) {
  const Loaded loaded = load(kEveryKey);
  ASSERT_THAT(loaded.diagnostics, testing::IsEmpty()) << told(loaded);
  const Model& m = loaded.model;
  EXPECT_EQ(m.global.workers, 4u);
  EXPECT_EQ(m.global.max_connections, 1000u);
  EXPECT_TRUE(m.global.watch);
  const Listener& l = m.listeners.at(0);
  EXPECT_THAT(l.bind, ElementsAre("127.0.0.1:3306", "[::1]:3306", "unix:/run/db.sock"));
  EXPECT_EQ(l.limits.max_connections, 7u);
  EXPECT_EQ(l.timeouts.idle.value, 8h);
  EXPECT_EQ(l.timeouts.idle.location.line, 10u);
  EXPECT_EQ(l.timeouts.half_close.value, 500ms);
  EXPECT_EQ(l.timeouts.max_age.value, 24h);
  EXPECT_EQ(l.backlog, 100u);
  EXPECT_EQ(l.congestion_control, "bbr");
  EXPECT_EQ(m.drain.delay, 5s);
  EXPECT_EQ(m.drain.ready_fail_after, 1s);
  EXPECT_EQ(m.drain.timeout, 1min);
  EXPECT_EQ(m.drain.linger, 2s);
  EXPECT_EQ(m.drain.spread, Duration(0s));
  EXPECT_EQ(m.admin.bind, "127.0.0.1:9901");
  EXPECT_EQ(m.admin.socket, "/run/weir/admin.sock");
  EXPECT_EQ(m.metrics.path, "/prometheus");
  EXPECT_EQ(m.logging.level, LogLevel::debug);
  EXPECT_EQ(m.logging.format, LogFormat::json);
  EXPECT_EQ(m.logging.output, "stdout");
  EXPECT_EQ(m.logging.access.output, "none");
  EXPECT_EQ(m.logging.access.format, LogFormat::logfmt);
}

TEST(Load, ReadsEveryKeyOfClusters) {
  const Model m = load(kEveryKey).model;
  const Cluster& c = m.clusters.at(0);
  EXPECT_EQ(c.balance, Balance::least_connections);
  EXPECT_EQ(c.backends.at(0).address, "db.example.com:3306");
  EXPECT_EQ(c.backends.at(0).weight, 5u);
  EXPECT_TRUE(c.backends.at(0).backup);
  EXPECT_EQ(c.backends.at(0).state, BackendState::drain);
  EXPECT_EQ(c.backends.at(1).name, "[2001:db8::1]:3306");
  EXPECT_EQ(c.timeouts.connect.value, 90s);
  ASSERT_TRUE(c.health_check);
  EXPECT_EQ(c.health_check->interval, 2s);
  EXPECT_EQ(c.health_check->timeout, 1s);
  EXPECT_EQ(c.health_check->rise, 4u);
  EXPECT_EQ(c.health_check->fall, 5u);
  EXPECT_DOUBLE_EQ(c.health_check->jitter, 0.025);
  EXPECT_EQ(c.health_check->send, "PING\r\n");
  EXPECT_EQ(c.health_check->expect, "PONG");
  EXPECT_EQ(c.backoff.base, 2s);
  EXPECT_EQ(c.backoff.max, 1min);
  EXPECT_EQ(c.connect_attempts, 2u);
  EXPECT_DOUBLE_EQ(c.panic_threshold, 0.2);
  EXPECT_EQ(c.congestion_control, "reno");
}

TEST(Load, RaisesTheIntervalOfChecksToALongerTimeoutUnlessItIsGiven) {
  const std::string before =
      "listeners: [{ bind: ':1', cluster: a }]\n"
      "clusters: [{ name: a, backends: ['h:1'], health_check: { timeout: 7s";
  const Loaded raised = load(before + " } }]\n");
  ASSERT_TRUE(raised.valid());
  EXPECT_EQ(raised.model.clusters[0].health_check->interval, 7s);
  EXPECT_FALSE(load(before + ", interval: 2s } }]\n").valid());
  const Loaded shared = load("defaults: { health_check: { interval: 9s } }\n" + before + " } }]\n");
  ASSERT_TRUE(shared.valid());
  EXPECT_EQ(shared.model.clusters[0].health_check->interval, 9s);
}

TEST(Load, MergesDefaultsKeyByKey) {
  const Loaded loaded = load(R"(
defaults:
  timeouts: { idle: 10m, connect: 1s }
  health_check: { interval: 3s, rise: 9 }
  backoff: { max: 5s }
listeners:
  - { bind: ":1", cluster: a }
  - { bind: ":2", cluster: b, timeouts: { idle: 1m } }
clusters:
  - { name: a, backends: ["h:1"], health_check: { rise: 1 } }
  - { name: b, backends: ["h:1"], health_check: none, backoff: { base: 2s } }
)");
  ASSERT_THAT(loaded.diagnostics, testing::IsEmpty()) << told(loaded);
  EXPECT_EQ(loaded.model.listeners[0].timeouts.idle.value, 10min);
  EXPECT_EQ(loaded.model.listeners[0].timeouts.idle.location.line, 3u);
  EXPECT_EQ(loaded.model.listeners[1].timeouts.idle.value, 1min);
  const Cluster& a = loaded.model.clusters[0];
  ASSERT_TRUE(a.health_check);
  EXPECT_EQ(a.health_check->interval, 3s);
  EXPECT_EQ(a.health_check->rise, 1u);
  EXPECT_EQ(a.timeouts.connect.value, 1s);
  EXPECT_EQ(a.backoff.base, 1s);
  EXPECT_EQ(a.backoff.max, 5s);
  const Cluster& b = loaded.model.clusters[1];
  EXPECT_FALSE(b.health_check);
  EXPECT_EQ(b.backoff.base, 2s);
  EXPECT_EQ(b.backoff.max, 5s);
}

TEST(Load, ReportsAMistakeInTheDefaultsOnce) {
  const Loaded loaded = load(R"(
defaults: { timeouts: { idle: 10 } }
listeners:
  - { bind: ":1", cluster: a }
  - { bind: ":2", cluster: a }
clusters: [{ name: a, backends: ["h:1"] }]
)");
  ASSERT_EQ(loaded.diagnostics.size(), 1u) << told(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "E121");
  EXPECT_EQ(loaded.diagnostics[0].line, 2u);
}

TEST(Load, ReplacesVariablesInValuesOnly) {
  const Loaded loaded = load(
      "listeners: [{ bind: '${HOST}:${PORT:-80}', cluster: '${APP:?which}', backlog: '${BACKLOG}' "
      "}]\n"
      "clusters: [{ name: $APP-x, backends: ['h:1'] }, { name: app, backends: ['h:1'],"
      " health_check: { send: '$${HOST} ${EVIL}' } }]\n",
      variables({{"HOST", "127.0.0.1"},
                 {"PORT", ""},
                 {"APP", "app"},
                 {"BACKLOG", "7"},
                 {"EVIL", "x: [y\n"}}));
  // A '$' without braces is not a variable.
  ASSERT_EQ(loaded.diagnostics.size(), 1u) << told(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "E131");
  EXPECT_THAT(loaded.model.listeners[0].bind, ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(loaded.model.listeners[0].cluster, "app");
  EXPECT_EQ(loaded.model.listeners[0].backlog, 7u);
  EXPECT_EQ(loaded.model.clusters[1].health_check->send, "${HOST} x: [y\n");
  EXPECT_THAT(loaded.env_names, ElementsAre("APP", "BACKLOG", "EVIL", "HOST", "PORT"));
}

TEST(Load, ListsEveryVariableSetOrNot) {
  const Loaded loaded =
      load(with("logging: { output: '${ONE}${TWO}' }\nglobal: { workers: '${THREE:-1}' }\n"));
  EXPECT_THAT(loaded.env_names, ElementsAre("ONE", "THREE", "TWO"));
  ASSERT_EQ(loaded.diagnostics.size(), 2u) << told(loaded);
  EXPECT_THAT(loaded.diagnostics[1].message, HasSubstr("TWO is not set"));
}

TEST(Load, ReadsAnAnchorWhereverItIsUsed) {
  const Loaded loaded = load(
      "listeners:\n  - { bind: ':1', cluster: a, timeouts: &t { idle: 5s } }\n"
      "  - { bind: ':2', cluster: a, timeouts: *t }\nclusters: [{ name: a, backends: ['h:1'] }]\n");
  ASSERT_TRUE(loaded.valid()) << told(loaded);
  EXPECT_EQ(loaded.model.listeners[1].timeouts.idle.value, 5s);
}

TEST(Load, HashDependsOnValuesOnly) {
  const std::string hash = load(kMinimal).hash;
  EXPECT_EQ(hash.size(), 12u);
  EXPECT_EQ(load(with("# a comment\ndrain: { timeout: 30s }\n")).hash, hash);
  EXPECT_NE(load(with("drain: { timeout: 31s }\n")).hash, hash);
}

TEST(Load, ShowsFiftyDiagnosticsAndReportsHowManyMore) {
  std::string yaml(kMinimal);
  for (int i = 0; i < 80; ++i) yaml += "key" + std::to_string(i) + ": 1\n";
  const Loaded loaded = load(yaml);
  ASSERT_EQ(loaded.diagnostics.size(), 51u);
  EXPECT_EQ(loaded.diagnostics.back().code, "E099");
  EXPECT_THAT(loaded.diagnostics.back().message, HasSubstr("30 more"));
  EXPECT_TRUE(std::is_sorted(loaded.diagnostics.begin(), loaded.diagnostics.end() - 1,
                             [](auto& a, auto& b) { return a.line < b.line; }));
}

TEST(Load, KeepsAnErrorAfterManyWarnings) {
  std::string yaml(kMinimal);
  for (int i = 0; i < 1500; ++i)
    yaml += "  - { name: c" + std::to_string(i) + ", backends: ['h:1'] }\n";
  yaml += "drain: { timeout: 1s, spread: 2s }\n";
  const Loaded loaded = load(yaml);
  EXPECT_FALSE(loaded.valid());
  EXPECT_TRUE(std::any_of(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                          [](auto& d) { return d.code == "E214"; }));
}

// ---- hostile text: a diagnostic in bounded time

struct Hostile {
  const char* name;
  std::string (*yaml)();  // made when the test runs: each test is a process that lists all of them
  const char* code;
};

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}
std::string alias_bomb() {
  std::string yaml = "a: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string use = "*a" + std::to_string(i - 1);
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeated(use + ", ", 8) +
            use + "]\n";
  }
  return yaml;
}

std::string many_keys() {
  std::string yaml;
  for (int i = 0; i < 20'000; ++i) yaml += "k" + std::to_string(i) + ": 1\n";
  return yaml;
}

class HostileText : public testing::TestWithParam<Hostile> {};

TEST_P(HostileText, IsRefusedInBoundedTime) {
  const Duration start = test::cpu_time();
  const Loaded loaded = load(GetParam().yaml());
  EXPECT_LT(test::cpu_time() - start, 10s);  // with sanitizers; milliseconds without
  ASSERT_FALSE(loaded.valid());
  EXPECT_LE(loaded.diagnostics.size(), kShownDiagnostics + 1);
  EXPECT_EQ(loaded.diagnostics[0].code, GetParam().code) << told(loaded);
}

INSTANTIATE_TEST_SUITE_P(
    Load, HostileText,
    testing::Values(Hostile{"AliasBomb", alias_bomb, "E008"},
                    Hostile{"SelfAlias", [] { return "a: &x [*x]\n"s; }, "E009"},
                    Hostile{"DeepFlow", [] { return repeated("[", 100'000); }, "E007"},
                    Hostile{"DeepBlock", [] { return repeated("- ", 50'000); }, "E007"},
                    Hostile{"DeepMap", [] { return repeated("{a: ", 100'000); }, "E007"},
                    Hostile{"ManyItems", [] { return "a: [" + repeated("x,", 500'000) + "]"; },
                            "E008"},
                    Hostile{"ManyKeys", many_keys, "E103"},
                    Hostile{"LongLine", [] { return "a: " + repeated("x", 3'000'000); }, "E103"},
                    Hostile{"TooLarge", [] { return repeated("# comment\n", 500'000); }, "E004"},
                    Hostile{"Binary",
                            [] {
                              return "\x7f"
                                     "ELF\0\0\0"s;
                            },
                            "E002"},
                    Hostile{"Nul", [] { return "a: \0"s; }, "E002"},
                    Hostile{"BrokenUtf8", [] { return "a: \xc3\x28\n"s; }, "E002"},
                    Hostile{"Blank", [] { return " \n\n"s; }, "E003"},
                    Hostile{"Comments", [] { return "# nothing\n"s; }, "E003"},
                    Hostile{"Empty", [] { return ""s; }, "E003"},
                    Hostile{"CutInAQuote", [] { return "a: \"abc\nb: 1\n"s; }, "E005"},
                    Hostile{"CutInAList", [] { return "listeners: [{ bind: :80, "s; }, "E005"}),
    [](const auto& test) { return test.param.name; });

// Each value is compared with all values before it: that must not take quadratic time.
TEST(Load, ChecksManyBindsOnOnePortInLinearTime) {
  constexpr size_t kMany = 5000;
  const auto with_binds = [](size_t n) {
    std::string yaml =
        "clusters: [{ name: a, backends: ['h:1'] }]\nlisteners:\n  - cluster: a\n    bind:\n";
    for (size_t i = 0; i < n; ++i)
      yaml += "      - 10.0." + std::to_string(i / 200) + "." + std::to_string(i % 200) + ":80\n";
    return yaml;
  };
  const auto cost_of_a_load = [&](size_t n) {
    const std::string yaml = with_binds(n) + "      - ':80'\n";
    return test::cost_of([&] {
      const Loaded good = load(yaml);
      EXPECT_TRUE(good.valid()) << told(good);
    });
  };
  EXPECT_LT(test::growth(kMany, cost_of_a_load), test::kNearlyLinear);
  const Loaded bad =
      load(with_binds(kMany) + "      - 10.0.7.7:80\n      - ':80'\n      - 0.0.0.0:80\n");
  EXPECT_EQ(bad.diagnostics.size(), 2u) << told(bad);
}

TEST(Load, ChecksManyDanglingReferencesInLinearTime) {
  const auto cost_of_a_load = [](size_t n) {
    const std::string name(55, 'n');
    std::string clusters = "clusters:\n", listeners = "listeners:\n";
    for (size_t i = 10'000; i < 10'000 + n; ++i) {
      const std::string number = std::to_string(i);
      clusters += "  - { name: " + name + number + "x, backends: ['h:1'] }\n";
      listeners += "  - { name: l" + number + ", bind: 'unix:/" + number + "', cluster: " + name +
                   std::to_string(i + 20'000) + "yyy }\n";
    }
    return test::cost_of([&] {
      const Loaded loaded = load(clusters + listeners);
      EXPECT_EQ(loaded.diagnostics.size(), kShownDiagnostics + 1);
      EXPECT_EQ(loaded.diagnostics[0].code, "E210");
      EXPECT_NE(loaded.diagnostics[kShownDiagnostics - 1].hint, "");
    });
  };
  EXPECT_LT(test::growth(1000, cost_of_a_load), test::kNearlyLinear);
}

TEST(Load, TakesTwentyThousandBackends) {
  std::string yaml =
      "listeners: [{ bind: ':1', cluster: a }]\nclusters:\n  - name: a\n    backends:\n";
  for (int i = 0; i < 20'000; ++i)
    yaml += "      - { address: 10.0." + std::to_string(i / 250) + "." +
            std::to_string(i % 250 + 1) + ":80 }\n";
  const Loaded loaded = load(yaml);
  ASSERT_TRUE(loaded.valid()) << told(loaded);
  EXPECT_EQ(loaded.model.clusters[0].backends.size(), 20'000u);
}

TEST(Load, TakesWindowsLineEndsAndAByteOrderMark) {
  std::string yaml = "\xef\xbb\xbf";
  for (char c : kMinimal) yaml += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const Loaded loaded = load(yaml);
  EXPECT_TRUE(loaded.valid()) << told(loaded);
  EXPECT_EQ(loaded.model.clusters[0].name, "app");
}

// ---- files

class LoadFile : public testing::Test {
 protected:
  LoadFile() {
    std::string name = (fs::temp_directory_path() / "weir-load-XXXXXX").string();
    directory = ::mkdtemp(name.data());
  }
  ~LoadFile() override { fs::remove_all(directory); }
  std::string write(const std::string& name, std::string_view text) {
    const fs::path path = directory / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  Loaded load() { return config::load((directory / "weir.yaml").string(), variables({})); }

  fs::path directory;
};

TEST_F(LoadFile, JoinsListsOfIncludedFilesInSortedOrder) {
  write("weir.yaml", "include: [conf.d/*.yaml]\n" + std::string(kMinimal));
  write("conf.d/b.yaml",
        "listeners: [{ bind: ':2', cluster: b }]\nclusters: [{ name: b, backends: ['h:1'] }]\n");
  write("conf.d/a.yaml", "listeners: [{ bind: ':1', cluster: b }]\ndrain: { delay: 1s }\n");
  const Loaded loaded = load();
  ASSERT_THAT(loaded.diagnostics, testing::IsEmpty()) << told(loaded);
  ASSERT_EQ(loaded.model.listeners.size(), 3u);
  EXPECT_EQ(loaded.model.listeners[1].name, ":1");
  EXPECT_EQ(loaded.model.listeners[1].location.file, 1u);
  EXPECT_EQ(loaded.model.listeners[2].name, ":2");
  EXPECT_EQ(loaded.model.drain.delay, 1s);
  const std::string here = directory.string();
  EXPECT_THAT(loaded.model.files,
              ElementsAre(here + "/weir.yaml", here + "/conf.d/a.yaml", here + "/conf.d/b.yaml"));
  EXPECT_THAT(loaded.model.watched_directories, ElementsAre(here, here + "/conf.d"));
}

TEST_F(LoadFile, WatchesTlsFiles) {
  const std::string here = directory.string();
  const auto in = [&](const std::string& folder) { return here + "/" + folder + "/a.pem"; };
  write("weir.yaml",
        "global: { tls_tickets: { file: " + in("tickets") +
            " } }\nlisteners: [{ bind: ':1', cluster: app, tls: { certificates: [{ cert: " +
            in("cert") + ", key: " + in("key") + ", ocsp: " + in("ocsp") +
            " }], client_auth: { mode: require, ca: " + in("clients") + ", crl: " + in("crl") +
            " } } }]\nclusters: [{ name: app, backends: ['127.0.0.1:2'], tls: { ca: " +
            in("servers") + ", cert: " + in("own") + " } }]\n");
  const Loaded loaded = load();
  ASSERT_THAT(loaded.diagnostics, testing::IsEmpty()) << told(loaded);
  EXPECT_THAT(loaded.model.watched_directories,
              testing::UnorderedElementsAre(here, here + "/tickets", here + "/cert", here + "/key",
                                            here + "/ocsp", here + "/clients", here + "/crl",
                                            here + "/servers", here + "/own"));
}

TEST_F(LoadFile, NamesBothPlacesWhereTwoFilesSetOneValue) {
  write("weir.yaml", "include: more.yaml\ndrain: { delay: 1s }\n" + std::string(kMinimal));
  write("more.yaml", "drain:\n  delay: 2s\n");
  const Loaded loaded = load();
  ASSERT_EQ(loaded.diagnostics.size(), 1u) << told(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "E016");
  EXPECT_EQ(loaded.diagnostics[0].where(), directory.string() + "/more.yaml:2:3");
  EXPECT_THAT(loaded.diagnostics[0].hint, HasSubstr("weir.yaml:2"));
}

TEST_F(LoadFile, WarnsOfAPatternWithoutFilesAndRefusesAMissingFile) {
  write("weir.yaml", "include:\n  - none/*.yaml\n  - none.yaml\n" + std::string(kMinimal));
  const Loaded loaded = load();
  ASSERT_EQ(loaded.diagnostics.size(), 2u) << told(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "W014");
  EXPECT_EQ(loaded.diagnostics[1].code, "E014");
  EXPECT_EQ(loaded.diagnostics[1].line, 3u);
}

// Otherwise a part of the configuration would be missing without a message.
TEST_F(LoadFile, RefusesAPatternWhoseDirectoryCannotBeRead) {
  fs::create_symlink("loop", directory / "loop");
  write("weir.yaml", "include: [loop/*.yaml]\n" + std::string(kMinimal));
  const Loaded loaded = load();
  ASSERT_EQ(loaded.diagnostics.size(), 1u) << told(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "E001");
  EXPECT_EQ(loaded.diagnostics[0].line, 1u);
  EXPECT_THAT(loaded.diagnostics[0].message,
              HasSubstr("/loop': Too many levels of symbolic links"));
}

TEST_F(LoadFile, ListsTheVariablesOfItsIncludes) {
  write("weir.yaml", "include: ['${PARTS}/*.yaml', '${MORE:-none}/*.yaml']\n" + with(""));
  EXPECT_THAT(load().env_names, ElementsAre("MORE", "PARTS"));
}

TEST_F(LoadFile, IncludesOneLevelDeepAndEachFileOnce) {
  write("weir.yaml", "include: [more.yaml, m*.yaml]\n" + std::string(kMinimal));
  write("more.yaml", "include: again.yaml\n");
  const Loaded loaded = load();
  ASSERT_EQ(loaded.diagnostics.size(), 2u) << told(loaded);
  EXPECT_EQ(loaded.diagnostics[0].code, "E015");
  EXPECT_THAT(loaded.diagnostics[0].message, HasSubstr("has already been read"));
  EXPECT_EQ(loaded.diagnostics[1].code, "E015");
  EXPECT_THAT(loaded.diagnostics[1].message, HasSubstr("cannot include files"));
}

TEST_F(LoadFile, ReportsErrorsOfTheFileItself) {
  EXPECT_EQ(load().diagnostics.at(0).code, "E001");
  EXPECT_THAT(load().diagnostics.at(0).message, HasSubstr("No such file"));
  write("weir.yaml", "");
  EXPECT_EQ(load().diagnostics.at(0).code, "E003");
  fs::remove(directory / "weir.yaml");
  fs::create_directory(directory / "weir.yaml");
  EXPECT_THAT(load().diagnostics.at(0).message, HasSubstr("directory"));
  fs::remove(directory / "weir.yaml");
  ASSERT_EQ(::mkfifo((directory / "weir.yaml").c_str(), 0600), 0);
  EXPECT_THAT(load().diagnostics.at(0).message, HasSubstr("not a regular file"));
}

TEST_F(LoadFile, WatchesEveryDirectoryOfAConfigMap) {
  write("..1/weir.yaml", kMinimal);
  fs::create_symlink("..1", directory / "..data");
  fs::create_symlink("..data/weir.yaml", directory / "weir.yaml");
  const Loaded loaded = load();
  ASSERT_TRUE(loaded.valid()) << told(loaded);
  const std::string here = directory.string();
  EXPECT_THAT(loaded.model.watched_directories, ElementsAre(here, here + "/..1"));
}

TEST_F(LoadFile, KeepsAnErrorAfterManyWarnings) {
  std::string yaml = "include:\n";
  for (int i = 0; i < 1500; ++i) yaml += "  - none" + std::to_string(i) + "/*.yaml\n";
  write("weir.yaml", yaml + with("nonsense: 1\n"));
  EXPECT_FALSE(load().valid());
}

TEST_F(LoadFile, EndsWithCircularLinks) {
  fs::create_symlink("b", directory / "weir.yaml");
  fs::create_symlink("weir.yaml", directory / "b");
  EXPECT_EQ(load().diagnostics.at(0).code, "E001");
}

}  // namespace
}  // namespace weir::config
