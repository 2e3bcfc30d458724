// OpenSessions: the sessions of a worker, in the order in which they were accepted. After a reload
// it tells each of them of the configuration in force, a bounded number in a turn of the loop.
//
// Owner: the Worker; thread: the worker's. A session unlinks itself when it ends. Invariant:
// renewed_ has the sessions that know the configuration in force, and those in behind_ are younger.
#pragma once

#include "event/event_loop.h"
#include "session/session.h"

namespace weir {

class OpenSessions final : private Yielding {
 public:
  static constexpr int kRenewedPerTurn = 1000;

  explicit OpenSessions(EventLoop& loop) : loop_(loop) {}

  void push_back(Session& session) { (behind_.empty() ? renewed_ : behind_).push_back(session); }
  // Oldest first. `visit` may end any session.
  template <typename Visitor>
  void for_each_safe(Visitor&& visit) {
    renewed_.for_each_safe(visit);
    behind_.for_each_safe(visit);
  }
  // Another configuration is in force.
  void renew() {
    renewed_.take_all(behind_);
    behind_.take_all(renewed_);
    if (!behind_.empty()) loop_.yield(*this);
  }

 private:
  using Sessions = IntrusiveList<Session, SessionNode>;

  void on_resume() override {
    for (int i = 0; i < kRenewedPerTurn; ++i) {
      Session* const session = behind_.pop_front();
      if (session == nullptr) return;
      renewed_.push_back(*session);
      session->on_reload();
    }
    if (!behind_.empty()) loop_.yield(*this);
  }

  EventLoop& loop_;
  Sessions renewed_, behind_;
};

}  // namespace weir
