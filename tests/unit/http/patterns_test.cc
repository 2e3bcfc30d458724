#include "http/patterns.h"

namespace weir {
namespace {

TEST(HostMatches, WildcardMatchesNamesBelowTheDomainOnly) {
  EXPECT_TRUE(host_matches("a.example", "a.example"));
  EXPECT_TRUE(host_matches("*.example", "a.example"));
  EXPECT_TRUE(host_matches("*.example", "b.a.example"));
  EXPECT_FALSE(host_matches("*.example", "example"));
  EXPECT_FALSE(host_matches("*.example", ".example"));
  EXPECT_FALSE(host_matches("*.example", "aexample"));
  EXPECT_FALSE(host_matches("a.example", "b.example"));
  EXPECT_FALSE(host_matches("a.example", ""));
}

bool matches_prefix(std::string_view path, std::string_view prefix) {
  return begins_with(path, without_last_slashes(prefix));
}

TEST(BeginsWith, ComparesWholeSegments) {
  for (const char* prefix : {"/v1", "/v1/", "/v1//"}) {
    EXPECT_TRUE(matches_prefix("/v1", prefix));
    EXPECT_TRUE(matches_prefix("/v1/", prefix));
    EXPECT_TRUE(matches_prefix("/v1/x", prefix));
    EXPECT_FALSE(matches_prefix("/v1x", prefix));
    EXPECT_FALSE(matches_prefix("/v", prefix));
  }
  EXPECT_TRUE(matches_prefix("/", "/"));
  EXPECT_TRUE(matches_prefix("/x", "/"));
  EXPECT_FALSE(matches_prefix("*", "/"));
}

TEST(BeginsWith, ComparesHexadecimalDigitsInEitherCase) {
  EXPECT_TRUE(begins_with("/a%2fb/c", "/a%2Fb"));
  EXPECT_FALSE(begins_with("/a/b", "/a%2Fb"));
}

}  // namespace
}  // namespace weir
