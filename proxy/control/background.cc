#include "control/background.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include <utility>

namespace weir {
namespace {

constexpr int kNiceness = 5;  // a third of the weight of a worker

}  // namespace

void lower_priority() {
  // On Linux this applies to the calling thread only. weir also works without it.
  (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
}

void Bin::add(std::function<void()> free, bool owned) {
  {
    std::lock_guard lock(mutex_);
    if (!ended_) {
      trim_ |= owned;
      garbage_.push_back(std::move(free));
      changed_.notify_one();
      return;
    }
  }
  free();
}

Background::Background(EventLoop& control, Log& log)
    : control_(control), log_(log), thread_([this] { serve(); }) {}

Background::~Background() {
  stop();
  std::deque<std::function<void()>> garbage;
  std::swap(garbage, bin_->garbage_);  // nothing is added from now on
  for (auto& free : garbage) free();
}

void Background::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(bin_->mutex_);
    bin_->ended_ = true;
  }
  bin_->changed_.notify_one();
  thread_.join();
}

void Background::run(std::function<void()> work, std::function<void()> done) {
  auto job = [this, work = std::move(work), done = std::move(done)]() mutable {
    work();
    work = nullptr;  // its objects are freed here, not on the control loop
    if (done) control_.post(std::move(done));
  };
  if (!thread_.joinable()) return job();
  std::lock_guard lock(bin_->mutex_);
  bin_->jobs_.push_back(std::move(job));
  bin_->changed_.notify_one();
}

void Background::serve() {
  pthread_setname_np(pthread_self(), "background");
  lower_priority();
  LogThread log_thread(log_);
  std::unique_lock lock(bin_->mutex_);
  for (;;) {
    bin_->changed_.wait(
        lock, [&] { return bin_->ended_ || !bin_->jobs_.empty() || !bin_->garbage_.empty(); });
    if (bin_->ended_ && bin_->jobs_.empty()) return;
    auto& queue = bin_->jobs_.empty() ? bin_->garbage_ : bin_->jobs_;
    std::function<void()> job = std::move(queue.front());
    queue.pop_front();
    const bool last = bin_->jobs_.empty() && bin_->garbage_.empty();
    const bool trim = last && std::exchange(bin_->trim_, false);
    lock.unlock();
    job();
    job = nullptr;
    // A configuration was made by other threads: free() keeps its memory in their arenas.
    if (trim) ::malloc_trim(0);
    lock.lock();
  }
}

}  // namespace weir
