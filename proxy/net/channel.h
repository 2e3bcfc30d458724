// Channel: where the bytes of one side of a session or an exchange come from and go to: a
// Transport, or a Stream, which has no socket of its own. A value of one word whose functions are
// those of Transport that pipes, bodies and exchanges need; each costs one branch.
//
// It does not own what it refers to, which outlives it. Thread: the worker's.
#pragma once

#include "net/stream.h"
#include "net/transport.h"

namespace weir {

class Channel {
 public:
  Channel() = default;
  Channel(Transport& transport)  // NOLINT: a transport is a channel
      : bits_(reinterpret_cast<uintptr_t>(&transport)) {}
  Channel(Stream& stream)  // NOLINT: and so is a stream
      : bits_(reinterpret_cast<uintptr_t>(&stream) | kStream) {}
  explicit operator bool() const { return bits_ != 0; }
  bool is_stream() const { return (bits_ & kStream) != 0; }
  // It carries one message in each direction, whose end is that of the bytes; trailers are apart.
  // No framing is written. False: messages follow each other, each with framing of its own.
  bool delimits() const { return is_stream() && stream().delimits(); }
  // Kernel pipes and TLS are of whole connections: null for a stream.
  Transport* transport() const {
    return is_stream() ? nullptr : reinterpret_cast<Transport*>(bits_);
  }
  const TlsStream* tls() const { return is_stream() ? nullptr : own().tls(); }

  void set_reader(TransportReader* reader) const {
    is_stream() ? stream().set_reader(reader) : own().set_reader(reader);
  }
  void set_writer(TransportWriter* writer) const {
    is_stream() ? stream().set_writer(writer) : own().set_writer(writer);
  }
  Io read(std::span<char> to) const { return is_stream() ? stream().read(to) : own().read(to); }
  Io write(std::span<const char> from) const {
    return is_stream() ? stream().write(from, {}) : own().write(from);
  }
  Io write(std::span<const char> head, std::span<const char> body) const {
    return is_stream() ? stream().write(head, body) : own().write(head, body);
  }
  // No byte follows those that were written.
  void shutdown_write() const { is_stream() ? stream().end({}) : own().shutdown_write(); }
  // Of a channel that delimits(): its message is complete; see Stream.
  void end(std::string_view trailers) const { stream().end(trailers); }
  std::string_view trailers() const { return stream().trailers(); }
  void abort() const { is_stream() ? stream().abort() : own().abort(); }

  bool is_open() const { return is_stream() ? stream().is_open() : own().is_open(); }
  bool readable() const { return is_stream() ? stream().readable() : own().readable(); }
  bool writable() const { return is_stream() ? stream().writable() : own().writable(); }
  // How the other end has left; see Transport.
  bool ended_by_peer() const {
    return is_stream() ? stream().ended_by_peer() : own().ended_by_peer();
  }
  bool cut_off() const {
    return is_stream() ? stream().was_reset() && !stream().ended_by_peer() : own().cut_off();
  }
  bool has_pending_error() const {
    return is_stream() ? stream().was_reset() : own().has_pending_error();
  }
  bool failed() const { return is_stream() ? stream().was_reset() : own().error() != 0; }
  bool was_reset() const { return is_stream() ? stream().was_reset() : own().was_reset(); }
  // An end that was written waits for room.
  bool fin_waits() const { return !is_stream() && own().fin_waits(); }
  size_t unacknowledged() const { return is_stream() ? stream().unsent() : own().unacknowledged(); }

 private:
  static constexpr uintptr_t kStream = 1;  // set: a Stream; both have aligned addresses

  Transport& own() const { return *reinterpret_cast<Transport*>(bits_); }
  Stream& stream() const { return *reinterpret_cast<Stream*>(bits_ & ~kStream); }

  uintptr_t bits_ = 0;
};
static_assert(alignof(Transport) > 1 && alignof(Stream) > 1);

}  // namespace weir
