// SendOrder: the streams of a connection that have more to send than fits into its Outbox, in the
// order in which they get its room: RFC 9218 10. Lower urgencies come first. Within one, streams
// that are not incremental come one after the other in order of their ids, then incremental ones in
// turn.
//
// A stream without window, and one whose source has sent nothing, is not in it. Owner: an H2Link;
// thread: the worker's. An element unlinks itself when it is destroyed. Adding costs time for each
// stream that comes after it, at most http2.max_streams.
#pragma once

#include "base/intrusive_list.h"
#include "http/h2_priority.h"

namespace weir {

class WaitingToSend : public ListNode {
 public:
  H2Priority priority() const { return priority_; }
  void set_priority(H2Priority priority) { priority_ = priority; }

 protected:
  ~WaitingToSend() = default;

 private:
  H2Priority priority_;
};

template <typename Stream>
class SendOrder {
 public:
  bool empty() const { return streams_.empty(); }
  void add(Stream& stream) {
    if (static_cast<WaitingToSend&>(stream).linked()) return;
    IntrusiveList<Stream, WaitingToSend> later;
    while (!streams_.empty() && comes_after(streams_.back(), stream)) {
      Stream& last = streams_.back();
      static_cast<WaitingToSend&>(last).unlink();
      later.push_front(last);
    }
    streams_.push_back(stream);
    streams_.take_all(later);
  }
  Stream* take() { return streams_.pop_front(); }  // the next one; null: none

 private:
  static bool comes_after(const Stream& a, const Stream& b) {
    const H2Priority one = a.priority(), other = b.priority();
    if (one.urgency != other.urgency) return one.urgency > other.urgency;
    if (one.incremental != other.incremental) return one.incremental;
    return !one.incremental && a.id() > b.id();
  }

  IntrusiveList<Stream, WaitingToSend> streams_;
};

}  // namespace weir
