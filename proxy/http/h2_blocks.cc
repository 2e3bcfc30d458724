// Header blocks: RFC 9113 4.3, 6.2, 6.10, 8.1.
#include <utility>

#include "http/h2_receiving.h"

namespace weir {
namespace {

// Of a block that no stream takes: whether it is the head of a message.
class PseudoFields final : public HpackSink {
 public:
  void on_field(const HpackField& field) override { found |= field.name.starts_with(':'); }

  bool found = false;
};

}  // namespace

void H2Connection::Blocks::begin() {
  const H2FrameHeader& frame = r_.frame;
  const bool server = c_.role_ == H2Role::server;
  if (frame.stream % 2 == 0) return protocol_error("HEADERS on a stream with an even id");
  const bool fresh = idle(frame.stream);
  if (fresh && !server) return protocol_error("HEADERS on a stream that has not begun");
  if (fresh) c_.highest_ = frame.stream;
  c_.block_ = {true, fresh, frame.has(kH2EndStream), 0, frame.stream, {}};
  const Part part = frame.has(kH2Padded)     ? Part::padding_size
                    : frame.has(kH2Priority) ? Part::priority
                                             : Part::fragment;
  next(part, frame.size);
}

void H2Connection::Blocks::go_on() {
  Block& block = c_.block_;
  const bool too_many = ++block.continuations > kMaxContinuations;
  if (too_many || block.bytes.size() + r_.frame.size > kMaxBlock) {
    return c_.fail(H2Error::enhance_your_calm, Kind::flood_header,
                   too_many ? "too many CONTINUATION frames" : "a header block is too large");
  }
  if (r_.frame.size == 0) spend(Kind::flood_header, H2Cost::kEmptyContinuation);
  next(Part::fragment, r_.frame.size);
}

// A block that stands in the input in one piece is not copied.
bool H2Connection::Blocks::fragment() {
  Block& block = c_.block_;
  const std::string_view piece = take(r_.left);
  r_.left -= uint32_t(piece.size());
  const bool last = r_.left == 0 && r_.frame.has(kH2EndHeaders);
  if (!last || !block.bytes.empty()) block.bytes.append(piece);
  if (r_.left > 0) return false;
  next(Part::skipped, r_.padding);
  if (!last) return true;
  block.open = false;
  const std::string bytes = std::exchange(block.bytes, {});
  end(bytes.empty() ? piece : bytes);
  return true;
}

void H2Connection::Blocks::end(std::string_view block) {
  if (c_.block_.fresh) return new_stream(block);
  H2StreamState* const stream = c_.streams_.find(c_.block_.stream);
  if (stream != nullptr) return known_stream(*stream, block);
  PseudoFields fields;
  std::array<char, 512> memory;  // NOLINT: written before read
  if (!decode(block, {&fields, memory, c_.own_.max_header_list})) return;
  if (c_.role_ == H2Role::server && fields.found)
    return protocol_error("HEADERS of a request on a stream that has ended");
  spend(Kind::flood_other, H2Cost::kOther);
}

void H2Connection::Blocks::new_stream(std::string_view block) {
  const uint32_t id = c_.block_.stream;
  H2StreamState* stream = nullptr;
  if (!c_.left_) {
    c_.last_stream_ = id;
    stream = c_.events_.on_new_stream(id);
    if (c_.error_) return;
  }
  if (stream != nullptr) {
    stream->begin(c_.peer_.initial_window);
    stream->head_seen_ = true;
    c_.streams_.insert(*stream, id);
    return deliver(*stream, H2Fields::head, block);
  }
  if (!decode(block, {})) return;
  if (!c_.block_.end_stream) c_.stale_ += kH2Window;
  if (id == c_.last_stream_) {
    c_.out_.rst_stream(id, H2Error::refused_stream);
    return spend(Kind::flood_refused, H2Cost::kRefused);
  }
  // RFC 9113 6.8: a peer that has not read the GOAWAY begins as many as it may.
  if (++c_.ignored_ > c_.own_.max_streams) spend(Kind::flood_refused, H2Cost::kRefused);
}

void H2Connection::Blocks::known_stream(H2StreamState& stream, std::string_view block) {
  const bool trailers = stream.head_seen_;
  const bool short_body = stream.has_length_ && stream.expected_ > 0;
  // RFC 9113 8.1, 8.1.1: trailers end the stream, behind the whole body.
  const bool malformed = trailers && (!c_.block_.end_stream || short_body);
  if (!stream.ended_by_peer_ && !malformed)
    return deliver(stream, trailers ? H2Fields::trailers : H2Fields::head, block);
  if (!decode(block, {})) return;
  fault(stream, stream.ended_by_peer_ ? H2Error::stream_closed : H2Error::protocol_error);
}

void H2Connection::Blocks::deliver(H2StreamState& stream, H2Fields kind, std::string_view block) {
  const uint32_t id = stream.id_;
  const bool end = c_.block_.end_stream;
  H2FieldTarget target = c_.events_.on_fields(stream, kind);
  if (!attached(id)) target = {};
  const std::optional<HpackOutcome> outcome = decode(block, target);
  if (!outcome || !attached(id)) return;
  if (end) stream.ended_by_peer_ = true;
  c_.events_.on_fields_end(stream, kind, *outcome, end);
  if (end && !c_.error_ && attached(id)) end_of_peer(stream);
}

// Every block passes here, whatever becomes of its stream: later blocks refer to the table (trap
// T16). Empty: the connection has failed.
std::optional<HpackOutcome> H2Connection::Blocks::decode(std::string_view block,
                                                         H2FieldTarget target) {
  PseudoFields nowhere;
  if (target.sink == nullptr) target = {&nowhere, {}, c_.own_.max_header_list};
  const HpackOutcome outcome = c_.decoder_.decode(block, target.memory, target.limit, *target.sink);
  switch (outcome.state) {
    case HpackOutcome::State::complete:
    case HpackOutcome::State::too_large: break;
    case HpackOutcome::State::excessive:
      c_.fail(H2Error::enhance_your_calm, Kind::flood_header, "the fields of a head are too large");
      break;
    case HpackOutcome::State::malformed:
      c_.fail(H2Error::compression_error, Kind::compression, outcome.reason);
      break;
  }
  if (c_.error_) return std::nullopt;
  return outcome;
}

}  // namespace weir
