// Stream: one end of a flow of bytes that shares its connection with other streams. It carries one
// message in each direction: the bytes are those of its body, without framing, and the end of the
// body is the end of the bytes (RFC 9113 8.1). It is read and written like a Transport. Readiness
// is latched: readable() stays true until a read would block; the end and a reset are read, too.
//
// Owner: the connection that carries it; its address does not change. Thread: the worker's. Each
// direction has an observer; a reset is reported to both. Implementations call observers from
// events of their connection, never from within a call of the stream's user. read() and write() are
// virtual, one call for each block of 16 KiB: only streams pay for it. Tests of exchanges use
// streams in place of connections, too: these do not delimit messages.
#pragma once

#include <span>
#include <string_view>

#include "net/transport.h"

namespace weir {

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void set_reader(TransportReader* reader) { reader_ = reader; }
  void set_writer(TransportWriter* writer) { writer_ = writer; }
  virtual Io read(std::span<char> to) = 0;  // eof: the peer's end
  virtual Io write(std::span<const char> head, std::span<const char> body) = 0;
  // Ends weir's message, after the bytes that were written: always taken, once. `trailers`: lines
  // "name: value CRLF", names in any case; empty: none. Nothing else ends the message: a stream
  // that is dropped without end() is reset (trap T21).
  virtual void end(std::string_view trailers) = 0;
  virtual void abort() = 0;  // the peer sees that the rest is missing
  // Of the peer's message, as received, in such lines: valid when it has ended.
  virtual std::string_view trailers() const = 0;

  bool is_open() const { return open_; }
  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  bool ended_by_peer() const { return ended_by_peer_; }  // bytes before the end may be unread
  bool was_reset() const { return reset_; }              // by the peer, or with the connection
  virtual size_t unsent() const = 0;                     // bytes that were taken and have not left
  bool delimits() const { return delimits_; }  // false: a message has framing in its bytes

 protected:
  ~Stream() = default;

  TransportReader* reader_ = nullptr;
  TransportWriter* writer_ = nullptr;
  bool open_ = true;
  bool readable_ = false;
  bool writable_ = true;
  bool ended_by_peer_ = false;
  bool reset_ = false;
  bool delimits_ = true;
};

}  // namespace weir
