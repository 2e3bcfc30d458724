// The readings of a path by servers: its normal form, and the paths that the rules of a listener
// refuse.
#include "http/path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/percent.h"
#include "base/random.h"

namespace weir {
namespace {

// The path, or the status of its fault.
std::string read(std::string_view raw, const PathReading& how) {
  std::vector<char> memory(raw.size());
  const PathText result = read_path(raw, how, memory);
  return result.fault ? std::to_string(result.fault.status) : std::string(result.path);
}
std::string normal(std::string_view raw, const PathRules& rules = {}) {
  const Fault fault = check_path(raw, rules);
  return fault ? std::to_string(fault.status) : read(raw, normal(rules));
}

constexpr PathRules kKeepSlashes{.encoded_slashes = EncodedSlashes::keep};
constexpr PathRules kRejectSlashes{.encoded_slashes = EncodedSlashes::reject};
constexpr PathRules kDecodeSlashes{.encoded_slashes = EncodedSlashes::decode};
constexpr PathRules kNormalDots{.dot_segments = DotSegments::normalize};
constexpr PathRules kRejectDots{.dot_segments = DotSegments::reject};
constexpr PathRules kKeepDots{.dot_segments = DotSegments::keep};
constexpr PathRules kKeepDoubles{.double_slashes = DoubleSlashes::keep};

TEST(NormalPath, IsPlainWhenNoServerCanReadItInTwoWays) {
  for (const char* path : {"/", "/a", "/a/b/", "/a.b/c..d/...x", "/a/b.."})
    EXPECT_EQ(is_plain(path), std::string_view(path).find("/.") == std::string::npos) << path;
  for (const char* path : {"/a//b", "/./a", "/a/..", "/%61", "/a\\b", "/a;b", "//"})
    EXPECT_FALSE(is_plain(path)) << path;
}

TEST(NormalPath, StaysWhenItIsNormal) {
  for (const char* path : {"/", "/a", "/a/b/", "/a.b/c..d/...", "/.well-known/x", "/a/..b",
                           "/a/b..", "/%20%C3%A4", "/a;x=1", "/a/.hidden", "/a%2Fb", "/a%5Cb"})
    EXPECT_EQ(normal(path), path);
}

TEST(NormalPath, HasNeedlessEncodingsDecodedAndUpperCaseDigits) {
  EXPECT_EQ(normal("/%61dmin"), "/admin");
  EXPECT_EQ(normal("/%41%5a%7e%2d%5F%30"), "/AZ~-_0");
  EXPECT_EQ(normal("/%c3%a4%3b%3d%2f%5c%20%25"), "/%C3%A4%3B%3D%2F%5C%20%25");
  EXPECT_EQ(normal("/%2561"), "/%2561") << "decoded once";
}

TEST(NormalPath, BeginsWithASlash) {
  for (const char* path : {"", "*", "a", "a/b", "%2fa"}) EXPECT_EQ(normal(path), "400") << path;
}

TEST(NormalPath, HasItsDotSegmentsResolved) {
  const char* const pairs[][2] = {
      {"/.", "/"},
      {"/./", "/"},
      {"/a/.", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/../b", "/b"},
      {"/a/b/../../c", "/c"},
      {"/a/b/..", "/a/"},
      {"/a/%2e/b", "/a/b"},
      {"/a/%2E%2e/b", "/b"},
      {"/a/.%2e/b", "/b"},
      {"/a/b/%2e./c", "/a/c"},
      {"/a/.//b", "/a/b"},
      {"/a//../b", "/b"},
      {"/a/b//..//c", "/a/c"},
  };
  for (const auto& pair : pairs) EXPECT_EQ(normal(pair[0]), pair[1]) << pair[0];
}

TEST(NormalPath, NeverGoesAboveItsRoot) {
  for (const char* path :
       {"/..", "/../a", "/a/../..", "/a/../../b", "/%2e%2e/a", "/./../a", "/.%2e", "//../a"})
    EXPECT_EQ(normal(path), "400") << path;
}

TEST(NormalPath, HasNoHiddenDotSegments) {
  for (const char* path : {"/a/..;/b", "/a/..;x=1/b", "/a/%2e%2e;/b", "/a/.;/b", "/a/..%3b/b"}) {
    EXPECT_EQ(normal(path, kNormalDots), "400") << path;
    EXPECT_EQ(normal(path, kRejectDots), "400") << path;
  }
  for (const char* path : {"/a/..%2fb", "/a/b%2f..%2fc", "/a/b%2F..", "/a/..%5cb", "/a/..\\b",
                           "/a/x;y%2f../b", "/a/.%2fb"})
    EXPECT_EQ(normal(path, kKeepSlashes), "400") << path;
}

TEST(NormalPath, WithDotSegmentsIsRefusedWhenConfigured) {
  for (const char* path : {"/.", "/a/./b", "/a/../b", "/a/%2e%2E/b", "/.."})
    EXPECT_EQ(normal(path, kRejectDots), "400") << path;
  EXPECT_EQ(normal("/a/.b/..c/...", kRejectDots), "/a/.b/..c/...");
}

TEST(NormalPath, KeepsDotSegmentsWhenConfigured) {
  for (const char* path : {"/.", "/a/./b", "/../a", "/a/%2e%2E/b", "/a/..;/b"})
    EXPECT_EQ(normal(path, kKeepDots), spelled(path));
}

TEST(NormalPath, HasSingleSlashesUnlessTheyAreKept) {
  EXPECT_EQ(normal("//"), "/");
  EXPECT_EQ(normal("//a///b//"), "/a/b/");
  EXPECT_EQ(normal("//a///b//", kKeepDoubles), "//a///b//");
  EXPECT_EQ(normal("/a//../b", kKeepDoubles), "/a/b") << "the empty segment is one";
  EXPECT_EQ(normal("/a//.", kKeepDoubles), "/a//");
}

TEST(NormalPath, HasNoEncodedSlashesWhereTheyAreRejected) {
  for (const char* path : {"/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", "/a\\b"})
    EXPECT_EQ(normal(path, kRejectSlashes), "400") << path;
}

TEST(NormalPath, KeepsEncodedSlashesWithinASegmentWhenConfigured) {
  for (const char* path : {"/a%2fb", "/a%2F%2Fb", "/%2f", "/a%5Cb", "/a\\b"})
    EXPECT_EQ(normal(path, kKeepSlashes), spelled(path));
  EXPECT_EQ(normal("/a%2fb/../c", kKeepSlashes), "/c");
}

TEST(NormalPath, DecodesSlashesBeforeItCutsSegmentsWhenConfigured) {
  EXPECT_EQ(normal("/a%2fb%2Fc", kDecodeSlashes), "/a/b/c");
  EXPECT_EQ(normal("/a%2f..%2fc", kDecodeSlashes), "/c");
  EXPECT_EQ(normal("/a%2f%2fb", kDecodeSlashes), "/a/b");
  EXPECT_EQ(normal("/..%2fa", kDecodeSlashes), "400");
  EXPECT_EQ(normal("/a%5cb", kDecodeSlashes), "/a%5Cb");
}

TEST(NormalPath, HasNoEncodedNulAndNoBrokenEncodings) {
  for (const PathRules& rules : {PathRules(), kKeepSlashes, kDecodeSlashes, kKeepDots}) {
    for (const char* path : {"/a%00b", "/%", "/%2", "/%g0", "/%0g", "/a%%20", "/%2%30"})
      EXPECT_EQ(normal(path, rules), "400") << path;
  }
}

TEST(NormalPath, DoesNotDecodeTwice) {
  EXPECT_EQ(normal("/%252e%252e/a"), "/%252e%252e/a");
  EXPECT_EQ(normal("/%252fa", kDecodeSlashes), "/%252fa");
}

TEST(NormalPath, ThatDoesNotFitIsNotCut) {
  char memory[3];
  EXPECT_EQ(read_path("/a/./bc", normal(PathRules{}), memory).fault.status, 414);
  EXPECT_EQ(read_path("/./ab", normal(PathRules{}), memory).path, "/ab");
}

TEST(PathReading, OfSomeServersHasMoreSlashes) {
  const PathReading slashes{.dots = true, .merge = true, .slashes = true};
  EXPECT_EQ(read("/a%2f%2F..%2fb", slashes), "/b");
  EXPECT_EQ(read("/a%5Cb\\c", slashes), "/a%5Cb\\c");
  EXPECT_EQ(read("/a%2f..%2f..%2fb", slashes), "400");
  const PathReading backslashes{.dots = true, .merge = true, .backslashes = true};
  EXPECT_EQ(read("/a%5C..\\b%2fc", backslashes), "/b%2Fc");
  const PathReading unmerged{.dots = true, .slashes = true};
  EXPECT_EQ(read("/a%2f%2fb", unmerged), "/a//b");
}

TEST(PathReading, OfServletsHasNoParameters) {
  const PathReading how{.dots = true, .merge = true, .parameters = true};
  EXPECT_EQ(read("/admin;x/y;z=1/", how), "/admin/y/");
  EXPECT_EQ(read("/a/..;x/b", how), "/b");
  EXPECT_EQ(read("/a/..%3bx/b", how), "/b");
  EXPECT_EQ(read("/;x/a", how), "/a");
  EXPECT_EQ(read("/..;/a", how), "400");
}

TEST(PathReading, GoesAboveTheRootAsItIsBuilt) {
  Random random(11);
  const std::string_view parts[] = {"/", "//", ".", "..", "a", "%2e", "%2f", "%5c", ";", "\\"};
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (uint64_t i = random.below(9); i > 0; --i) path += parts[random.below(std::size(parts))];
    const PathReading how{true, random.below(2) == 1, random.below(2) == 1, random.below(2) == 1,
                          random.below(2) == 1};
    EXPECT_EQ(goes_above_root(path, how), read(path, how) == "400") << path;
  }
}

TEST(NormalPath, IsNormalAlready) {
  Random random(7);
  const std::string_view parts[] = {"/",   "//",  ".", "..", "a",  "%2e",
                                    "%2f", "%5c", ";", "\\", "%41"};
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (uint64_t i = random.below(8); i > 0; --i) path += parts[random.below(std::size(parts))];
    const PathRules rules{EncodedSlashes(random.below(4)), DotSegments(random.below(4)),
                          DoubleSlashes(random.below(3))};
    const std::string once = normal(path, rules);
    if (once == "400") continue;
    EXPECT_EQ(normal(once, rules), once) << path;
    EXPECT_LE(once.size(), path.size());
    if (rules.dot_segments != DotSegments::keep) {
      EXPECT_EQ((once + "/").find("/../"), std::string::npos) << path;
      EXPECT_EQ((once + "/").find("/./"), std::string::npos) << path;
    }
  }
}

}  // namespace
}  // namespace weir
