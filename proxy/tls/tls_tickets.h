// TicketKeys: what session tickets are encrypted with, so that a client that comes back is known
// again by every worker, after a reload, and by other instances that have the same file.
//
// Owner: the snapshot store, so that the keys outlive every configuration; any thread. Keys are
// tried newest first; only the newest encrypts. Made here they encrypt for one rotation and decrypt
// for one more; those of a file stay as long as the file says so.
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
  static constexpr size_t kKeySize = 80;  // of the file: name 16, cipher 32, authentication 32
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher, authentication;
    TimePoint made;

    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();  // overwrites it: what a key that is gone has encrypted stays secret
  };
  using FileKeys = std::vector<Key>;

  TicketKeys() = default;
  explicit TicketKeys(const Clock& clock) : clock_(clock) {}

  // Keys of a file, the newest first.
  static Result<FileKeys> read(TlsLoading& loading, const std::string& path);

  // Keys of its own from now on; those it has stay as long as they would have.
  void rotate_every(Duration rotation);
  // These only.
  void use(FileKeys keys);
  // Has a server context use these keys, which outlive it.
  void install(ssl_ctx_st* context);

 private:
  static int on_ticket(ssl_st*, unsigned char* name, unsigned char* iv, evp_cipher_ctx_st*,
                       evp_mac_ctx_st*, int encrypt);
  static Key make_key(TimePoint now);
  Key newest();
  // Found: the key, and whether it is the newest.
  bool find(const unsigned char* name, Key& key, bool& newest);
  void rotate();

  const Clock real_{};
  const Clock& clock_ = real_;
  std::mutex mutex_;  // guards what follows; once in a handshake
  std::vector<Key> keys_;
  Duration rotation_ = std::chrono::hours(12);  // zero: the keys are a file's
};

}  // namespace weir
