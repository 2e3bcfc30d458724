#include "h2/h2_link.h"

namespace weir {
namespace {

H2Stream& own(H2StreamState& state) {
  return static_cast<H2Stream&>(state);
}

}  // namespace

H2Link::H2Link(PipeResources& resources, Transport& transport, H2Role role, H2LinkOwner& owner)
    : resources_(resources),
      transport_(transport),
      owner_(owner),
      outbox_(resources),
      connection_(role, *this, outbox_),
      bounded_(role == H2Role::server) {}

void H2Link::start(const H2OwnSettings& settings, unsigned patience) {
  open_ = true;
  transport_.set_reader(this);
  transport_.set_writer(this);
  received_at_ = resources_.loop.now();
  connection_.start(settings, received_at_, patience);
  flush_later();
}

void H2Link::receive_first(std::string_view first) {
  if (!first.empty()) receive(first);
  if (!open_) return;
  if (transport_.readable()) return read();
  if (!first.empty()) settle(std::nullopt);
}

void H2Link::close() {
  if (!open_) return;
  open_ = false;
  cancel_yield();
  cancel_flush();
  transport_.set_reader(nullptr);
  transport_.set_writer(nullptr);
  outbox_.clear();
}

void H2Link::flush_later() {
  if (moved_at_ == kNever) moved_at_ = resources_.loop.now();
  resources_.loop.flush_later(*this);
}

void H2Link::read() {
  if (!open_) return;
  std::optional<H2LinkOwner::Down> down;
  read_blocks(down);
  if (open_) settle(down);
}

void H2Link::read_blocks(std::optional<H2LinkOwner::Down>& down) {
  char* const block = resources_.buffers.lend();
  for (int i = 0; i < kReadsPerTurn && open_ && transport_.readable() && !down; ++i) {
    const Io io = transport_.read({block, kBlockSize});
    switch (io.status) {
      case Io::Status::ok:
        received_ += io.bytes;
        receive({block, io.bytes});
        break;
      case Io::Status::blocked: break;
      case Io::Status::eof: down = H2LinkOwner::Down::ended; break;
      case Io::Status::unsupported:
      case Io::Status::failed: down = H2LinkOwner::Down::failed; break;
    }
  }
  resources_.buffers.take_back(block);
}

void H2Link::receive(std::string_view bytes) {
  if (connection_.error()) return;  // discarded, while the GOAWAY leaves
  received_at_ = resources_.loop.now();
  connection_.receive(bytes, received_at_);
}

// Behind the last byte: the streams learn what has come, and their owner may begin others.
void H2Link::settle(std::optional<H2LinkOwner::Down> down) {
  if (!outbox_.empty()) flush_later();
  tell_streams();
  if (!open_) return;
  owner_.on_received();
  if (!open_) return;
  if (connection_.error()) return owner_.on_down(H2LinkOwner::Down::error);
  if (down) return owner_.on_down(*down);
  if (transport_.readable()) resources_.loop.yield(*this);
}

void H2Link::tell_streams() {
  IntrusiveList<H2Stream, StreamNews> news;
  news.take_all(news_);
  while (H2Stream* stream = news.pop_front()) {
    stream->tell();
    if (!open_) return;
  }
}

void H2Link::add_news(H2Stream& stream) {
  if (!static_cast<StreamNews&>(stream).linked()) news_.push_back(stream);
}

H2FieldTarget H2Link::on_fields(H2StreamState& stream, H2Fields kind) {
  return owner_.on_fields(own(stream), kind);
}

void H2Link::on_fields_end(H2StreamState& stream, H2Fields kind, const HpackOutcome& outcome,
                           bool end) {
  owner_.on_fields_end(own(stream), kind, outcome, end);
}

void H2Link::on_data(H2StreamState& stream, std::string_view data) {
  own(stream).on_data(data);
  add_news(own(stream));
  held_ += data.size();
  if (holding_ || !bounded_) return;
  if (held_ <= kMostHeld && resources_.buffers.lent() <= kMostBlocks) return;
  holding_ = true;
  connection_.hold_window(true);
}

void H2Link::on_end(H2StreamState& stream) {
  own(stream).on_end();
  add_news(own(stream));
}

void H2Link::on_reset(H2StreamState& stream, H2Error code, bool by_peer) {
  own(stream).on_reset();
  add_news(own(stream));
  owner_.on_stream_reset(own(stream), code, by_peer);
}

void H2Link::on_window(H2StreamState& stream) {
  wait_for_room(own(stream));
}

void H2Link::on_connection_window() {
  flush_later();
}

// A stream that its own window stops is not in the order: on_window() puts it there.
void H2Link::wait_for_room(H2Stream& stream) {
  if (stream.writable()) return;
  if (connection_.window_closed(stream)) return;
  order_.add(stream);
  if (sendable(stream) > 0) flush_later();
}

// A stream that waits gets its new place.
void H2Link::set_priority(H2Stream& stream, H2Priority priority) {
  WaitingToSend& waiting = stream;
  const bool waits = waiting.linked();
  waiting.unlink();
  stream.set_priority(priority);
  if (waits) order_.add(stream);
}

size_t H2Link::sendable(const H2Stream& stream) const {
  const size_t room = outbox_.room();
  if (room <= kH2FrameHeaderSize || !transport_.writable()) return 0;
  return std::min(connection_.sendable(stream), room - kH2FrameHeaderSize);
}

uint64_t H2Link::write_data(H2Stream& stream, uint64_t frame, std::string_view head,
                            std::string_view body) {
  const uint64_t at = outbox_.append_data(stream.id(), frame, head, body);
  connection_.sent_data(stream, head.size() + body.size());
  flush_later();
  return at;
}

void H2Link::send_fields(H2Stream& stream, std::string_view block, bool end) {
  connection_.send_fields(stream, block, end);
  flush_later();
}

void H2Link::end_stream(H2Stream& stream, uint64_t frame) {
  if (outbox_.end_stream(frame))
    connection_.sent_end(stream);
  else
    connection_.send_end(stream);
  flush_later();
}

// A fault is found while the link receives: the observers learn of it behind the last byte.
void H2Link::reset(H2Stream& stream, H2Error code, bool fault) {
  connection_.reset(stream, code, fault);
  if (fault) add_news(stream);
  if (connection_.error()) resources_.loop.yield(*this);  // settle() tells the owner
  flush_later();
}

void H2Link::taken(H2Stream& stream, size_t bytes, bool blocked) {
  connection_.taken(stream, bytes, blocked);
  dropped(bytes);
}

void H2Link::dropped(size_t bytes) {
  held_ -= bytes;
  if (holding_ && held_ <= kMostHeld / 2) {
    holding_ = false;
    connection_.hold_window(false);
  }
  if (open_ && !outbox_.empty()) flush_later();
}

void H2Link::drop(H2Stream& stream) {
  connection_.detach(stream);
  stream.on_reset();
  add_news(stream);
}

void H2Link::announce(H2Stream& stream) {
  stream.reader_news_ = true;
  add_news(stream);
}

void H2Link::reset_all() {
  connection_.streams().for_each([&](H2StreamState& stream) { drop(own(stream)); });
  tell_streams();
}

// One write for all streams; what it makes room for is written, too, up to a budget.
void H2Link::on_flush() {
  written_ = 0;
  do {
    if (!write_out()) return cancel_flush();  // on_writable() is next
    if (written_ >= kWrittenPerTurn) return flush_later();
  } while (hand_out_room() && open_);
  if (!open_) return;
  cancel_flush();  // hand_out_room() has asked for it, too
  owner_.on_flushed();
}

// False: the transport has taken less than everything.
bool H2Link::write_out() {
  if (outbox_.empty()) return moved_at_ = kNever, true;
  if (!transport_.writable()) return false;
  const std::string_view all = outbox_.view();
  const Io io = transport_.write(all);
  if (io.status == Io::Status::failed) {
    owner_.on_down(H2LinkOwner::Down::failed);
    return false;
  }
  outbox_.taken(io.bytes);
  sent_ += io.bytes;
  written_ += io.bytes;
  if (io.bytes > 0) moved_at_ = resources_.loop.now();
  if (io.bytes < all.size()) {
    outbox_.offered();
    return false;
  }
  moved_at_ = kNever;
  connection_.note_flushed();
  return true;
}

// Streams write as long as there is room. False: nothing was written.
bool H2Link::hand_out_room() {
  while (open_ && outbox_.room() > kH2FrameHeaderSize) {
    H2Stream* const stream = order_.take();
    if (stream == nullptr) break;
    if (sendable(*stream) == 0) {
      // The window of the connection or of the stream has closed meanwhile.
      if (!connection_.window_closed(*stream)) {
        order_.add(*stream);
        break;
      }
      continue;
    }
    stream->on_room();
    stream->tell();
  }
  return open_ && !outbox_.empty();
}

}  // namespace weir
