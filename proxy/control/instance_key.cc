#include "control/instance_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/log.h"
#include "base/unique_fd.h"
#include "tls/hmac.h"

namespace weir {
namespace {

constexpr size_t kSecretSize = 64;  // hexadecimal digits

std::string new_secret() {
  std::array<uint8_t, kSecretSize / 2> bytes;
  fill_random(bytes);
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Empty: there is none.
std::string read_secret(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return {};
  std::string text(kSecretSize + 1, ' ');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < static_cast<ssize_t>(kSecretSize)) return {};
  return text.substr(0, kSecretSize);
}

// Complete or not there at all, whenever weir stops: the file is linked when it has been written.
bool write_secret(const std::string& path, const std::string& secret) {
  const std::string unfinished = fmt::format("{}.{}", path, ::getpid());
  const UniqueFd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return false;
  const std::string line = secret + "\n";
  const bool written =
      ::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
      ::fsync(file.get()) == 0;
  const bool linked = written && ::link(unfinished.c_str(), path.c_str()) == 0;
  ::unlink(unfinished.c_str());
  return linked;
}

std::string instance_secret() {
  const char* const folder = std::getenv("STATE_DIRECTORY");
  if (folder != nullptr && folder[0] == '/') {
    const std::string path = std::string(folder) + "/sticky_secret";
    if (std::string secret = read_secret(path); !secret.empty()) return secret;
    const std::string secret = new_secret();
    if (write_secret(path, secret)) return secret;
    // Another instance may have been faster.
    if (std::string other = read_secret(path); !other.empty()) return other;
    LOG(warn, "sticky.secret_not_kept", kv("file", path), kv("error", "cannot be written"),
        kv("hint", "write key_file"));
    return secret;
  }
  LOG(warn, "sticky.secret_not_kept", kv("error", "STATE_DIRECTORY is not set"),
      kv("hint", "write key_file"));
  return new_secret();
}

}  // namespace

const StickyKey& InstanceKey::get() {
  if (!key_) key_.emplace(instance_secret());
  return *key_;
}

}  // namespace weir
