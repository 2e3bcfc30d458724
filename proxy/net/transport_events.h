// TransportEvents: the reader and the writer of one channel; each event calls the same function of
// the owner, which has it as a member. Thread: the worker's.
#pragma once

#include "net/transport.h"

namespace weir {

template <typename Owner, void (Owner::*kOnEvent)()>
struct TransportEvents final : TransportReader, TransportWriter {
  explicit TransportEvents(Owner& o) : owner(o) {}
  void on_readable() override { (owner.*kOnEvent)(); }
  void on_writable() override { (owner.*kOnEvent)(); }
  Owner& owner;
};

}  // namespace weir
