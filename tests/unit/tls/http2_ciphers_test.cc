// The ciphers that HTTP/2 prohibits: RFC 9113, appendix A.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tls/openssl.h"

namespace weir {
namespace {

// The names are those of OpenSSL, "!" before those that are prohibited.
std::vector<std::string> judged(const std::string& names) {
  const SslContextPtr context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  EXPECT_EQ(SSL_CTX_set_ciphersuites(context.get(), ""), 1);
  EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), names.c_str()), 1) << names;
  std::vector<std::string> all;
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const one = sk_SSL_CIPHER_value(ciphers, i);
    all.push_back((allowed_for_http2(one) ? "" : "!") + std::string(SSL_CIPHER_get_name(one)));
  }
  return all;
}

TEST(Http2Ciphers, AllowsAeadWithAnEphemeralKeyExchange) {
  const std::vector<std::string> allowed = {
      "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
      "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
      "ECDHE-ECDSA-AES128-CCM",        "DHE-RSA-AES128-GCM-SHA256",
      "DHE-RSA-AES256-CCM8",           "DHE-PSK-AES128-GCM-SHA256"};
  for (const std::string& name : allowed) EXPECT_THAT(judged(name), testing::ElementsAre(name));
}

TEST(Http2Ciphers, ProhibitsCbcAndStreamCiphers) {
  for (const std::string name :
       {"ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES128-SHA256",
        "ECDHE-RSA-CAMELLIA128-SHA256", "ECDHE-PSK-AES128-CBC-SHA", "ECDHE-RSA-NULL-SHA"})
    EXPECT_THAT(judged(name), testing::ElementsAre("!" + name));
}

TEST(Http2Ciphers, ProhibitsKeyExchangeByRsaOrPskAlone) {
  for (const std::string name : {"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-CCM",
                                 "PSK-AES128-GCM-SHA256", "RSA-PSK-AES256-GCM-SHA384"})
    EXPECT_THAT(judged(name), testing::ElementsAre("!" + name));
}

TEST(Http2Ciphers, ProhibitsAnonymousKeyExchange) {
  EXPECT_THAT(judged("ADH-AES128-GCM-SHA256"), testing::ElementsAre("!ADH-AES128-GCM-SHA256"));
}

TEST(Http2Ciphers, AllowsEveryCipherOfTls13) {
  const SslContextPtr context(SSL_CTX_new(TLS_method()));
  ASSERT_EQ(SSL_CTX_set_ciphersuites(context.get(),
                                     "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                     "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256"),
            1);
  ASSERT_EQ(SSL_CTX_set_cipher_list(context.get(), "ECDHE-RSA-AES128-GCM-SHA256"), 1);
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context.get());
  ASSERT_EQ(sk_SSL_CIPHER_num(ciphers), 5);
  for (int i = 0; i < 5; ++i) {
    const SSL_CIPHER* const one = sk_SSL_CIPHER_value(ciphers, i);
    EXPECT_TRUE(allowed_for_http2(one)) << SSL_CIPHER_get_name(one);
  }
}

}  // namespace
}  // namespace weir
