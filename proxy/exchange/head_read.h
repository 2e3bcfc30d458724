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
    again,       // bytes have come, and more may be there
    malformed,   // the side's fault() says why
    ended,       // the peer sends no more bytes
    failed,      // reading failed
  };
  Status status;
  uint32_t bytes = 0;  // that were received in this step
  uint32_t size = 0;   // of the complete head; the body, or the next message, follows
};

// One step with an HTTP/1 parser: parses what `in` has, and if that is no whole head, reads once
// from `from` and parses again. `limit`: of the head; `most`: to be read, both in bytes.
template <typename Parser, typename Head>
HeadRead read_head(Parser& parser, Channel from, HeadBuffer& in, Head& head, size_t limit,
                   size_t most = kBlockSize) {
  using Status = HeadRead::Status;
  using State = typename Parser::State;
  const auto parse = [&](size_t bytes) -> HeadRead {
    const auto read = static_cast<uint32_t>(bytes);
    switch (parser.feed(in.view(), head)) {
      case State::complete:
        return {Status::complete, read, static_cast<uint32_t>(parser.head_size())};
      case State::failed: return {Status::malformed, read};
      case State::incomplete: return {read > 0 ? Status::again : Status::incomplete, read};
    }
    CHECK_UNREACHABLE();
  };
  if (!in.empty())
    if (const HeadRead known = parse(0); known.status != Status::incomplete) return known;
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
  return parse(io.bytes);
}

struct [[nodiscard]] HeadText {
  bool ok = true;            // false: it does not fit, or its fields contradict each other
  BytesWithRoom bytes = {};  // to be sent with the first bytes of the body, in front of them
};

}  // namespace weir
