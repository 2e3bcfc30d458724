// LastBytes: waits until both sides have received the bytes that were sent to them, before their
// connections are aborted.
//
// A reset destroys bytes in transit. When one side has failed, the bytes that it sent before are
// delivered to the other first: the pipe writes them, and the receiver's kernel acknowledges them.
// An acknowledgement is no event, so this class polls for it. Bytes that the two sides send
// meanwhile are discarded, because a receiver may read only after it has sent. Owner: a TcpSession
// or an Exchange, by value; the owner limits the wait, and aborts. Thread: the worker's.
#pragma once

#include "net/pipe.h"

namespace weir {

class LastBytes {
 public:
  void begin(TimePoint now);
  // True: all bytes have arrived, or cannot arrive. `pipe` between the two may hold bytes; null:
  // there is no pipe.
  bool arrived(Channel client, Channel backend, Pipe* pipe, TimePoint now);
  bool arrived(Channel client, TimePoint now);  // without a backend

  TimePoint next_check() const { return next_check_; }
  TimePoint last_moved() const { return last_moved_; }
  bool for_client() const { return for_client_; }  // the client has not received all its bytes

 private:
  bool note(size_t to_client, size_t to_backend, TimePoint now);

  TimePoint next_check_{};
  TimePoint last_moved_{};
  Duration interval_{};
  size_t on_the_way_ = 0;
  bool for_client_ = false;
  bool all_discarded_ = true;  // of the bytes that arrived, in the last check
};

}  // namespace weir
