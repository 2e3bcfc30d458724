#include "base/address.h"

#include <gmock/gmock.h>

namespace weir {
namespace {

TEST(Address, TextIsWhatParseReads) {
  for (const char* text :
       {"127.0.0.1:80", "255.255.255.255:65535", "0.0.0.0:0", "[::1]:8080", "[fd00::a:0:1]:443",
        "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", "unix:/run/app.sock", "unix:@app"}) {
    const Result<Address> address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    std::array<char, Address::kTextSize> memory;
    EXPECT_EQ(address->text(memory), text);
    EXPECT_EQ(address->text(), text);
  }
  EXPECT_EQ(Address().text(), "-");
}

TEST(Address, TextOfTheLongestUnixPathIsWhole) {
  const std::string text = "unix:/" + std::string(106, 'x');
  const Result<Address> address = Address::parse(text);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->text(), text);
}

}  // namespace
}  // namespace weir
