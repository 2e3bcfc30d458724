// Loader: reads configurations on a thread of its own, one at a time, because files and name
// servers may be slow.
//
// Owner: the server; thread: the control loop's. A request that comes while a load runs waits and
// then causes another load, because the file may have changed since the running load read it: no
// request is lost. One load answers all waiting requests for the same source. The source of the
// configuration in force is read before other files and texts that wait.
//
// A name server that does not answer delays a load by some seconds (lookups.h). stop() and the
// destructor do not wait for the thread: it owns the objects that it uses, and drops its result.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/snapshot_store.h"
#include "event/event_loop.h"

namespace weir {

// Invalid: see `loaded.diagnostics`. Failed: the error is outside the text.
struct LoadResult {
  Candidate candidate;
  std::optional<Error> failure;
  bool valid() const { return candidate.loaded.valid() && !failure; }
};

class Loader {
 public:
  using Load = std::function<config::Loaded()>;
  using Resolve = std::function<ResolvedAddresses(const config::Model&)>;
  using InForce = std::function<std::shared_ptr<const TlsInForce>()>;
  using Done = std::function<void(std::shared_ptr<LoadResult>)>;

  // Both must own the objects that they use: they may run after the destruction of the Loader.
  Loader(EventLoop& control, Load load, Resolve resolve = resolve_backends)
      : load_(std::move(load)),
        resolve_(std::move(resolve)),
        way_(std::make_shared<Way>(control, *this)) {}
  ~Loader() { stop(); }
  // Drops all requests: waiting, running and future ones. A dropped request's Done is destroyed
  // without a call.
  void stop();

  // A load is compared with the result of `in_force`, which is called on the control thread when
  // the load begins.
  void compare_with(InForce in_force) { in_force_ = std::move(in_force); }

  // Loads on the calling thread; for the start.
  static LoadResult load_now(const Load& load, const Resolve& resolve = resolve_backends,
                             const TlsInForce* before = nullptr);
  void request(Done done);
  // Loads another file than that of the configuration in force; for `weir plan`.
  void request_file(std::string path, Done done);
  // Loads a text that a client sent. Files and hosts that it names are not read or looked up, since
  // the sender may have fewer rights than weir. The caller bounds the number of waiting texts.
  void request_text(std::string text, Done done);
  bool busy() const { return busy_; }

 private:
  struct Job {
    std::string path;                         // empty: the running configuration's source
    std::shared_ptr<const std::string> text;  // instead of a file; null: none
    std::vector<Done> waiting;
  };
  bool stopped() const { return way_->control == nullptr; }
  void enqueue(std::string path, Done done);
  std::function<LoadResult()> work() const;
  void start_next();
  void finish(std::shared_ptr<LoadResult> result);

  // The way of a thread's result to the loader, as long as the loader exists.
  struct Way {
    Way(EventLoop& loop, Loader& to) : control(&loop), loader(&to) {}
    std::mutex mutex;  // guards the two against the thread
    EventLoop* control;
    Loader* loader;
  };

  const Load load_;
  const Resolve resolve_;
  InForce in_force_;
  const std::shared_ptr<Way> way_;
  std::vector<Job> jobs_;  // the first one is running when busy_
  bool busy_ = false;
};

}  // namespace weir
