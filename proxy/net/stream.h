// Stream: one end of a flow of bytes that shares its connection with other streams. It is read and
// written like a Transport. Readiness is latched: readable() stays true until a read would block.
//
// Owner: the connection that carries it; its address does not change. Thread: the worker's. Each
// direction has an observer, which implementations call. read() and write() are virtual, one call
// for each block of 16 KiB: only streams pay for it, and tests of exchanges need no connection.
#pragma once

#include <span>

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
  virtual void end() = 0;    // after the bytes that were written
  virtual void abort() = 0;  // the peer sees that the rest is missing

  bool is_open() const { return open_; }
  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  bool ended_by_peer() const { return ended_by_peer_; }
  bool was_reset() const { return reset_; }  // by the peer, or with the connection
  size_t unsent() const { return unsent_; }  // bytes that were taken and have not left

 protected:
  ~Stream() = default;

  TransportReader* reader_ = nullptr;
  TransportWriter* writer_ = nullptr;
  size_t unsent_ = 0;
  bool open_ = true;
  bool readable_ = false;
  bool writable_ = true;
  bool ended_by_peer_ = false;
  bool reset_ = false;
};

}  // namespace weir
