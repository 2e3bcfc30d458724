// LastBytes: waits until what two sides were sent has arrived, before their connections are
// aborted.
//
// A reset destroys what is on its way. So when one side fails, what was received of it before is
// first delivered to the other: written by the pipe, then acknowledged by the receiver's kernel,
// which gives no event and is asked now and then. What the two still send is discarded, so that a
// receiver that is busy sending comes to read. Owner: a TcpSession or an Exchange, by value; it
// decides how long it waits, and aborts. Thread: the worker's.
#pragma once

#include "net/pipe.h"

namespace weir {

class LastBytes {
 public:
  void begin(TimePoint now);
  // True: everything has arrived, or never will. `pipe` of the two may hold bytes; null: none does.
  bool arrived(Transport& client, Transport& backend, Pipe* pipe, TimePoint now);
  bool arrived(Transport& client, TimePoint now);  // there is no backend

  TimePoint next_check() const { return next_check_; }
  TimePoint last_moved() const { return last_moved_; }
  bool for_client() const { return for_client_; }  // it is the client that has not taken everything

 private:
  bool note(size_t to_client, size_t to_backend, TimePoint now);

  TimePoint next_check_{};
  TimePoint last_moved_{};
  Duration interval_{};
  size_t on_the_way_ = 0;
  bool for_client_ = false;
  bool all_discarded_ = true;  // of what the two still sent, in the last look
};

}  // namespace weir
