// HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869), for what weir signs itself. Pure; control
// path.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest hmac_sha256(std::span<const uint8_t> key, std::string_view text);
// The first 32 bytes of the output, without a salt.
Sha256Digest hkdf_sha256(std::string_view secret, std::string_view info);
// From the generator of OpenSSL.
void fill_random(std::span<uint8_t> bytes);

}  // namespace weir
