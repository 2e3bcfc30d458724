// Exit codes and output of `weir explain` and `weir test`.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/verbs.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class RouteVerbs : public testing::Test {
 protected:
  RouteVerbs() { fs::create_directory(directory_); }
  ~RouteVerbs() override { fs::remove_all(directory_); }

  std::string write(const std::string& name, std::string_view text) {
    const std::string path = (directory_ / name).string();
    std::ofstream(path) << text;
    return path;
  }
  int test(const std::string& config, const std::string& file) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_test({config, file}, console_);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }
  int explain(const ExplainOptions& options) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_explain(options, console_);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }

  const fs::path directory_ =
      fs::temp_directory_path() / ("weir_route_verbs_" + std::to_string(::getpid()));
  const Console console_{"never", false};
  std::string out_, err_;
  const std::string canary_ = (fs::path(WEIR_SOURCE_DIR) / "config/examples/canary.yaml").string();
};

TEST_F(RouteVerbs, TestPassesIfAllExpectationsAreMet) {
  const std::string tests = write("tests.yaml", R"(tests:
  - { request: { headers: { X-Canary: "1" } }, expect: { route: tester, cluster: v2 } }
  - { request: { path: "/?version=2" }, expect: { route: preview } }
  - { request: { host: any.example }, expect: { route: everybody, cluster: v1 } }
)");
  EXPECT_EQ(test(canary_, tests), kOk) << out_ << err_;
  EXPECT_THAT(err_, HasSubstr("3 tests passed"));
  EXPECT_EQ(out_, "");
}

TEST_F(RouteVerbs, TestReportsEachFailureWithItsPlace) {
  const std::string tests = write("tests.yaml", R"(tests:
  - { request: {}, expect: { route: everybody } }
  - name: testers
    request: {}
    expect: { route: tester }
)");
  EXPECT_EQ(test(canary_, tests), kFailed);
  EXPECT_EQ(out_, tests + ":3:5: 'testers': route: expected 'tester', got 'everybody'\n");
  EXPECT_THAT(err_, HasSubstr("2 tests: 1 expectation failed"));
}

TEST_F(RouteVerbs, TestRefusesInvalidFiles) {
  const std::string good = write("tests.yaml", "tests: [{ expect: { route: everybody } }]\n");
  EXPECT_EQ(test(canary_, good), kOk) << err_;
  EXPECT_EQ(test(write("bad.yaml", "listeners: 5\n"), good), kInvalidConfig);
  EXPECT_THAT(err_, HasSubstr("E102"));
  EXPECT_EQ(test(canary_, write("bad_tests.yaml", "tests: [{ expects: {} }]\n")), kInvalidConfig);
  EXPECT_THAT(err_, HasSubstr("did you mean 'expect'?"));
  EXPECT_EQ(test(canary_, (directory_ / "missing.yaml").string()), kInvalidConfig);
}

TEST_F(RouteVerbs, ExplainPrintsTextOrJson) {
  ExplainOptions options;
  options.config = canary_;
  options.host = "a.example";
  options.query = "version=2";
  options.headers = {"x-canary: 0"};
  EXPECT_EQ(explain(options), kOk);
  EXPECT_THAT(out_, HasSubstr("route tester: no, header 'x-canary' is not '1'"));
  EXPECT_THAT(out_, HasSubstr("route preview: yes"));
  options.json = true;
  EXPECT_EQ(explain(options), kOk);
  EXPECT_THAT(out_, HasSubstr("\"route\": \"preview\""));
}

TEST_F(RouteVerbs, ExplainRefusesInvalidRequests) {
  ExplainOptions good;
  good.config = canary_;
  for (auto change :
       {+[](ExplainOptions& o) { o.headers = {"x"}; }, +[](ExplainOptions& o) { o.path = "x"; },
        +[](ExplainOptions& o) { o.method = "get"; },
        +[](ExplainOptions& o) { o.host = "http://a"; }}) {
    ExplainOptions options = good;
    change(options);
    EXPECT_EQ(explain(options), kUsage);
    EXPECT_NE(err_, "");
  }
  good.listener = "nowhere";
  EXPECT_EQ(explain(good), kFailed);
  good.config = write("bad.yaml", "listeners: 5\n");
  EXPECT_EQ(explain(good), kInvalidConfig);
}

}  // namespace
}  // namespace weir::cli
