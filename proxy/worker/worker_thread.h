// WorkerThread: a thread with a loop and a Worker on it. Owner: the server, on the control thread.
#pragma once

#include <functional>
#include <thread>

#include "base/log.h"
#include "worker/worker.h"

namespace weir {

class WorkerThread {
 public:
  WorkerThread(const Clock& clock, Log& log, uint32_t index, uint64_t seed, WorkerPeers& peers)
      : log_(log), loop_(clock), worker_(loop_, index, seed, peers), index_(index) {}
  ~WorkerThread() { stop(); }

  void start();
  // Returns when the thread has ended; it has run all work that was posted before.
  void stop();
  // Runs `message(worker)` on its thread. Any thread.
  void post(std::function<void(Worker&)> message) {
    loop_.post([this, message = std::move(message)] { message(worker_); });
  }

 private:
  Log& log_;
  EventLoop loop_;
  Worker worker_;
  const uint32_t index_;
  std::thread thread_;
};

}  // namespace weir
