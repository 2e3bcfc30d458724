// FakeNames: replaces the system's resolver; a name that a test has not set does not exist. Any
// thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/lookups.h"

namespace weir::test {

class FakeNames {
 public:
  // Addresses as text, without ports; none: the lookup fails.
  void set(const std::string& host, const std::vector<std::string>& addresses) {
    LookupAnswer answer;
    for (const std::string& text : addresses) {
      const bool v6 = text.find(':') != std::string::npos;
      answer.addresses.push_back(
          Address::parse(v6 ? "[" + text + "]:1" : text + ":1")->with_port(0));
    }
    if (addresses.empty()) answer.failure = "cannot look up '" + host + "': it is gone";
    const std::lock_guard lock(state_->mutex);
    state_->answers[host] = std::move(answer);
  }
  size_t lookups(const std::string& host) const {
    const std::lock_guard lock(state_->mutex);
    return state_->lookups[host];
  }
  // The resolver for Lookups; it may be used after the destruction of this object.
  Lookups::LookUp look_up() const {
    return [state = state_](const std::string& host) -> LookupAnswer {
      const std::lock_guard lock(state->mutex);
      ++state->lookups[host];
      const auto known = state->answers.find(host);
      if (known == state->answers.end())
        return {{}, "cannot look up '" + host + "': Name or service not known"};
      return known->second;
    };
  }

 private:
  struct State {
    std::mutex mutex;
    std::map<std::string, LookupAnswer> answers;
    std::map<std::string, size_t> lookups;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace weir::test
