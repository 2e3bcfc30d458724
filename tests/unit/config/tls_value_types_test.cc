#include "support/value_text.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(TlsVersions, AreOneTwoAndOneThree) {
  EXPECT_EQ(read<types::tls_version>("1.2"), "1.2");
  EXPECT_EQ(read<types::optional_tls_version>("1.3"), "1.3");
  for (const char* wrong : {"", "1", "1.1", "1.20", "TLSv1.2", "1.4"})
    EXPECT_EQ(read<types::tls_version>(wrong), "E104") << wrong;
  EXPECT_THAT(hint<types::tls_version>("1.1"), HasSubstr("1.2 or 1.3"));
}

TEST(FilePaths, AreAnyTextThatCouldBeAPath) {
  for (const char* path : {"a.pem", "/etc/weir/tls/a b.pem", "./ä.pem"})
    EXPECT_EQ(read<types::file_path>(path), path);
  for (const std::string& wrong : {std::string(), std::string("a\nb"), std::string(4096, 'a')})
    EXPECT_EQ(read<types::file_path>(wrong), "E132") << wrong;
  EXPECT_THAT(hint<types::file_path>("-----BEGIN PRIVATE KEY-----\nMII"),
              HasSubstr("write the path of the file"));
  EXPECT_THAT(hint<types::file_path>("-----BEGIN PRIVATE KEY-----\nMII"), Not(HasSubstr("MII")))
      << "a key must not be shown";
}

TEST(CertificateNames, MayBePaths) {
  EXPECT_EQ(read<types::certificate_name>("example"), "example");
  EXPECT_EQ(read<types::certificate_name>("/etc/weir/a.pem"), "/etc/weir/a.pem");
  EXPECT_EQ(read<types::certificate_name>(""), "E131");
  EXPECT_EQ(read<types::certificate_name>("a\tb"), "E131");
}

TEST(Ciphers, AreThoseOfTheirVersion) {
  for (const char* list : {"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE+CHACHA20", "HIGH:!aNULL:@STRENGTH"})
    EXPECT_EQ(read<types::ciphers>(list), list);
  for (const char* wrong : {"", "a/b", "ECDHE;RSA", "TLS_AES_128_GCM_SHA256"})
    EXPECT_EQ(read<types::ciphers>(wrong), "E133") << wrong;
  EXPECT_THAT(hint<types::ciphers>("TLS_AES_128_GCM_SHA256"), HasSubstr("'ciphersuites'"));
  EXPECT_EQ(read<types::ciphersuites>("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"),
            "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
  for (const char* wrong : {"", "ECDHE+AESGCM", "TLS_AES_128_GCM_SHA256:", "TLS_A,TLS_B", ":"})
    EXPECT_EQ(read<types::ciphersuites>(wrong), "E133") << wrong;
}

TEST(Alpn, IsShortAndVisible) {
  for (const char* protocol : {"http/1.1", "h2", "acme-tls/1"})
    EXPECT_EQ(read<types::alpn>(protocol), protocol);
  EXPECT_EQ(read<types::alpn>(std::string(255, 'a')), std::string(255, 'a'));
  for (const std::string& wrong : {std::string(), std::string("a b"), std::string(256, 'a')})
    EXPECT_EQ(read<types::alpn>(wrong), "E133") << wrong;
}

TEST(ServerNames, AreNoAddresses) {
  EXPECT_EQ(read<types::server_name>("App.Internal"), "app.internal");
  for (const char* wrong : {"", "10.0.0.1", "::1", "[::1]", "a:443", "*.a", "a b", "ä.example"})
    EXPECT_EQ(read<types::server_name>(wrong), "E135") << wrong;
  EXPECT_THAT(hint<types::server_name>("10.0.0.1"), HasSubstr("leave 'sni' out"));
}

TEST(NamesToVerify, MayBeAddresses) {
  EXPECT_EQ(read<types::verify_name>("App.Internal"), "app.internal");
  EXPECT_EQ(read<types::verify_name>("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(read<types::verify_name>("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(read<types::verify_name>("::1"), "::1");
  for (const char* wrong : {"", "a:443", "a b", "10.0.0.1/8", "[::1"})
    EXPECT_EQ(read<types::verify_name>(wrong), "E135") << wrong;
}

}  // namespace
}  // namespace weir::config
