#include "config/diagnostic.h"

#include <nlohmann/json.hpp>

namespace weir::config {
namespace {

Diagnostic unknown_key() {
  return {Diagnostic::Severity::error,
          "E103",
          "conf/weir.yaml",
          14,
          7,
          11,
          "unknown key 'heath_check' in cluster 'app'",
          "did you mean 'health_check'?",
          "      heath_check: { path: /healthz }"};
}

TEST(Diagnostic, IsShownWithItsLineAndItsPlace) {
  const Diagnostic d[] = {unknown_key()};
  EXPECT_EQ(format_text(d, false),
            "conf/weir.yaml:14:7: error[E103]: unknown key 'heath_check' in cluster 'app'\n"
            "   14 |       heath_check: { path: /healthz }\n"
            "      |       ^^^^^^^^^^^ did you mean 'health_check'?\n");
  EXPECT_EQ(summary(d), "1 error, 0 warnings.");
}

TEST(Diagnostic, OfAWholeFileHasNoLine) {
  Diagnostic d[] = {unknown_key()};
  d[0].line = 0;
  d[0].source.clear();
  d[0].severity = Diagnostic::Severity::warning;
  EXPECT_EQ(format_text(d, false),
            "conf/weir.yaml: warning[E103]: unknown key 'heath_check' in cluster 'app'\n"
            "      did you mean 'health_check'?\n");
  EXPECT_EQ(summary(d), "0 errors, 1 warning.");
}

TEST(Diagnostic, IsColouredOnlyWhenAsked) {
  const Diagnostic d[] = {unknown_key()};
  EXPECT_NE(format_text(d, true).find("\033[1;31merror[E103]\033[0m"), std::string::npos);
  EXPECT_EQ(format_text(d, false).find('\033'), std::string::npos);
}

TEST(Diagnostic, MarksAPlaceAfterWideCharactersAndTabs) {
  Diagnostic d[] = {unknown_key()};
  d[0].source = "\té: ü x";
  d[0].column = 9;  // in bytes
  d[0].length = 1;
  d[0].hint.clear();
  EXPECT_NE(format_text(d, false).find("   14 | \té: ü x\n      | \t     ^\n"), std::string::npos)
      << format_text(d, false);
}

TEST(Diagnostic, ShowsThePartOfALongLineAroundThePlaceWithoutControlCharacters) {
  Diagnostic d[] = {unknown_key()};
  d[0].source = std::string(1000, 'a') + "\033[31m" + std::string(1000, 'b');
  d[0].column = 1001;
  d[0].length = 5000;
  const std::string text = format_text(d, false);
  EXPECT_LT(text.size(), 600u);
  EXPECT_NE(text.find("aaa?[31mbbb"), std::string::npos) << text;
}

TEST(Diagnostic, IsJsonForPrograms) {
  const Diagnostic d[] = {unknown_key()};
  const auto json = nlohmann::json::parse(format_json(d));
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["severity"], "error");
  EXPECT_EQ(json[0]["code"], "E103");
  EXPECT_EQ(json[0]["file"], "conf/weir.yaml");
  EXPECT_EQ(json[0]["line"], 14);
  EXPECT_EQ(json[0]["column"], 7);
  EXPECT_EQ(json[0]["hint"], "did you mean 'health_check'?");
  EXPECT_EQ(format_json({}), "[]\n");
}

TEST(Diagnostic, IsAWorkflowCommandForGithub) {
  Diagnostic d[] = {unknown_key()};
  d[0].file = "a,b:c.yaml";
  d[0].message = "100%\nwrong";
  EXPECT_EQ(format_github(d),
            "::error file=a%2Cb%3Ac.yaml,line=14,col=7,endColumn=18,title=E103::"
            "100%25%0Awrong%0Adid you mean 'health_check'?\n");
}

}  // namespace
}  // namespace weir::config
