// The command line of the real binary: exit codes, stdout and stderr.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/weir_build.h"
#include "support/weir_command.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() : folder_(testing::TempDir() + "/weir_cli_XXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~CommandLineTest() override {
    std::remove((folder_ + "/weir.yaml").c_str());
    ::rmdir(folder_.c_str());
  }
  // Runs weir in its own folder.
  CommandOutcome weir(const std::string& arguments) { return run_weir(arguments, folder_); }
  void write(const std::string& text) { std::ofstream(folder_ + "/weir.yaml") << text; }

 private:
  std::string folder_;
};

TEST_F(CommandLineTest, PrintsTwelveLinesWithoutArguments) {
  CommandOutcome outcome = weir("");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 12);
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST_F(CommandLineTest, WrongUsageExitsWith2AndAMessageOnStderr) {
  for (const char* arguments :
       {"stauts", "status --jsn", "proxy --from :1", "config", "check --format xml",
        "reload --timeout 30", "check a b", "proxy --from :1 --to x:1 --balance rond --tcp"}) {
    CommandOutcome outcome = weir(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_THAT(outcome.out, IsEmpty()) << arguments;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("weir: "), HasSubstr("--help'"))) << arguments;
  }
}

TEST_F(CommandLineTest, UnknownValueIsAnsweredWithTheNearest) {
  EXPECT_THAT(weir("check --format tetx").err, HasSubstr("did you mean 'text'?"));
}

TEST_F(CommandLineTest, ExitsWith3WhenWeirDoesNotRun) {
  for (const char* verb : {"status", "reload --wait", "drain", "healthcheck", "plan weir.yaml"}) {
    CommandOutcome outcome = weir(std::string(verb) + " --admin unix:/nonexistent/admin.sock");
    EXPECT_EQ(outcome.code, 3) << verb;
    EXPECT_THAT(outcome.err, HasSubstr("cannot connect to weir at unix:/nonexistent/admin.sock"))
        << verb;
  }
}

TEST_F(CommandLineTest, CheckReportsErrorsWithTheirCodes) {
  write(
      "listeners:\n  - bind: :8080\n    cluster: app\nclusters:\n  - name: app\n    backends: "
      "[127.0.0.1:9000]\n");
  EXPECT_EQ(weir("check").code, 0) << "found in the current folder";
  EXPECT_EQ(weir("check -c weir.yaml --strict").code, 0);
  write(
      "listeners:\n  - bind: :8080\n    cluster: ap\nclusters:\n  - name: app\n    backends: "
      "[127.0.0.1:9000]\n");
  CommandOutcome outcome = weir("check");
  EXPECT_EQ(outcome.code, 78);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("weir.yaml:3:14: error[E"), HasSubstr("did you mean 'app'?")));
  EXPECT_THAT(weir("check --format json").out,
              AllOf(HasSubstr("\"valid\": false"), HasSubstr("\"line\": 3")));
  EXPECT_THAT(weir("check --format github").out, StartsWith("::error file=weir.yaml,line=3"));
}

TEST_F(CommandLineTest, CheckReportsErrorsThatTheStartWouldReport) {
  write(
      "listeners:\n  - bind: 127.0.0.1:0\n    cluster: app\nclusters:\n  - name: app\n    "
      "backends: "
      "[127.0.0.1:9000]\nlogging:\n  access:\n    output: none/access.log\n");
  const CommandOutcome outcome = weir("check");
  EXPECT_EQ(outcome.code, 78);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("weir.yaml:9:13: error[E251]"),
                    HasSubstr("No such file or directory"), HasSubstr("mkdir -p none")));
  EXPECT_EQ(weir("run").code, 1);
}

TEST_F(CommandLineTest, CheckReadsStandardInput) {
  write(
      "listeners: [{ bind: ':8080', cluster: app }]\nclusters: [{ name: app, backends: [a:1] }]\n");
  const CommandOutcome valid = weir("check - < weir.yaml");
  EXPECT_EQ(valid.code, 0);
  EXPECT_THAT(valid.err + valid.out, HasSubstr("stdin: valid"));
  EXPECT_THAT(weir("config show -c - < weir.yaml").out, HasSubstr("name: app"));
  write(
      "listeners: [{ bind: ':8080', cluster: ap }]\nclusters: [{ name: app, backends: [a:1] }]\n");
  const CommandOutcome invalid = weir("check - < weir.yaml");
  EXPECT_EQ(invalid.code, 78);
  EXPECT_THAT(invalid.out, HasSubstr("stdin:1:"));
  EXPECT_THAT(weir("check - < /dev/null").out, HasSubstr("stdin: error[E003]"));
}

