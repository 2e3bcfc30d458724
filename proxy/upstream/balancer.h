// Balancer: chooses a backend of one cluster for each session. Each worker has one for each
// cluster, on its thread.
//
// A new policy is one file in upstream/balancers/ with `make_<name>`, one row in
// config/balancers.def and one test in tests/unit/upstream/balancers/.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "config/model.h"

namespace weir {

class Backend;
class HashTable;

// Here an index of the `eligible` of the last rebuild; everywhere else of ClusterSpec::hosts.
using BackendIndex = uint32_t;
inline constexpr BackendIndex kNoBackend = ~0u;

struct Host {
  Backend* backend;
  uint32_t weight;  // at least 1
  // Requests and sessions of all workers under way there; valid until the next rebuild.
  const std::atomic<int64_t>* active;
  uint64_t salt = 0;       // HostSpec::salt
  BackendIndex index = 0;  // in ClusterSpec::hosts
};

struct PickHints {
  // The hash of the client's address, or of the part of the request that `hash` of the cluster
  // names, with a seed that is the same on all workers and after a restart.
  uint64_t hash = 0;
  std::span<const BackendIndex> excluded;  // tried or avoided; in any order, may repeat
};

class Balancer {
 public:
  virtual ~Balancer() = default;
  // Called when membership, weights, states or health change, and not during pick(). `eligible`
  // need not outlive the call.
  virtual void rebuild(std::span<const Host> eligible) = 0;
  // One of the eligible hosts; kNoBackend when all are excluded. Does not allocate.
  virtual BackendIndex pick(const PickHints& hints) = 0;
};

// Every policy of the table, by name. `seed` differs between workers, so that they do not choose
// the same backends in the same order. `table`: for the policies that use one.
#define BALANCER(name, help) \
  std::unique_ptr<Balancer> make_##name(uint64_t seed, std::shared_ptr<const HashTable> table);
#include "config/balancers.def"
#undef BALANCER

std::unique_ptr<Balancer> make_balancer(config::Balance policy, uint64_t seed,
                                        std::shared_ptr<const HashTable> table = nullptr);

}  // namespace weir
