// SharedStream: a place on a SharedConnection, for one request, and the stream that it becomes.
//
// Owner: the backend's end of an exchange; thread: the worker's. From SharedConnection::join() to
// leave() it counts as a place of its connection, whatever has become of the stream: what is
// limited is work (trap T22). While it waits, the writer of the stream is called when place() has
// changed, by the loop's yield (trap T23).
#pragma once

#include <optional>

#include "base/outcomes.h"
#include "h2/h2_stream.h"
#include "http/hpack_decoder.h"
#include "upstream/pool.h"

namespace weir {

class SharedConnection;

struct PlaceNode : ListNode {};  // in the list of those that wait

class SharedStream : public H2Stream, public PlaceNode {
 public:
  enum class Place : uint8_t {
    none,
    waiting,  // for the connection, for its SETTINGS, or for the ACK of a PING
    ready,    // SharedConnection::open() begins the stream
    open,     // it has begun
    refused,  // there is no connection: it could not be made
    moved,    // the request goes elsewhere: nothing of it was sent
  };

  explicit SharedStream(BufferPool& buffers) : H2Stream(buffers) {}

  Place place() const { return place_; }
  SharedConnection* shared_connection() const { return connection_; }
  // After Place::moved: the connection turned out to be one of HTTP/1, and is for this request.
  Lease take_lease() { return std::move(lease_); }
  // Why the stream is over before its end; none: the backend is at fault, or the stream is not
  // over.
  std::optional<RetryCause> why_ended() const { return why_ended_; }
  // By a GOAWAY, or refused before the limit of streams was known: the same backend may serve the
  // request, maybe by another connection (RFC 9113 5.1.2, 6.8).
  bool left_by_connection() const { return left_by_connection_; }
  // By HTTP_1_1_REQUIRED (RFC 9113 7).
  bool requires_http1() const { return requires_http1_; }
  // It was the first one after the connection was idle: the backend may have closed it meanwhile.
  bool first_after_idle() const { return first_after_idle_; }

 protected:
  ~SharedStream() = default;

  // See H2LinkOwner.
  virtual H2FieldTarget on_fields(H2Fields kind) = 0;
  virtual void on_fields_end(H2Fields kind, const HpackOutcome& outcome, bool end) = 0;

  // Before open(): read() and write() fail.
  void reset_unsent() { reset_ = readable_ = writable_ = true; }

 private:
  friend class SharedConnection;

  void note_end(std::optional<RetryCause> cause) {
    if (place_ != Place::open || ended_noted_) return;
    ended_noted_ = true;
    why_ended_ = cause;
  }
  // Before a frame of it was written.
  void fail_unsent() {
    note_end(RetryCause::not_sent);
    left_by_connection_ = true;
    reset_unsent();
  }
  void tell_place() {
    if (writer_ != nullptr) writer_->on_writable();
  }

  SharedConnection* connection_ = nullptr;
  Lease lease_;
  uint64_t head_at_ = 0;          // of its HEADERS in the outbox
  uint64_t received_before_ = 0;  // bytes of the connection, when it was sent
  std::optional<RetryCause> why_ended_;
  Place place_ = Place::none;
  bool repeatable_ = false;
  bool needs_settings_ = false;
  bool before_settings_ = false;  // it began before they had come
  bool first_after_idle_ = false;
  bool left_by_connection_ = false;
  bool requires_http1_ = false;
  bool ended_noted_ = false;
};

}  // namespace weir
