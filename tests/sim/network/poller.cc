#include "os/poller.h"

#include <sys/epoll.h>

#include <algorithm>

#include "base/check.h"
#include "network/kernel.h"

namespace weir {
namespace {

using sim::Kernel;
using sim::Network;

// epoll_dispatch() of libevent 2.1: an error or a bare hang-up says only "readable, writable".
Readiness as_libevent(uint32_t mask) {
  if ((mask & EPOLLERR) != 0 || ((mask & EPOLLHUP) != 0 && (mask & EPOLLRDHUP) == 0))
    return {true, true, false};
  return {(mask & EPOLLIN) != 0, (mask & EPOLLOUT) != 0, (mask & EPOLLRDHUP) != 0};
}

}  // namespace

bool IoWatch::start(Poller& poller, int fd, Mode mode, void* owner, Callback callback) {
  DCHECK(!active());
  if (!Kernel::current().watch(fd, this, [this] { poller_->mark(*this); })) return false;
  poller_ = &poller;
  fd_ = fd;
  mode_ = mode;
  callback_ = callback;
  owner_ = owner;
  pending_ = false;
  poller.watches_.push_back(this);
  // Readiness that exists already is reported as an edge; a level is checked each time.
  if (mode == Mode::level_read || Kernel::current().mask(fd) != 0) poller.mark(*this);
  return true;
}

void IoWatch::stop() {
  if (!active()) return;
  Kernel::current().unwatch(fd_, this);
  std::erase(poller_->watches_, this);
  std::erase(poller_->marked_, this);
  for (Poller::Ready& ready : poller_->batch_)
    if (ready.watch == this) ready.watch = nullptr;
  callback_ = nullptr;
}

Poller::~Poller() {
  if (!watches_.empty())
    Kernel::current().violations().push_back("the poller goes before a watch does");
}

void Poller::wait(Duration timeout) {
  Network& network = Kernel::current().network();
  const bool forever = timeout == Duration::max();
  // Even a turn that does not sleep takes time, and now and then the machine runs other processes.
  network.pass(Duration(1000 + network.random().below(network.chance(20) ? 3000000 : 20000)));
  const TimePoint until = forever ? kNever : network.now() + timeout;
  for (collect(); batch_.empty() && !woken_ && network.now() < until; collect()) {
    const TimePoint next = std::min(network.next_event(), until);
    CHECK(next != kNever);  // there are no more events
    network.pass(std::max(next - network.now(), Duration::zero()));
  }
  woken_ = false;
  dispatch();
}

void Poller::mark(IoWatch& watch) {
  if (!std::exchange(watch.pending_, true)) marked_.push_back(&watch);
}

// epoll_wait: the descriptors that are ready now, in any order, and not always all of them.
void Poller::collect() {
  Network& network = Kernel::current().network();
  if (!watches_.empty() && network.chance(network.conditions().false_edges))
    mark(*watches_[network.random().below(watches_.size())]);
  std::vector<IoWatch*> later;
  for (IoWatch* watch : std::exchange(marked_, {})) {
    const bool level = watch->mode_ == IoWatch::Mode::level_read;
    const bool now = !network.chance(100);
    if (level || !now)
      later.push_back(watch);
    else
      watch->pending_ = false;
    if (!now) continue;
    Readiness what = as_libevent(Kernel::current().mask(watch->fd_));
    if (level) what.writable = what.closed = false;
    if (what.readable || what.writable || what.closed) batch_.push_back({watch, what});
  }
  marked_.insert(marked_.end(), later.begin(), later.end());
  for (size_t i = batch_.size(); i > 1; --i)
    std::swap(batch_[i - 1], batch_[network.random().below(i)]);
}

void Poller::dispatch() {
  // By index: a callback may start and stop watches.
  for (size_t i = 0; i < batch_.size(); ++i) {
    const auto [watch, what] = batch_[i];
    if (watch != nullptr) watch->callback_(watch->owner_, what);
  }
  batch_.clear();
}

}  // namespace weir
