// HeadRead: what one step of reading a head has come to. HeadText: a head that was written. Values
// that ClientSide and BackendSide return.
#pragma once

#include "exchange/head_buffer.h"
#include "http/message.h"
#include "net/channel.h"

namespace weir {

struct [[nodiscard]] HeadRead {
  enum class Status : uint8_t {
    complete,
    incomplete,  // nothing can be read now
    again,       // bytes have come: the next step looks at them
    malformed,   // `fault` says why
    ended,       // the peer sends no more bytes
    failed,      // reading failed
  };
  Status status;
  size_t bytes = 0;  // that were received in this step
  size_t size = 0;   // of the complete head; the body, or the next message, follows
  Fault fault = {};
};

// Reads once from `from`, to the end of what `in` has of a head of at most `limit` bytes; `most`:
// no more than so many bytes.
inline HeadRead read_more(Channel from, HeadBuffer& in, size_t limit, size_t most = kBlockSize) {
  using Status = HeadRead::Status;
  if (!from.readable()) return {Status::incomplete};
  const std::span<char> room = in.room(limit);
  const Io io = from.read(room.first(std::min(room.size(), most)));
  switch (io.status) {
    case Io::Status::ok: break;
    case Io::Status::blocked: return {Status::incomplete};
    case Io::Status::unsupported: CHECK_UNREACHABLE();
    case Io::Status::eof: return {Status::ended};
    case Io::Status::failed: return {Status::failed};
  }
  in.add(io.bytes);
  return {Status::again, io.bytes};
}

struct [[nodiscard]] HeadText {
  bool ok = true;            // false: it does not fit, or its fields contradict each other
  BytesWithRoom bytes = {};  // to be sent with the first bytes of the body, in front of them
};

}  // namespace weir
