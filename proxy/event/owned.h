// Retirable and Owned<T>: ownership of objects that libevent may call (traps T1, T2).
//
// Destroying an Owned<T> closes the object at once (no further callback; its descriptors are
// closed) and frees its memory at the end of the loop's turn, when no stack frame can still use it.
// The destructor of a Retirable is protected: `delete`, a local variable and a plain unique_ptr do
// not compile.
#pragma once

#include <memory>
#include <utility>

#include "base/intrusive_list.h"

namespace weir {

class EventLoop;

class Retirable : private ListNode {
 public:
  EventLoop& loop() const { return loop_; }

 protected:
  explicit Retirable(EventLoop& loop) : loop_(loop) {}
  Retirable(const Retirable&) = delete;
  Retirable& operator=(const Retirable&) = delete;
  virtual ~Retirable() = default;

  // Idempotent. Afterwards nothing calls this object any more.
  virtual void close() = 0;

 private:
  friend class EventLoop;
  friend struct Retire;
  template <typename T, typename Tag>
  friend class IntrusiveList;
  EventLoop& loop_;
};

// The deleter: close now, free at the end of the turn.
struct Retire {
  void operator()(Retirable* object) const;
};

template <typename T>
using Owned = std::unique_ptr<T, Retire>;

template <typename T, typename... Args>
Owned<T> make_owned(Args&&... args) {
  return Owned<T>(new T(std::forward<Args>(args)...));
}

}  // namespace weir
