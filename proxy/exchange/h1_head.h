// read_h1_head(): the step that both HTTP/1 ends of an exchange share. It keeps nothing: parser,
// buffer and head are the caller's. Thread: the worker's.
#pragma once

#include "base/check.h"
#include "exchange/head_buffer.h"
#include "exchange/head_read.h"
#include "net/channel.h"

namespace weir {

// Parses what `in` has, and if that is no whole head, reads once from `from` and parses again.
// `limit`: of the head; `most`: to be read, both in bytes.
template <typename Parser, typename Head>
HeadRead read_h1_head(Parser& parser, Channel from, HeadBuffer& in, Head& head, size_t limit,
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

}  // namespace weir
