// Loader: reads configurations on a thread of its own, one at a time: files and name servers may be
// slow, the control loop may not.
//
// Owner: the server; thread: the control loop's. A request that comes while a load runs waits and
// then causes another load, because the file may have changed since the running one read it: no
// request is ever lost. Waiting requests for the same source are answered by one load. The running
// configuration's own source is read before other files and texts that wait.
//
// A name server that does not answer delays a load by some seconds (lookups.h). stop() and the
// destructor do not wait for the thread: it owns what it works on, and drops the result.
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

// Invalid: `loaded.diagnostics` say why. Failed: something outside the text did.
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

  // Both must own what they use: they may still run after the Loader's end.
  Loader(EventLoop& control, Load load, Resolve resolve = resolve_backends)
      : load_(std::move(load)),
        resolve_(std::move(resolve)),
        way_(std::make_shared<Way>(control, *this)) {}
  ~Loader() { stop(); }
  // Drops all requests, also that of the load that is under way, and those to come: who asked is
  // told by the end of their Done.
  void stop();

  // What a load is compared with: asked for on the control thread, when one begins.
  void compare_with(InForce in_force) { in_force_ = std::move(in_force); }

  // On the calling thread; for the start.
  static LoadResult load_now(const Load& load, const Resolve& resolve = resolve_backends,
                             const TlsInForce* before = nullptr);
  void request(Done done);
  // Another file than the running configuration's; for `weir plan`.
  void request_file(std::string path, Done done);
  // A text that a client sent. Files and hosts that it names are not read or looked up, since the
  // sender may have fewer rights than weir. The caller bounds how many wait.
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

  // How a thread reports its result, as long as the loader exists.
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
