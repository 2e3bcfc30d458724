// Lookups: host names, looked up side by side on helper threads, and the last good answer of each.
//
// Owner: the server, by shared_ptr, since the loader's thread uses it as well. Every function may
// be called on every thread. At most kAtOnce lookups run that have begun just now; a name server
// that does not answer holds its helpers, up to kMostHelpers of them, and not the other names.
//
// Nothing can interrupt getaddrinfo(3). The destructor does not wait for it: a helper owns what it
// works on, finds nobody to tell, and ends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "server/resolve.h"

namespace weir {

class Lookups {
 public:
  using LookUp = std::function<LookupAnswer(const std::string& host)>;
  static constexpr size_t kAtOnce = 64;
  static constexpr size_t kMostHelpers = 512;
  // How long resolve() waits for names that have never been answered, and for those that have.
  static constexpr Duration kPatience = 5s;
  static constexpr Duration kBriefPatience = 1s;

  explicit Lookups(LookUp look_up = look_up_host);
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;
  ~Lookups();

  // Looks up every name of `model` now. A name that is not answered in time keeps its last
  // addresses; one that has never had any has none, and a reason.
  ResolvedAddresses resolve(const config::Model& model);
  // What is known at this moment.
  ResolvedAddresses known(const config::Model& model) const;

  // Unless it is under way already.
  void start(const std::string& host);
  // Some wait because too many have begun just now: call proceed() soon.
  bool waiting() const;
  void proceed();
  // Rises with every change of an address.
  uint64_t version() const;
  // Forgets the others.
  void keep_only(const std::set<std::string>& hosts);

  struct Answered {
    std::string host;
    size_t addresses = 0;  // known now
    std::string failure;   // of this lookup; empty: it succeeded
  };
  // All since the last call.
  std::vector<Answered> take_answered();
  // Called on a helper's thread when there is something to take; null: not any more.
  void on_answered(std::function<void()> tell);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

// For whoever looks names up once.
ResolvedAddresses resolve_backends(const config::Model& model);

}  // namespace weir
