#include "http/cookies.h"

#include <gmock/gmock.h>

#include "http/h1_parser.h"

namespace weir {
namespace {

using testing::ElementsAre;

std::vector<std::string> cookies(std::string_view rest) {
  std::vector<std::string> found;
  for (Cookie cookie; next_cookie(rest, cookie);)
    found.push_back("[" + std::string(cookie.text) + "]" + std::string(cookie.name) + "/" +
                    std::string(cookie.value));
  return found;
}

struct Head : RequestHead {
  explicit Head(const std::string& fields)
      : text("GET / HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n") {
    EXPECT_EQ(H1RequestParser().feed(text, *this), H1RequestParser::State::complete) << text;
  }
  const std::string text;
};

std::string shown(std::string_view value) {
  return value.data() == nullptr ? "none" : "'" + std::string(value) + "'";
}
std::string find(const std::string& fields, std::string_view name) {
  return shown(find_cookie(Head(fields), name));
}
std::string without(const std::string& fields, std::string_view name, size_t size = 100) {
  std::string room(size, ' ');
  TextMemory memory(room);
  return shown(without_cookie(Head(fields), name, memory));
}

TEST(Cookies, ArePairsBetweenSemicolons) {
  EXPECT_THAT(cookies("a=1; b=2"), ElementsAre("[a=1]a/1", "[b=2]b/2"));
  EXPECT_THAT(cookies("a=1;b=\"x y\""), ElementsAre("[a=1]a/1", "[b=\"x y\"]b/\"x y\""));
  EXPECT_THAT(cookies("a=b=c"), ElementsAre("[a=b=c]a/b=c"));
  EXPECT_THAT(cookies("\ta =\t1 ;"), ElementsAre("[a =\t1]a/1"));
  EXPECT_THAT(cookies("a; =1"), ElementsAre("[a]/a", "[=1]/1"));
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

TEST(Cookies, OthersAreJoinedWithoutTheOneThatIsRemoved) {
  EXPECT_EQ(without("Cookie: a=1; s=2;b=\"3\" ; c\r\n", "s"), "'a=1; b=\"3\"; c'");
  EXPECT_EQ(without("Cookie: s=1; s=2\r\nX: y\r\nCookie: s = 3;; a=s=4\r\n", "s"), "'a=s=4'");
  EXPECT_EQ(without("Cookie: s=1\r\n", "s"), "''");
  EXPECT_EQ(without("Cookie: S=1; s\r\n", "s"), "'S=1; s'");
}

TEST(Cookies, ThatDoNotFitAreNone) {
  EXPECT_EQ(without("Cookie: a=1; s=2; b=3\r\n", "s", 8), "'a=1; b=3'");
  EXPECT_EQ(without("Cookie: a=1; s=2; b=3\r\n", "s", 7), "none");
}

}  // namespace
}  // namespace weir
