// Channel: where the bytes of one side of an exchange come from and go to. A value of one word
// whose functions are those of Transport that exchanges and bodies need.
//
// It does not own the connection, which outlives it. Thread: the worker's. A side that is a stream
// of a shared connection will be another kind of channel: code that needs a whole connection asks
// for transport(), and must expect that there is none.
#pragma once

#include "net/transport.h"

namespace weir {

class Channel {
 public:
  Channel() = default;
  explicit Channel(Transport& transport) : transport_(&transport) {}
  explicit operator bool() const { return transport_ != nullptr; }
  Transport* transport() const { return transport_; }

  void set_reader(TransportReader* reader) const { transport_->set_reader(reader); }
  void set_writer(TransportWriter* writer) const { transport_->set_writer(writer); }
  Io read(std::span<char> to) const { return transport_->read(to); }
  Io write(std::span<const char> from) const { return transport_->write(from); }
  Io write(std::span<const char> head, std::span<const char> body) const {
    return transport_->write(head, body);
  }
  bool readable() const { return transport_->readable(); }
  bool writable() const { return transport_->writable(); }

  // How the other end has left; see Transport.
  bool ended_by_peer() const { return transport_->ended_by_peer(); }
  bool cut_off() const { return transport_->cut_off(); }
  bool has_pending_error() const { return transport_->has_pending_error(); }
  bool failed() const { return transport_->error() != 0; }
  bool was_reset() const { return transport_->was_reset(); }
  size_t unacknowledged() const { return transport_->unacknowledged(); }

 private:
  Transport* transport_ = nullptr;
};

}  // namespace weir
