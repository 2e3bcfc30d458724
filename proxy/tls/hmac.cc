#include "tls/hmac.h"

#include <openssl/hmac.h>

#include <string>

#include "base/check.h"
#include "tls/openssl.h"

namespace weir {

Sha256Digest hmac_sha256(std::span<const uint8_t> key, std::string_view text) {
  Sha256Digest digest;
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(),
             digest.data(), &size) != nullptr);
  CHECK(size == digest.size());
  return digest;
}

// 2.2 and 2.3, of which the first block is enough.
Sha256Digest hkdf_sha256(std::string_view secret, std::string_view info) {
  const Sha256Digest no_salt{};
  const Sha256Digest extracted = hmac_sha256(no_salt, secret);
  return hmac_sha256(extracted, std::string(info) + '\x01');
}

void fill_random(std::span<uint8_t> bytes) {
  CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
}

}  // namespace weir
