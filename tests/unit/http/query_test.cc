#include "http/query.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string find(std::string_view query, std::string_view name) {
  const std::string_view value = find_parameter(query, name);
  return value.data() == nullptr ? "none" : "'" + std::string(value) + "'";
}

TEST(Query, FirstParameterOfThatNameCounts) {
  EXPECT_EQ(find("a=1&b=2&b=3", "b"), "'2'");
  EXPECT_EQ(find("a=1&b", "b"), "''");
  EXPECT_EQ(find("a=1&b=", "b"), "''");
  EXPECT_EQ(find("a=b=c", "a"), "'b=c'");
  EXPECT_EQ(find("ab=1&&A=1", "a"), "none");
  EXPECT_EQ(find("", "a"), "none");
}

TEST(Query, NamesAreComparedDecodedAndValuesStayEncoded) {
  EXPECT_EQ(find("user%20id=%41+b", "user id"), "'%41+b'");
  EXPECT_EQ(find("user+id=1", "user id"), "'1'");
  EXPECT_TRUE(equals_decoded("%41+b", "A b"));
  EXPECT_FALSE(equals_decoded("%41+b", "A bc"));
}

}  // namespace
}  // namespace weir
