// Names as numbers, and the names that look like others.
#include "http/header_names.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

TEST(FieldNames, AreFoundInAnyCase) {
  for (size_t id = 1; id < detail::kKnownFields.size(); ++id) {
    std::string name(known_name(FieldId(id)));
    EXPECT_EQ(field_id(name), FieldId(id)) << name;
    for (char& c : name) c = c >= 'a' && c <= 'z' ? char(c - 32) : c;
    EXPECT_EQ(field_id(name), FieldId(id)) << name;
  }
}

TEST(FieldNames, ThatDifferInOneByteAreOthers) {
  for (size_t id = 1; id < detail::kKnownFields.size(); ++id) {
    const std::string name(known_name(FieldId(id)));
    for (size_t at = 0; at < name.size(); ++at) {
      for (int c = 0x21; c < 256; ++c) {
        std::string other = name;
        other[at] = char(c);
        if (iequals(other, name)) continue;
        EXPECT_NE(field_id(other), FieldId(id)) << other;
      }
    }
    EXPECT_NE(field_id(name + "x"), FieldId(id));
    EXPECT_NE(field_id(name.substr(1)), FieldId(id));
  }
  EXPECT_EQ(field_id(""), FieldId::other);
}

TEST(FieldNames, LookLikeKnownOnesWhenOnlyTheirPunctuationDiffers) {
  for (const char* name : {"X_Forwarded_For", "Content_Length", "transfer_encoding", "X.Request-Id",
                           "set_cookie", "Proxy_Connection"})
    EXPECT_TRUE(is_alias(name)) << name;
  for (const char* name : {"Content-Length", "X-Custom_Name", "x_forwarded", "a",
                           "a_name_that_is_longer_than_every_name_that_is_known_here"})
    EXPECT_FALSE(is_alias(name)) << name;
}

TEST(FieldNames, OfFramingAndConnectionAreNotConfigurable) {
  for (const char* name : {"Host", "Content-Length", "Transfer-Encoding", "Connection", "TE",
                           "Upgrade", "Content_Length", "", "a b", "a:"})
    EXPECT_FALSE(is_configurable(name)) << name;
  for (const char* name : {"X-Any", "Authorization", "Server", "X-Forwarded-For"})
    EXPECT_TRUE(is_configurable(name)) << name;
}

}  // namespace
}  // namespace weir
