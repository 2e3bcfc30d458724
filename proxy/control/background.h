// Background: runs work that would block the control loop: comparing and compiling configurations,
// rendering /metrics and JSON, parsing large requests, freeing large objects. Jobs run one after
// the other, in the order of the calls, on a thread with a lower priority than the workers.
//
// Owner: the control plane; thread: run(), make() and stop() are the control loop's. While the
// thread runs, only its jobs use the series registry and what the snapshot store compiles from.
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

// Bin: objects that take long to free, such as a configuration with many backends. Any thread puts
// objects there; the background thread frees them. An object with an owner() is a configuration or
// was made from one: when it is freed, its memory goes back to the kernel.
class Bin {
 public:
  // After the end of the background thread `free` runs before this returns.
  void put(std::function<void()> free) { add(std::move(free), false); }
  // An owner whose destructor puts the object into the bin. Without a bin it frees the object.
  template <typename T>
  static std::shared_ptr<T> owner(const std::shared_ptr<Bin>& bin, T* object) {
    if (!bin) return std::shared_ptr<T>(object);
    return std::shared_ptr<T>(object, [bin](T* gone) { bin->add([gone] { delete gone; }, true); });
  }
  // Another owner of the same object; its destructor puts `object` into the bin.
  template <typename T>
  static std::shared_ptr<T> owner(const std::shared_ptr<Bin>& bin, std::shared_ptr<T> object) {
    T* const raw = object.get();
    return std::shared_ptr<T>(raw, [bin, object = std::move(object)](T*) mutable {
      bin->add([gone = std::move(object)] {}, true);
    });
  }

 private:
  friend class Background;
  void add(std::function<void()> free, bool owned);

  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_, garbage_;
  bool ended_ = false;
  bool trim_ = false;  // an object with an owner() was added since memory was given back
};

class Background {
 public:
  Background(EventLoop& control, Log& log);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Waits until all jobs have run: a job may answer a client.
  void stop();
  // Runs `work` on the thread, then `done` on the control loop. After stop() `work` runs before
  // this returns.
  void run(std::function<void()> work, std::function<void()> done = nullptr);
  // The same; `use` gets what `make` returns.
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

// The workers' threads get more CPU time than the calling one when cores are scarce.
void lower_priority();

}  // namespace weir
