#include "http/cookies.h"

#include <gmock/gmock.h>

#include "http/h1_parser.h"

namespace weir {
namespace {

using testing::ElementsAre;

std::vector<std::string> cookies(std::string_view rest) {
  std::vector<std::string> found;
  std::string_view text;
  for (Cookie cookie; next_cookie(rest, text, cookie);)
    found.push_back("[" + std::string(text) + "]" + std::string(cookie.name) + "/" +
                    std::string(cookie.value));
  return found;
}

std::string find(const std::string& fields, std::string_view name) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n";
  RequestHead head;
  H1RequestParser parser;
  EXPECT_EQ(parser.feed(text, head), H1RequestParser::State::complete) << text;
  const std::string_view value = find_cookie(head, name);
  return value.data() == nullptr ? "none" : "'" + std::string(value) + "'";
}

TEST(Cookies, ArePairsBetweenSemicolons) {
  EXPECT_THAT(cookies("a=1; b=2"), ElementsAre("[a=1]a/1", "[ b=2]b/2"));
  EXPECT_THAT(cookies("a=1;b=\"x y\""), ElementsAre("[a=1]a/1", "[b=\"x y\"]b/\"x y\""));
  EXPECT_THAT(cookies("a=b=c"), ElementsAre("[a=b=c]a/b=c"));
  EXPECT_THAT(cookies("\ta =\t1 ;"), ElementsAre("[\ta =\t1 ]a/1"));
  EXPECT_THAT(cookies("a; =1"), ElementsAre("[a]/a", "[ =1]/1"));
  EXPECT_THAT(cookies(";;a=1"), ElementsAre("[]/", "[]/", "[a=1]a/1"));
  EXPECT_THAT(cookies(""), ElementsAre());
}

TEST(Cookies, AreFoundByNameInEveryFieldAndTheFirstCounts) {
  EXPECT_EQ(find("Cookie: a=1; s=2; s=3\r\n", "s"), "'2'");
  EXPECT_EQ(find("Cookie: a=1\r\nX: s=0\r\ncookie: s=2\r\n", "s"), "'2'");
  EXPECT_EQ(find("Cookie: as=1; S=2; s\r\n", "s"), "none");
  EXPECT_EQ(find("Cookie: s=\r\n", "s"), "''");
  EXPECT_EQ(find("", "s"), "none");
}

}  // namespace
}  // namespace weir
