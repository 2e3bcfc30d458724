// The part of the model (model.h) that says how a cluster chooses backends. Plain structs, each
// member at its default; names are the file's key names.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/closed_list.h"

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

}  // namespace weir::config
