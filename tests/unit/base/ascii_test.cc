#include "base/ascii.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Ascii, ClassesHoldForAsciiOnly) {
  for (int i = 0; i < 256; ++i) {
    const auto c = static_cast<char>(i);
    const bool upper = i >= 'A' && i <= 'Z', lower = i >= 'a' && i <= 'z';
    EXPECT_EQ(is_digit(c), i >= '0' && i <= '9') << i;
    EXPECT_EQ(is_letter(c), upper || lower) << i;
    EXPECT_EQ(is_visible(c), i > 32 && i < 127) << i;
    EXPECT_EQ(is_control(c), i < 32 || i == 127) << i;
    EXPECT_EQ(ascii_lower(c), upper ? static_cast<char>(i + 32) : c) << i;
    EXPECT_EQ(ascii_upper(c), lower ? static_cast<char>(i - 32) : c) << i;
  }
}

TEST(Ascii, ReadsHexadecimalDigitsInEitherCase) {
  for (int i = 0; i < 256; ++i) {
    const size_t at =
        std::string_view("0123456789abcdef0123456789ABCDEF").find(static_cast<char>(i));
    EXPECT_EQ(hex_value(static_cast<char>(i)), at == std::string_view::npos ? -1 : int(at % 16))
        << i;
  }
}

TEST(Ascii, OnlyDigitsAreANumber) {
  EXPECT_TRUE(all_digits("0042"));
  for (const char* text : {"", "-1", "+1", " 1", "1.0", "1e3", "\xd9\xa1"})
    EXPECT_FALSE(all_digits(text)) << text;
}

TEST(Ascii, ComparesWithoutCaseAndWithTheSameLength) {
  EXPECT_TRUE(iequals("Content-Type", "content-tYPE"));
  EXPECT_FALSE(iequals("Content-Type", "Content-Typ"));
  EXPECT_FALSE(iequals("content@type", "content`type"));  // one bit apart, but no letters
}

}  // namespace
}  // namespace weir
