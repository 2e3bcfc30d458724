// One spelling for each path: what is matched is what is forwarded.
#include "http/path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace weir {
namespace {

// The path, or the status and reason of its fault.
std::string normal(std::string_view raw, const PathRules& rules = {}) {
  std::vector<char> memory(raw.size());
  const NormalPath result = normalize_path(raw, rules, memory);
  if (result.fault) return std::to_string(result.fault.status);
  if (result.path == raw) {
    EXPECT_EQ(result.path.data(), raw.data()) << "copied: " << raw;
  }
  return std::string(result.path);
}

constexpr PathRules kKeepSlashes{.encoded_slashes = EncodedSlashes::keep};
constexpr PathRules kDecodeSlashes{.encoded_slashes = EncodedSlashes::decode};
constexpr PathRules kRejectDots{.dot_segments = DotSegments::reject};
constexpr PathRules kKeepDots{.dot_segments = DotSegments::keep};
constexpr PathRules kKeepDoubles{.double_slashes = DoubleSlashes::keep};

TEST(NormalPath, IsTheSameViewWhenNothingChanges) {
  for (const char* path : {"/", "/a", "/a/b/", "/a.b/c..d/...", "/.well-known/x", "/a/..b",
                           "/a/b..", "/%41%20%C3%a4", "/a;x=1", "/a/.hidden"})
    EXPECT_EQ(normal(path), path);
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

TEST(NormalPath, HasNoDotSegmentsInDisguise) {
  for (const char* path : {"/a/..;/b", "/a/..;x=1/b", "/a/%2e%2e;/b", "/a/.;/b", "/a/..%3b/b"})
    EXPECT_EQ(normal(path), "400") << path;
  for (const char* path : {"/a/..%2fb", "/a/b%2f..%2fc", "/a/b%2F..", "/a/..%5cb", "/a/..\\b",
                           "/a/x;y%2f../b", "/a/.%2fb"})
    EXPECT_EQ(normal(path, kKeepSlashes), "400") << path;
}

TEST(NormalPath, WithDotSegmentsIsRefusedWhenTheyAre) {
  for (const char* path : {"/.", "/a/./b", "/a/../b", "/a/%2e%2E/b", "/.."})
    EXPECT_EQ(normal(path, kRejectDots), "400") << path;
  EXPECT_EQ(normal("/a/.b/..c/...", kRejectDots), "/a/.b/..c/...");
}

TEST(NormalPath, KeepsDotSegmentsWhenTold) {
  for (const char* path : {"/.", "/a/./b", "/../a", "/a/%2e%2E/b", "/a/..;/b"})
    EXPECT_EQ(normal(path, kKeepDots), path);
}

TEST(NormalPath, HasSingleSlashesUnlessTheyAreKept) {
  EXPECT_EQ(normal("//"), "/");
  EXPECT_EQ(normal("//a///b//"), "/a/b/");
  EXPECT_EQ(normal("//a///b//", kKeepDoubles), "//a///b//");
  EXPECT_EQ(normal("/a//../b", kKeepDoubles), "/a/b") << "the empty segment is one";
  EXPECT_EQ(normal("/a//.", kKeepDoubles), "/a//");
}

TEST(NormalPath, HasNoEncodedSlashesByDefault) {
  for (const char* path : {"/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb", "/a\\b"})
    EXPECT_EQ(normal(path), "400") << path;
}

TEST(NormalPath, KeepsEncodedSlashesWithinASegmentWhenTold) {
  for (const char* path : {"/a%2fb", "/a%2F%2Fb", "/%2f", "/a%5Cb", "/a\\b"})
    EXPECT_EQ(normal(path, kKeepSlashes), path);
  EXPECT_EQ(normal("/a%2fb/../c", kKeepSlashes), "/c");
}

TEST(NormalPath, DecodesSlashesBeforeItLooksAtSegmentsWhenTold) {
  EXPECT_EQ(normal("/a%2fb%2Fc", kDecodeSlashes), "/a/b/c");
  EXPECT_EQ(normal("/a%2f..%2fc", kDecodeSlashes), "/c");
  EXPECT_EQ(normal("/a%2f%2fb", kDecodeSlashes), "/a/b");
  EXPECT_EQ(normal("/..%2fa", kDecodeSlashes), "400");
  EXPECT_EQ(normal("/a%5cb", kDecodeSlashes), "/a%5cb");
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
  EXPECT_EQ(normalize_path("/a/./bc", {}, memory).fault.status, 414);
  EXPECT_EQ(normalize_path("/./ab", {}, memory).path, "/ab");
}

TEST(NormalPath, IsNormalAlready) {
  Random random(7);
  const std::string_view parts[] = {"/",   "//",  ".", "..", "a",  "%2e",
                                    "%2f", "%5c", ";", "\\", "%41"};
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (uint64_t i = random.below(8); i > 0; --i) path += parts[random.below(std::size(parts))];
    const PathRules rules{EncodedSlashes(random.below(3)), DotSegments(random.below(3)),
                          DoubleSlashes(random.below(2))};
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
