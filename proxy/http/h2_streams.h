// H2StreamState: what an H2Connection knows of one stream; the owner's object of the stream has it
// as a base. H2Streams: the streams of a connection by id.
//
// Owner: the owner of the stream. A stream that is attached to a connection is in its map and must
// be detached before it is destroyed; the connection never touches it after it was detached. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"
#include "http/h2_frames.h"
#include "http/h2_windows.h"

namespace weir {

class H2StreamState {
 public:
  H2StreamState() = default;
  H2StreamState(const H2StreamState&) = delete;
  H2StreamState& operator=(const H2StreamState&) = delete;

  uint32_t id() const { return id_; }
  bool attached() const { return attached_; }
  bool ended_by_peer() const { return ended_by_peer_; }  // END_STREAM has come
  bool ended() const { return ended_; }                  // and has been sent
  // From now on the connection compares the bytes of the body with this length: more or less is a
  // fault of the peer (RFC 9113 8.1.1).
  void expect_length(uint64_t bytes) {
    expected_ = bytes;
    has_length_ = true;
  }
  // Client: the final head has come; fields after it are trailers. (A server's stream has its head
  // with its first HEADERS.)
  void expect_trailers() { head_seen_ = true; }

 protected:
  ~H2StreamState() { DCHECK(!attached_); }

 private:
  friend class H2Connection;
  friend class H2Streams;

  // Before it is attached. An object may be a stream again after it was detached.
  void begin(uint32_t send_window) {
    expected_ = 0;
    send_window_ = int32_t(send_window);
    window_ = H2ReceiveWindow();
    held_ = 0;
    has_length_ = head_seen_ = ended_by_peer_ = ended_ = window_opened_ = false;
  }

  H2StreamState* previous_ = nullptr;  // in order of attachment
  H2StreamState* next_ = nullptr;
  uint64_t expected_ = 0;  // bytes of the body that are still to come
  uint32_t id_ = 0;
  int32_t send_window_ = 0;  // RFC 9113 6.9.2: may be negative
  H2ReceiveWindow window_;
  uint32_t held_ = 0;  // untaken bytes that the connection's window waits for
  bool has_length_ = false;
  bool head_seen_ = false;
  bool attached_ = false;
  bool ended_by_peer_ = false;
  bool ended_ = false;
  bool window_opened_ = false;  // by SETTINGS, and on_window() was not called yet
};

// Open addressing over pointers. No memory before the first stream, then 64 bytes, doubled; up to
// kKeptMemory are kept when the last stream is erased, so that steady traffic allocates nothing.
class H2Streams {
 public:
  static constexpr size_t kKeptMemory = 2048;

  H2Streams() = default;
  H2Streams(const H2Streams&) = delete;
  H2Streams& operator=(const H2Streams&) = delete;
  ~H2Streams();  // detaches all

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t memory() const { return capacity_ * sizeof(H2StreamState*); }
  H2StreamState* find(uint32_t id) const;
  // In order of attachment. `visit` may detach any stream and attach new ones.
  template <typename Visitor>
  void for_each(Visitor&& visit) {
    Cursor cursor{first_, cursors_};
    cursors_ = &cursor;
    while (H2StreamState* const stream = cursor.next) {
      cursor.next = stream->next_;
      visit(*stream);
    }
    cursors_ = cursor.outer;
  }

  // Of the connection.
  void insert(H2StreamState& stream, uint32_t id);
  void erase(H2StreamState& stream);

 private:
  struct Cursor {
    H2StreamState* next;
    Cursor* outer;
  };

  size_t home(uint32_t id) const { return (id >> 1) & (capacity_ - 1); }
  void put(H2StreamState& stream);
  void grow();
  void close_gap(size_t gap);

  std::unique_ptr<H2StreamState*[]> slots_;
  uint32_t capacity_ = 0;  // 0 or a power of two
  uint32_t size_ = 0;
  H2StreamState* first_ = nullptr;
  H2StreamState* last_ = nullptr;
  Cursor* cursors_ = nullptr;
};

}  // namespace weir
