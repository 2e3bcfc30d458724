// Malicious certificates: their authority has not checked the names in them.
#include "tls/tls_client_identity.h"

#include <gmock/gmock.h>

#include "support/tls_peer.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string xfcc_of(const TestAuthority::Wish& wish) {
  TestAuthority authority;
  const TestAuthority issued(authority.issue(wish));
  return ClientIdentity::of(issued.certificate()).xfcc;
}

TEST(TlsClientIdentity, SubjectCannotEndItsQuotedValue) {
  const std::string text = xfcc_of({.common_name = "a\";URI=spiffe://admin\r\nX-Admin: 1\\"});
  EXPECT_THAT(text, HasSubstr(R"(;Subject="CN=a\"\;URI=spiffe://admin\0D\0AX-Admin: 1\\")"));
  EXPECT_THAT(text, EndsWith("\""));
  for (const char c : text) EXPECT_TRUE(c >= ' ' && c < 127) << int(c);
}

TEST(TlsClientIdentity, OmitsNamesThatTheFormatCannotRepresent) {
  const std::string text =
      xfcc_of({.hosts = {"good.test", "bad;Subject=x"}, .common_name = "client"});
  EXPECT_THAT(text, EndsWith(";DNS=good.test"));
  EXPECT_THAT(text, Not(HasSubstr("bad")));
}

TEST(TlsClientIdentity, TextBeyondAsciiIsEscaped) {
  EXPECT_THAT(xfcc_of({.common_name = "J\xC3\xBCrgen"}), HasSubstr("Subject=\"CN=J\\"));
}

}  // namespace
}  // namespace weir::test
