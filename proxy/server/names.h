// Names: when the host names of the configuration in force are looked up again, and what is logged
// when that fails.
//
// Owner: the server; thread: the control loop's. A name whose lookup succeeds is looked up again
// after global.resolve_interval; one whose lookup fails after a second, then after twice as long
// each further time, up to the interval. The last addresses stay until a lookup gives others.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/random.h"
#include "event/timer.h"
#include "metrics/process_state.h"
#include "server/lookups.h"

namespace weir {

class Names {
 public:
  // `on_change`: a name may have other addresses than those in force. By the loop, never from
  // within use().
  Names(EventLoop& loop, std::shared_ptr<Lookups> lookups, ProcessState& state,
        std::function<void()> on_change);
  ~Names();

  // The names of the configuration in force, from now on.
  void use(const config::Model& model);
  Lookups& lookups() { return *lookups_; }

 private:
  struct Name {
    TimePoint due = kNever;  // kNever: it is being looked up
    uint32_t failures = 0;   // in a row
  };
  void tick();
  void arm();
  void take_answers();
  void note(Name& name, const Lookups::Answered& answer);
  Duration pause_after(const Name& name);

  // How a helper's thread finds back, as long as there is somebody.
  struct Way {
    EventLoop& loop;
    Names* names;  // the loop's thread only
  };

  EventLoop& loop_;
  const std::shared_ptr<Lookups> lookups_;
  ProcessState& state_;
  const std::function<void()> on_change_;
  std::map<std::string, Name> names_;
  Duration interval_{};
  uint64_t seen_ = 0;  // Lookups::version() of what on_change was called for
  Random random_;
  Timer timer_;
  std::shared_ptr<Way> way_;
};

}  // namespace weir
