#include "config/shadow.h"

namespace weir::config {
namespace {

Match match(std::vector<std::string> hosts, std::string prefix = "") {
  Match result;
  result.hosts = std::move(hosts);
  result.path_prefix = std::move(prefix);
  return result;
}

TEST(Covers, EmptyMatchCoversEverything) {
  Match narrow = match({"a.example"}, "/v1");
  narrow.methods = {"GET"};
  narrow.headers = {{"x-a", "1"}};
  EXPECT_TRUE(covers(Match{}, narrow));
  EXPECT_FALSE(covers(narrow, Match{}));
  EXPECT_TRUE(covers(narrow, narrow));
}

TEST(Covers, HostsOneByOne) {
  EXPECT_TRUE(covers(match({"*.example"}), match({"a.example", "*.b.example"})));
  EXPECT_FALSE(covers(match({"*.example"}), match({"a.example", "example"})));
  EXPECT_FALSE(covers(match({"a.example"}), match({"*.example"})));
  EXPECT_TRUE(covers(match({"*.example"}), match({"*.example"})));
  EXPECT_FALSE(covers(match({"a.example"}), match({})));
}

TEST(Covers, PathsByPrefix) {
  Match exact;
  exact.path = "/v1/users";
  EXPECT_TRUE(covers(match({}, "/v1"), exact));
  EXPECT_TRUE(covers(match({}, "/v1"), match({}, "/v1/users")));
  EXPECT_TRUE(covers(match({}, "/"), match({}, "/v1")));
  EXPECT_FALSE(covers(match({}, "/v1"), match({}, "/v1x")));
  EXPECT_FALSE(covers(match({}, "/v1/users"), match({}, "/v1")));
  EXPECT_FALSE(covers(exact, match({}, "/v1/users")));
  EXPECT_FALSE(covers(match({}, "/"), Match{})) << "OPTIONS * has no path";
}

TEST(Covers, FieldsByValueOrByPresence) {
  Match any, one, other;
  any.headers = {{"X-A", "*"}};
  one.headers = {{"x-a", "1"}, {"x-b", "2"}};
  other.headers = {{"x-a", "2"}};
  EXPECT_TRUE(covers(any, one));
  EXPECT_FALSE(covers(one, any));
  EXPECT_FALSE(covers(one, other));
  any = {}, one = {};
  any.query = {{"A", "*"}};
  one.query = {{"a", "1"}};
  EXPECT_FALSE(covers(any, one)) << "the names of parameters are case-sensitive";
}

TEST(NeverSeen, FollowsThePathRules) {
  PathRules keep{EncodedSlashes::keep, DotSegments::keep, DoubleSlashes::keep};
  for (const char* path : {"/a//b", "/a/../b", "/a/.", "/a%2Fb", "/a%5cb"}) {
    EXPECT_NE(never_seen(path, PathRules{}), "") << path;
    EXPECT_EQ(never_seen(path, keep), "") << path;
  }
  const PathRules old{EncodedSlashes::reject, DotSegments::normalize, DoubleSlashes::merge};
  for (const char* path : {"/a//b", "/a/../b", "/a/.", "/a%2Fb", "/a%5cb"})
    EXPECT_NE(never_seen(path, old), "") << path;
  PathRules decode = keep;
  decode.encoded_slashes = EncodedSlashes::decode;
  EXPECT_NE(never_seen("/a%2fb", decode), "");
  EXPECT_EQ(never_seen("/a%5Cb", decode), "");
  for (const char* path : {"", "/", "/a/b", "/a/..b", "/a.b/", "/a%20b"})
    EXPECT_EQ(never_seen(path, PathRules{}), "") << path;
}

}  // namespace
}  // namespace weir::config
