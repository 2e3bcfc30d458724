// The part of the model (model.h) that says how a cluster chooses backends. Plain structs, each
// member at its default; names are the file's key names.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/closed_list.h"
#include "base/time.h"

namespace weir::config {

enum class Balance : uint8_t {
#define BALANCER(name, help) name,
#include "config/balancers.def"
#undef BALANCER
};
constexpr auto list_names(Balance) {
  return std::to_array<const char*>({
#define BALANCER(name, help) #name,
#include "config/balancers.def"
#undef BALANCER
  });
}

// Whether the policy chooses by the hash of a value: `hash`.
constexpr bool hashes(Balance balance) {
  return balance == Balance::source_hash || balance == Balance::ring_hash ||
         balance == Balance::maglev;
}

// The value by which policies that hash choose a backend.
struct HashBy {
  enum class Part : uint8_t { client, host, path, header, cookie, query };
  Part part = Part::client;
  std::string name;  // of the header field, the cookie or the parameter
  friend bool operator==(const HashBy&, const HashBy&) = default;
};
constexpr auto list_names(HashBy::Part) {
  return std::to_array<const char*>({"client", "host", "path", "header", "cookie", "query"});
}

struct Hashing {
  HashBy by;
  friend bool operator==(const Hashing&, const Hashing&) = default;
};

enum class SameSite : uint8_t { lax, strict, none };
constexpr auto list_names(SameSite) {
  return std::to_array<const char*>({"lax", "strict", "none"});
}
enum class CookieSecure : uint8_t { automatic, always, never };
constexpr auto list_names(CookieSecure) {
  return std::to_array<const char*>({"auto", "always", "never"});
}
enum class StickyDrain : uint8_t { keep, move };
constexpr auto list_names(StickyDrain) {
  return std::to_array<const char*>({"keep", "move"});
}

// A cookie that leads a client's requests to one backend.
struct Sticky {
  std::string cookie;  // its name
  Duration ttl{};      // zero: without end
  std::string path = "/";
  std::string domain;  // empty: the host of the request only
  SameSite same_site = SameSite::lax;
  CookieSecure secure = CookieSecure::automatic;  // by the scheme of the client
  std::string key_file;                           // empty: a key of this instance
  StickyDrain drain = StickyDrain::keep;          // of a backend in state `drain`
  friend bool operator==(const Sticky&, const Sticky&) = default;
};

}  // namespace weir::config