TEST_F(CommandLineTest, ExplainAcceptsAUrl) {
  write(
      "listeners:\n  - bind: :8080\n    protocol: http\n    routes:\n      - { name: api, match: { "
      "hosts: [api.example.com], path_prefix: /v1, query: { a: b } }, cluster: app }\n"
      "      - { name: rest, cluster: app }\nclusters: [{ name: app, backends: [a:1] }]\n");
  const auto taken = [](const CommandOutcome& explained) {
    return nlohmann::json::parse(explained.out)["listeners"][0]["route"];
  };
  for (const char* url :
       {"'https://api.example.com/v1/x?a=b'", "'http://API.example.com:8080/v1?a=b#top'",
        "'api.example.com/v1?a=b'", "'/v1?a=b' --host api.example.com"}) {
    const CommandOutcome outcome = weir(std::string("explain ") + url + " --json");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(taken(outcome), "api") << url;
  }
  EXPECT_EQ(taken(weir("explain https://api.example.com --json")), "rest");
  EXPECT_EQ(weir("explain https://a.test/ --path /x").code, 2);
  EXPECT_EQ(weir("explain https://a.test/ --host b.test").code, 2);
}

TEST_F(CommandLineTest, StrictCheckFailsOnAWarning) {
  write(
      "listeners:\n  - bind: :8080\n    cluster: app\nclusters:\n  - name: app\n    backends: "
      "[127.0.0.1:9000]\n"
      "  - name: unused\n    backends: [127.0.0.1:9001]\n");
  EXPECT_EQ(weir("check").code, 0);
  EXPECT_EQ(weir("check --strict").code, 78);
}

TEST_F(CommandLineTest, ShowEnvListsUnsetVariablesAndReportsErrors) {
  write(
      "listeners:\n  - bind: :8080\n    cluster: ${WEIR_TEST_UNSET}\nclusters:\n  - name: app\n    "
      "backends: [127.0.0.1:9000]\n");
  CommandOutcome outcome = weir("check --show-env");
  EXPECT_EQ(outcome.code, 78);
  EXPECT_EQ(outcome.out, "WEIR_TEST_UNSET (not set)\n");
  EXPECT_THAT(outcome.err, HasSubstr("weir.yaml:3:14: error[E140]"));
}

// The output of a shell for a line in which $WEIR is the binary.
std::string shell(const std::string& line) {
  FILE* pipe = ::popen(("WEIR=" + weir_binary() + "; " + line).c_str(), "r");
  std::string out;
  char block[4096];
  while (size_t n = std::fread(block, 1, sizeof block, pipe)) out.append(block, n);
  ::pclose(pipe);
  return out;
}

TEST_F(CommandLineTest, FullStandardOutputIsAFailure) {
  for (const char* arguments : {"schema", "version", "--version", "", "run --help", "man"})
    EXPECT_EQ(shell("$WEIR " + std::string(arguments) + " 2>&1 >/dev/full; echo $?"),
              "weir: cannot write to the standard output: No space left on device\n1\n")
        << arguments;
}

TEST_F(CommandLineTest, RunRefusesAnUnsupportedAlgorithmWithItsLocation) {
  write(
      "listeners:\n  - bind: 127.0.0.1:0\n    cluster: app\nclusters:\n  - name: app\n    "
      "backends: "
      "[127.0.0.1:9000]\n    congestion_control: nonsense\n");
  CommandOutcome outcome = weir("run -c weir.yaml");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("weir.yaml:7:25: congestion control 'nonsense'"));
}

TEST_F(CommandLineTest, MissingConfigurationReportsTheSearchedPaths) {
  CommandOutcome outcome = weir("config show");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("WEIR_CONFIG"), HasSubstr("/etc/weir/weir.yaml")));
}

TEST_F(CommandLineTest, PrintedConfigurationOfProxyIsValid) {
  CommandOutcome outcome =
      weir("proxy --tcp --from 127.0.0.1:8080 --to 127.0.0.1:9000 --balance random --print-config");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  write(outcome.out);
  EXPECT_EQ(weir("check --strict").code, 0);
  EXPECT_EQ(weir("config show").out, outcome.out);
}

TEST_F(CommandLineTest, PrintsItsOwnDocuments) {
  EXPECT_THAT(weir("version --json").out, StartsWith("{\"version\":\""));
  EXPECT_THAT(weir("--version").out, StartsWith("weir "));
  EXPECT_THAT(weir("man").out, StartsWith(".TH weir 1"));
  EXPECT_THAT(weir("schema").out, StartsWith("{"));
  EXPECT_THAT(weir("config defaults").out, HasSubstr("max_connections"));
  EXPECT_THAT(weir("metrics-reference").out, HasSubstr("weir_connections_total"));
  EXPECT_THAT(weir("drain --help").out, HasSubstr("--watch"));
}

}  // namespace
}  // namespace weir
