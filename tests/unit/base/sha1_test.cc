// The test vectors of RFC 3174 7.3, and texts of every size around a block.
#include "base/sha1.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

std::string sha1_of(std::string_view text, size_t times = 1) {
  Sha1 hash;
  for (; times > 0; --times) hash.add(text);
  std::string hex;
  for (const uint8_t byte : hash.digest()) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

TEST(Sha1, HashesTheVectorsOfRfc3174) {
  EXPECT_EQ(sha1_of("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1_of("a", 1'000'000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(sha1_of("0123456701234567012345670123456701234567012345670123456701234567", 10),
            "dea356a2cddd90c7a7ecedc5ebb563934f460452");
}

TEST(Sha1, HashesTextsAroundTheSizeOfABlock) {
  EXPECT_EQ(sha1_of(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_of("x", 55), "cef734ba81a024479e09eb5a75b6ddae62e6abf1");
  EXPECT_EQ(sha1_of("x", 56), "901305367c259952f4e7af8323f480d59f81335b");
  EXPECT_EQ(sha1_of("x", 63), "0ddc4e0cccd9a12850deb5abb0853a4425559fec");
  EXPECT_EQ(sha1_of("x", 64), "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163");
  EXPECT_EQ(sha1_of("x", 65), "78c741ddc482e4cdf8c474a0876347a0905b6233");
}

}  // namespace
}  // namespace weir
