// TicketKeys: the keys of session tickets, so that a client can resume its session on every worker,
// after a reload, and on other instances that have the same file.
//
// Owner: the snapshot store, so that the keys outlive every configuration; any thread. Decryption
// tries the newest key first; only the newest key encrypts. Keys that weir makes encrypt for one
// rotation and decrypt for one more; keys of a file stay as long as the file has them.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/time.h"

struct ssl_ctx_st;
struct ssl_st;
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace weir {

class TlsLoading;

class TicketKeys {
 public:
  static constexpr size_t kKeySize = 80;  // in the file: name 16, cipher 32, authentication 32
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher, authentication;
    TimePoint made;

    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();  // overwrites the key, so that old tickets stay secret
  };
  using FileKeys = std::vector<Key>;

  TicketKeys() = default;
  explicit TicketKeys(const Clock& clock) : clock_(clock) {}

  // Reads the keys of a file, the newest first.
  static Result<FileKeys> read(TlsLoading& loading, const std::string& path);

  // Makes keys from now on; existing keys of this kind keep their time.
  void rotate_every(Duration rotation);
  // Uses only these keys.
  void use(FileKeys keys);
  // Makes a server context use these keys, which outlive it.
  void install(ssl_ctx_st* context);

 private:
  static int on_ticket(ssl_st*, unsigned char* name, unsigned char* iv, evp_cipher_ctx_st*,
                       evp_mac_ctx_st*, int encrypt);
  static Key make_key(TimePoint now);
  Key newest();
  // True: `key`, and whether it is the newest.
  bool find(const unsigned char* name, Key& key, bool& newest);
  void rotate();

  const Clock real_{};
  const Clock& clock_ = real_;
  std::mutex mutex_;  // guards the members below; locked once in a handshake
  std::vector<Key> keys_;
  Duration rotation_ = std::chrono::hours(12);  // zero: the keys are a file's
};

}  // namespace weir
