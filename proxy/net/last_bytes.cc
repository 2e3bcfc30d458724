#include "net/last_bytes.h"

#include <algorithm>

namespace weir {
namespace {

constexpr Duration kFirstLook = 5ms;
constexpr Duration kLastInterval = 200ms;
constexpr int kDiscardsPerLook = 16;

// False: there may be more bytes than one call discards.
bool discard_from(Channel side) {
  char discarded[4096];
  for (int i = 0; i < kDiscardsPerLook; ++i) {
    if (!side.is_open() || !side.readable() || side.failed() || side.cut_off()) return true;
    if (side.read(discarded).status != Io::Status::ok) return true;
  }
  return false;
}

// Bytes that `side` has not acknowledged; 0 when it cannot acknowledge them.
size_t undelivered_bytes(Channel side) {
  // After a reset the kernel still counts the bytes that it has dropped.
  return !side.failed() && !side.has_pending_error() ? side.unacknowledged() : 0;
}

// Bytes that the half has read and its sink has not taken.
size_t in_hand_of(HalfPipe& half) {
  return half.pump() == HalfPipe::State::open ? half.in_hand() : 0;
}

}  // namespace

void LastBytes::begin(TimePoint now) {
  last_moved_ = now;
  interval_ = kFirstLook;
  on_the_way_ = 0;
}

bool LastBytes::arrived(Channel client, Channel backend, Pipe* pipe, TimePoint now) {
  const size_t up = pipe != nullptr ? in_hand_of(pipe->request) : 0;
  const size_t down = pipe != nullptr ? in_hand_of(pipe->response) : 0;
  const bool client_emptied = discard_from(client);
  all_discarded_ = discard_from(backend) && client_emptied;
  return note(down + undelivered_bytes(client), up + undelivered_bytes(backend), now);
}

bool LastBytes::arrived(Channel client, TimePoint now) {
  all_discarded_ = discard_from(client);
  return note(undelivered_bytes(client), 0, now);
}

bool LastBytes::note(size_t to_client, size_t to_backend, TimePoint now) {
  for_client_ = to_client > 0 && to_backend == 0;
  const size_t now_on_the_way = to_client + to_backend;
  if (now_on_the_way < on_the_way_) {
    last_moved_ = now;
    interval_ = kFirstLook;
  }
  // Discarding lets a receiver finish sending and then read; it is no progress of the delivery.
  if (!all_discarded_) interval_ = kFirstLook;
  on_the_way_ = now_on_the_way;
  next_check_ = now + interval_;
  interval_ = std::min(2 * interval_, kLastInterval);
  return now_on_the_way == 0;
}

}  // namespace weir
