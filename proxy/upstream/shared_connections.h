// SharedConnections: the connections of one pool that carry streams. The oldest one with a place is
// filled first, so that the last ones fall idle.
//
// Owner: a Pool, by value; thread: the worker's. It owns the connections. It remembers over reloads
// which version of HTTP a backend chose that may choose: the first connection to a backend that is
// not known yet is waited for, instead of connecting once for each request.
//
// Some backends end a connection by GOAWAY after a number of requests, and refuse the streams that
// follow. Where two connections have shown the same number, later ones get no more streams than
// that, so that a request is not refused again and again, until a connection has served as many
// without a GOAWAY.
#pragma once

#include <optional>

#include "base/intrusive_list.h"
#include "upstream/cluster_spec.h"
#include "upstream/reservation.h"

namespace weir {

class Cluster;
class Pool;
class SharedConnection;
struct SharedNode;

class SharedConnections {
 public:
  explicit SharedConnections(Pool& pool) : pool_(pool) {}
  ~SharedConnections() { close(); }

  // A connection with a place; a new one if none has a place and the pool has room. Null: full.
  // `reservation`: see Pool::open().
  SharedConnection* claim(Cluster& cluster, BackendIndex backend, Reservation& reservation);
  bool has_place() const { return !usable_.empty(); }
  // A backend allows no streams now: another connection would not help.
  bool refuses_streams();
  // The limits of the pool have changed.
  void renew();
  // The youngest connection ends at once if it is idle: another kind of connection needs the room.
  void drop_idle();
  // The oldest one takes no new streams if it has served for a second: a waiter of another worker
  // wants its place.
  void retire_oldest();
  // Idle connections leave; the others do when they become idle.
  void begin_drain();
  void close();  // none has a stream
  size_t idle() const { return idle_; }

  // Of SharedConnection: it may have a place or not; it may become idle, and is idle; it ends.
  void update(SharedConnection& connection);
  bool may_idle(Duration keep_time) const;
  void count_idle(SharedConnection& connection, bool idle);
  void drop(SharedConnection& connection);
  void note_protocol(bool http2) { protocol_ = http2 ? Protocol::http2 : Protocol::http1; }
  bool expects_http1() const { return protocol_ == Protocol::http1; }
  // A GOAWAY has refused streams behind this number of them, or none has come after as many.
  void note_last_stream(uint32_t streams);
  void note_served(uint32_t streams);
  // The most that a connection with these streams may have: those that are open, and those that
  // the backend still takes.
  uint32_t most_streams(uint32_t open, uint32_t served) const {
    if (!streams_.has_value()) return UINT32_MAX;
    return open + (*streams_ > served ? *streams_ - served : 0);
  }

 private:
  enum class Protocol : uint8_t { unknown, http1, http2 };
  void set_streams(std::optional<uint32_t> streams);

  Pool& pool_;
  IntrusiveList<SharedConnection, SharedNode> usable_;  // have a place, the oldest first
  IntrusiveList<SharedConnection, SharedNode> others_;
  uint64_t last_number_ = 0;
  size_t idle_ = 0;
  std::optional<uint32_t> streams_;  // of a connection
  uint32_t last_stream_ = 0;         // the same, as the last GOAWAY showed it
  Protocol protocol_ = Protocol::unknown;
};

}  // namespace weir
