// HeadRead: what one step of reading a head has come to. HeadText: a head that was written. Values
// that ClientSide and BackendSide return.
#pragma once

#include <cstdint>

#include "base/bytes_with_room.h"

namespace weir {

struct [[nodiscard]] HeadRead {
  enum class Status : uint8_t {
    complete,
    incomplete,  // nothing can be read now
    again,       // bytes have come, and more may be there
    malformed,   // the side's fault() says why
    ended,       // the peer sends no more bytes
    failed,      // reading failed
    http2,       // the bytes begin with the preface of HTTP/2; of a client's first request only
  };
  Status status;
  uint32_t bytes = 0;  // that were received in this step
  uint32_t size = 0;   // of the complete head; the body, or the next message, follows
};

struct [[nodiscard]] HeadText {
  bool ok = true;            // false: it does not fit, or its fields contradict each other
  BytesWithRoom bytes = {};  // to be sent with the first bytes of the body, in front of them
};

}  // namespace weir
