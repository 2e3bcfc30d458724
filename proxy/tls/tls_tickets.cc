#include "tls/tls_tickets.h"

#include <fmt/format.h>
#include <openssl/core_names.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "tls/openssl.h"

namespace weir {
namespace {

constexpr size_t kMostKeys = 16;

// Fetched once: fetching an algorithm by name takes locks.
const EVP_CIPHER* ticket_cipher() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

int context_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool start_mac(EVP_MAC_CTX* mac, std::array<unsigned char, 32> key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(authentication.data(), authentication.size());
}

TicketKeys::Key TicketKeys::make_key(TimePoint now) {
  Key key;
  const bool random =
      RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1 &&
      RAND_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1 &&
      RAND_bytes(key.authentication.data(), static_cast<int>(key.authentication.size())) == 1;
  CHECK(random);
  key.made = now;
  return key;
}

void TicketKeys::rotate_every(Duration rotation) {
  const std::lock_guard lock(mutex_);
  if (rotation_ == Duration::zero()) keys_.clear();  // keys of a file
  rotation_ = rotation;
}

Result<TicketKeys::FileKeys> TicketKeys::read(TlsLoading& loading, const std::string& path) {
  const Result<std::string_view> content = loading.read(path);
  if (!content) return content.error();
  const size_t size = content->size();
  if (size == 0 || size % kKeySize != 0 || size > kKeySize * kMostKeys)
    return Error{fmt::format("'{}' must hold 1 to {} keys of {} random bytes each", path, kMostKeys,
                             kKeySize),
                 ""};
  FileKeys keys(size / kKeySize);
  const char* at = content->data();
  for (Key& key : keys) {
    std::memcpy(key.name.data(), at, 16);
    std::memcpy(key.cipher.data(), at + 16, 32);
    std::memcpy(key.authentication.data(), at + 48, 32);
    at += kKeySize;
  }
  return keys;
}

void TicketKeys::use(FileKeys keys) {
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  rotation_ = Duration::zero();
}

void TicketKeys::rotate() {
  if (rotation_ == Duration::zero()) return;
  const TimePoint now = clock_.now();
  if (keys_.empty() || now - keys_.front().made >= rotation_)
    keys_.insert(keys_.begin(), make_key(now));
  std::erase_if(keys_, [&](const Key& key) { return now - key.made >= 2 * rotation_; });
}

TicketKeys::Key TicketKeys::newest() {
  const std::lock_guard lock(mutex_);
  rotate();
  return keys_.front();
}

bool TicketKeys::find(const unsigned char* name, Key& key, bool& newest) {
  const std::lock_guard lock(mutex_);
  rotate();
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const Key& known) {
    return std::equal(known.name.begin(), known.name.end(), name);
  });
  if (found == keys_.end()) return false;
  key = *found;
  newest = found == keys_.begin();
  return true;
}

void TicketKeys::install(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, context_index(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TicketKeys::on_ticket);
}

// 0: unknown key, a full handshake follows; 1: the ticket is valid; 2: valid, the client gets a new
// one; negative: an error.
int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int encrypt) {
  auto& keys =
      *static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index()));
  if (encrypt != 0) {
    const Key key = keys.newest();
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
    std::copy(key.name.begin(), key.name.end(), name);
    if (EVP_EncryptInit_ex2(cipher, ticket_cipher(), key.cipher.data(), iv, nullptr) != 1 ||
        !start_mac(mac, key.authentication))
      return -1;
    return 1;
  }
  Key key;
  bool newest = false;
  if (!keys.find(name, key, newest)) return 0;
  if (EVP_DecryptInit_ex2(cipher, ticket_cipher(), key.cipher.data(), iv, nullptr) != 1 ||
      !start_mac(mac, key.authentication))
    return -1;
  // In TLS 1.3 a client uses a ticket once: it needs a new one.
  return newest && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
}

}  // namespace weir
