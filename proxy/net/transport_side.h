// TransportSide: the reader and the writer of one transport, whose events all lead to one function
// of their owner. Owner: by value; thread: the worker's.
#pragma once

#include "net/transport.h"

namespace weir {

template <typename Owner, void (Owner::*kOnEvent)()>
struct TransportSide final : TransportReader, TransportWriter {
  explicit TransportSide(Owner& o) : owner(o) {}
  void on_readable() override { (owner.*kOnEvent)(); }
  void on_writable() override { (owner.*kOnEvent)(); }
  Owner& owner;
};

}  // namespace weir
