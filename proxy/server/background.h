// Background: work of the control thread that takes longer than its loop may wait: comparing and
// compiling configurations, rendering /metrics and JSON, freeing what is large. Jobs run one after
// the other, in the order of asking, on a thread of its own with a lower priority than those that
// serve.
//
// Owner: the control plane; thread: run() and make() are the control loop's. The series registry
// and what the snapshot store compiles from belong to the jobs: nothing else touches them while the
// thread runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>

#include "base/log.h"
#include "event/event_loop.h"

namespace weir {

// Bin: what takes long to free, such as a configuration with many backends. Any thread puts it
// there; the background thread frees it.
class Bin {
 public:
  // When the background thread has ended, `free` runs before this returns.
  void put(std::function<void()> free);
  // An owner whose end puts the object there. Without a bin it frees as usual.
  template <typename T>
  static std::shared_ptr<T> owner(const std::shared_ptr<Bin>& bin, T* object) {
    if (!bin) return std::shared_ptr<T>(object);
    return std::shared_ptr<T>(object, [bin](T* gone) { bin->put([gone] { delete gone; }); });
  }
  // Another owner of what `object` owns; its end puts `object` there.
  template <typename T>
  static std::shared_ptr<T> owner(const std::shared_ptr<Bin>& bin, std::shared_ptr<T> object) {
    T* const raw = object.get();
    return std::shared_ptr<T>(raw, [bin, object = std::move(object)](T*) mutable {
      bin->put([gone = std::move(object)] {});
    });
  }

 private:
  friend class Background;
  std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_, garbage_;
  bool ended_ = false;
};

class Background {
 public:
  Background(EventLoop& control, Log& log);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Waits for the job that runs; those that have not begun are dropped.
  void stop();
  // Runs `work` on the thread, then `done` on the control loop. After stop() `work` runs before
  // this returns.
  void run(std::function<void()> work, std::function<void()> done = nullptr);
  // The same, with what `make` returns handed to `use`.
  template <typename Make, typename Use>
  void make(Make make, Use use) {
    auto made = std::make_shared<std::optional<std::invoke_result_t<Make>>>();
    run([made, make = std::move(make)]() mutable { made->emplace(make()); },
        [made, use = std::move(use)]() mutable { use(std::move(**made)); });
  }
  const std::shared_ptr<Bin>& bin() const { return bin_; }

 private:
  void serve();

  EventLoop& control_;
  Log& log_;
  const std::shared_ptr<Bin> bin_ = std::make_shared<Bin>();
  std::thread thread_;
};

// The calling thread gives way to those that serve when there are not enough cores for all.
void lower_priority();

}  // namespace weir
