#include "http/sticky_value.h"

#include <gtest/gtest.h>

#include "base/ascii.h"

namespace weir {
namespace {

std::string_view view(const StickyText& text) {
  return {text.data(), text.size()};
}

TEST(StickyValues, AreReadAsTheyAreWritten) {
  StickyValue value{0xa7, 1'800'000'000, {}};
  for (size_t i = 0; i < value.tag.size(); ++i) value.tag[i] = static_cast<uint8_t>(255 - 16 * i);
  const auto text = sticky_text(value);
  EXPECT_EQ(parse_sticky(view(text)), value);
  EXPECT_EQ(view(sticky_text({0, 0, {}})), "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  for (const char c : text) EXPECT_TRUE(is_alphanumeric(c) || c == '-' || c == '_') << c;
}

TEST(StickyValues, OfAnotherFormAreNone) {
  EXPECT_TRUE(parse_sticky("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
  for (const char* wrong : {"", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                            "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
                            "AQAAAAAAAAAAAAA+AAAAAAAAAAAAAA", "AQAAAAAAAAAAAAA=AAAAAAAAAAAAAA",
                            "AQAAAAAAAAAAAAA\xc3\xa4"
                            "AAAAAAAAAAAAA",
                            "\"QAAAAAAAAAAAAAAAAAAAAAAAAAAA\""})
    EXPECT_FALSE(parse_sticky(wrong)) << wrong;
}

}  // namespace
}  // namespace weir
