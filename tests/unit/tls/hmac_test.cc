#include "tls/hmac.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

std::string hex(const Sha256Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

// RFC 4231 4.3.
TEST(Hmac, IsThatOfTheStandard) {
  const std::array<uint8_t, 4> key{'J', 'e', 'f', 'e'};
  EXPECT_EQ(hex(hmac_sha256(key, "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// RFC 5869 A.3: without salt and info.
TEST(Hkdf, IsThatOfTheStandard) {
  EXPECT_EQ(hex(hkdf_sha256(std::string(22, '\x0b'), "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
  EXPECT_NE(hkdf_sha256("secret", "a"), hkdf_sha256("secret", "b"));
}

}  // namespace
}  // namespace weir
