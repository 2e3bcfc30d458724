// Names: schedules the lookups of the host names of the configuration in force, and logs lookups
// that fail.
//
// Owner: the server; thread: the control loop's. A name is looked up again global.resolve_interval
// after a lookup that succeeded. After a failed lookup it is looked up again after a second; each
// further failure in a row doubles that time, up to the interval. A name keeps its last addresses
// until a lookup gives others.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "control/lookups.h"
#include "event/timer.h"
#include "metrics/process_state.h"

namespace weir {

class Names {
 public:
  // While names change one after another, `on_change` is called once in this time.
  static constexpr Duration kCoalesce = 200ms;

  // `on_change`: the addresses of a name may differ from those in force. Called by the loop, after
  // the first use() and never from within it.
  Names(EventLoop& loop, std::shared_ptr<Lookups> lookups, ProcessState& state,
        std::function<void()> on_change);
  ~Names();

  // `model` is the configuration in force from now on. The first call starts the lookups.
  void use(const config::Model& model);
  Lookups& lookups() { return *lookups_; }

 private:
  struct Name {
    TimePoint due = kNever;  // of its next lookup; kNever: a lookup is under way
    uint32_t failures = 0;   // in a row
  };
  using NameMap = std::map<std::string, Name, std::less<>>;
  void subscribe();
  void tick();
  void arm();
  void schedule(NameMap::value_type& entry, TimePoint due);
  void add(const std::string& host);
  void take_answers();
  void note(NameMap::value_type& entry, const Lookups::Answered& answer);
  void report_change();
  Duration pause_after(const Name& name);

  // The lookup threads share it; it outlives this object.
  struct Route {
    EventLoop& loop;
    Names* names;  // null: destroyed. The loop's thread only
  };

  EventLoop& loop_;
  const std::shared_ptr<Lookups> lookups_;
  ProcessState& state_;
  const std::function<void()> on_change_;
  NameMap names_;
  std::set<std::pair<TimePoint, std::string_view>> due_;  // names that have a time, by that time
  // The last answers for names that are not in the configuration in force: a reload looks names up
  // before its configuration is.
  std::map<std::string, Lookups::Answered> early_;
  Duration interval_{};
  uint64_t seen_ = 0;  // Lookups::version() at the last call of on_change_
  Random random_;
  Timer timer_;
  Timer change_;                  // pending: on_change_ is to be called
  TimePoint next_change_{};       // not before
  std::shared_ptr<Route> route_;  // null before the first use()
};

}  // namespace weir
