// Lookups: looks host names up in parallel, on threads of its own (helpers), and keeps the last
// good answer for each name.
//
// Owner: the server, by shared_ptr, since the loader's thread uses it as well. Every function may
// be called on every thread. Of the lookups that run, at most kAtOnce are younger than a quarter of
// a second: a name server that does not answer occupies helpers, up to kMostHelpers, but does not
// delay other names.
//
// Nothing can interrupt getaddrinfo(3). The destructor does not wait for it: a helper owns what it
// works on, and ends after its lookup.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "control/resolve.h"

namespace weir {

class Lookups {
 public:
  using LookUp = std::function<LookupAnswer(const std::string& host)>;
  static constexpr size_t kAtOnce = 64;
  static constexpr size_t kMostHelpers = 512;
  // The longest waits of resolve(): for a name that has never had an answer, and for names that
  // have had one.
  static constexpr Duration kPatience = 5s;
  static constexpr Duration kBriefPatience = 1s;

  explicit Lookups(LookUp look_up = look_up_host);
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;
  ~Lookups();

  // Looks up every name of `model` and waits for the answers. A name without an answer in time
  // keeps its last addresses; a name that has never had an address has none, and a reason.
  ResolvedAddresses resolve(const config::Model& model);
  // The addresses known now.
  ResolvedAddresses known(const config::Model& model) const;

  // Starts a lookup, unless one for this name is under way.
  void start(const std::string& host);
  // Lookups wait for a helper: call proceed() soon.
  bool waiting() const;
  void proceed();
  // Increases when the addresses of a name change.
  uint64_t version() const;
  // Forgets all other names.
  void keep_only(const std::set<std::string>& hosts);

  struct Answered {
    std::string host;
    size_t addresses = 0;  // number of addresses known after the lookup
    std::string failure;   // empty: it succeeded
  };
  // The lookups that have ended since the last call.
  std::vector<Answered> take_answered();
  // `tell` is called on a helper when take_answered() has answers; null: it is called no more.
  void on_answered(std::function<void()> tell);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

// For a program that looks names up once.
ResolvedAddresses resolve_backends(const config::Model& model);

}  // namespace weir
