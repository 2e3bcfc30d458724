#include "exchange/body_relay.h"

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

// The bytes after the body move to `from` if they begin before: the last bytes of the framing may
// have come alone, and what is written in their place is longer.
std::string_view make_room(std::span<char> next, char* from) {
  if (next.empty()) return {};
  char* const to = std::max(next.data(), from);
  std::memmove(to, next.data(), next.size());
  return {to, next.size()};
}

// Nothing is to be read of a stream that has ended with the head.
bool is_over(const MessageHead& head, Channel source) {
  return head.framing() == BodyFraming::none && source.ended_by_peer() && source.trailers().empty();
}

}  // namespace

bool may_have_trailers(const MessageHead& head, Channel source, Channel sink) {
  if (head.framing() == BodyFraming::delimited) return true;
  return head.framing() == BodyFraming::length && source.delimits() && sink.delimits();
}

void BodyRelay::expect(const MessageHead& head, uint64_t limit, Channel source) {
  if (source.delimits() && !is_over(head, source))
    decoder_.start_until_end(head, limit);
  else
    decoder_.start(head, limit);
  in_ = head.framing();
  way_.stays_open = false;
}

void BodyRelay::expect_tunnel() {
  decoder_ = {};
  in_ = BodyFraming::none;
  way_.stays_open = true;
}

void BodyRelay::expect_trailers(const FieldFilter& filter, size_t limit,
                                H1BodyDecoder::Excess excess) {
  DCHECK(in_ != BodyFraming::none);
  if (trailers_ == nullptr) trailers_ = std::make_unique<Trailers>();
  trailers_->filter = filter;
  decoder_.limit_trailers(limit, excess);
  use_trailer_memory(std::max(trailers_->size, kFirstTrailers));
}

// Trailers stand between the last chunk's head and the empty line. Those that are there stay.
void BodyRelay::use_trailer_memory(size_t size) {
  if (size > trailers_->size) {
    std::unique_ptr<char[]> larger(new char[size]);
    if (trailers_->size > 0) std::memcpy(larger.get(), trailers_->memory.get(), trailers_->size);
    trailers_->memory = std::move(larger);
    trailers_->size = size;
  }
  const size_t around = kLastChunkHead.size() + 2;
  decoder_.keep_trailers({trailers_->memory.get() + kLastChunkHead.size(), size - around},
                         trailers_->filter);
}

size_t BodyRelay::begin(Channel source, Channel sink, BodyFraming out, BytesWithRoom head,
                        BytesWithRoom known) {
  DCHECK(state_ == State::idle);
  source_ = source;
  sink_ = sink;
  out_ = out;
  way_.from_stream = source.delimits();
  way_.to_stream = sink.delimits();
  way_.chunks = out == BodyFraming::delimited && !way_.to_stream;
  way_.same = in_ == out && (out == BodyFraming::length || out == BodyFraming::until_close) &&
              !way_.from_stream && !way_.to_stream;
  state_ = State::open;
  moved_at_ = resources_.loop.now();
  if (way_.from_stream && !kept_.empty()) known = kept_.bytes();
  size_t used = 0;
  const size_t data = decode(known.data, known.size, used);
  size_t head_size = head.size;
  size_t body_size = data;
  if (way_.chunks) {
    DCHECK(head.room >= kChunkHeadSize && (known.empty() || known.room >= kTailRoom));
    if (data > 0)
      head_size +=
          chunk_head(data, std::span<char, kChunkHeadSize>(head.end(), kChunkHeadSize)).size();
    body_size += end_chunk(known.data + data, data);
  }
  if (decoder_.state() == H1BodyDecoder::State::done)
    leftover_ = {known.data + used, known.size - used};
  const std::span<const char> first{head.data, head_size}, second{known.data, body_size};
  source_.set_reader(this);
  sink_.set_writer(this);
  if (head_size + body_size > 0) {
    const Io io = sink_.write(first, second);
    if (io.status == Io::Status::failed)
      return finish(State::sink_failed), way_.from_stream ? 0 : used;
    sent_ += io.bytes;
    outbox_.keep(first, second, io.bytes);
  }
  pump();
  return way_.from_stream ? 0 : used;
}

void BodyRelay::leave_callbacks() {
  if (source_) source_.set_reader(nullptr);
  if (sink_) sink_.set_writer(nullptr);
  source_ = sink_ = {};
}

void BodyRelay::stop() {
  cancel_yield();
  raw_.reset();
  leave_callbacks();
  outbox_ = {};
  begin_ = end_ = 0;
  give_back();
  sent_ = received_ = 0;
  leftover_ = tail_ = {};
  if (trailers_ != nullptr && trailers_->size > kFirstTrailers) trailers_.reset();
  blocked_at_ = {};
  out_ = BodyFraming::none;
  way_ = {};
  state_ = State::idle;
}

void BodyRelay::pump_and_report() {
  if (state_ != State::open) return;
  pump();
  if (state_ != State::open) observer_.on_body();
}

void BodyRelay::pump() {
  int budget = kBlocksPerTurn;
  for (; budget > 0 && state_ == State::open; --budget) {
    if (flush() == Step::wait) return;
    switch (decoder_.state()) {
      case H1BodyDecoder::State::more: break;
      case H1BodyDecoder::State::done: return finish(State::done);
      case H1BodyDecoder::State::failed: return finish(State::malformed);
    }
    if (way_.same && start_raw()) return;
    if (way_.to_stream && blocked()) {
      blocked_at_ = resources_.loop.now();
      break;
    }
    if (!source_.readable() || fill() == Step::wait) break;
  }
  if (budget == 0 && state_ == State::open) resources_.loop.yield(*this);
  if (unsent() == 0) give_back();
}

// Writes what waits. `next`: nothing is left.
BodyRelay::Step BodyRelay::flush() {
  while (unsent() > 0) {
    if (!sink_.writable()) {
      blocked_at_ = resources_.loop.now();
      return Step::wait;
    }
    const std::span<const char> first = outbox_.rest();
    const std::span<const char> second{block_ + begin_, static_cast<size_t>(end_ - begin_)};
    const bool last = first.empty() && second.empty();
    const Io io = last ? sink_.write(tail_) : sink_.write(first, second);
    if (io.status == Io::Status::failed) return finish(State::sink_failed), Step::wait;
    sent_ += io.bytes;
    if (io.bytes > 0) moved_at_ = resources_.loop.now();
    if (last) {
      tail_.remove_prefix(io.bytes);
      continue;
    }
    const size_t of_first = std::min(io.bytes, first.size());
    outbox_.begin += of_first;
    begin_ += static_cast<uint32_t>(io.bytes - of_first);
  }
  outbox_ = {};
  begin_ = end_ = 0;
  return Step::next;
}

// Reads one block, decodes it, and frames it anew.
BodyRelay::Step BodyRelay::fill() {
  if (block_ == nullptr) block_ = resources_.buffers.lend();
  char* const data = block_ + kFront;
  const Io io = source_.read({data, kBlockSize - kFront - kTailRoom});
  switch (io.status) {
    case Io::Status::ok: break;
    case Io::Status::blocked: return Step::wait;
    case Io::Status::unsupported: CHECK_UNREACHABLE();
    case Io::Status::failed: return finish(State::source_failed), Step::wait;
    case Io::Status::eof:
      if (end_of_source() == Step::wait) return Step::wait;
      begin_ = kFront;
      end_ = static_cast<uint32_t>(kFront + (way_.chunks ? end_chunk(data, 0) : 0));
      return Step::next;
  }
  moved_at_ = resources_.loop.now();
  received_ += io.bytes;
  if (way_.from_stream) kept_.add({data, io.bytes});
  size_t used = 0;
  const size_t size = decode(data, io.bytes, used);
  if (decoder_.state() == H1BodyDecoder::State::done)
    leftover_ = make_room({data + used, io.bytes - used}, data + size + kTailRoom);
  begin_ = kFront;
  end_ = static_cast<uint32_t>(kFront + size);
  if (way_.chunks) {
    if (size > 0) {
      char head[kChunkHeadSize];
      const std::string_view text = chunk_head(size, head);
      begin_ -= static_cast<uint32_t>(text.size());
      std::memcpy(block_ + begin_, text.data(), text.size());
    }
    end_ += static_cast<uint32_t>(end_chunk(data + size, size));
  }
  return Step::next;
}

// `next`: the body is complete. The trailers of a stream are checked as those of chunks are.
BodyRelay::Step BodyRelay::end_of_source() {
  using Decoder = H1BodyDecoder::State;
  if (source_.cut_off() || decoder_.end_of_input() != Decoder::done)
    return finish(State::truncated), Step::wait;
  if (!way_.from_stream || source_.trailers().empty()) return Step::next;
  decoder_.begin_trailers();
  for (std::string_view text : {source_.trailers(), std::string_view("\r\n")}) {
    while (!text.empty() && decoder_.state() == Decoder::more) {
      text.remove_prefix(decoder_.next(text).consumed);
      if (decoder_.wants_trailer_memory()) use_trailer_memory(2 * trailers_->size);
    }
  }
  if (decoder_.state() == Decoder::done) return Step::next;
  return finish(State::malformed), Step::wait;
}

// Moves the body bytes among `size` bytes together, in place; returns how many they are.
size_t BodyRelay::decode(char* data, size_t size, size_t& used) {
  size_t kept = 0;
  used = 0;
  while (used < size && decoder_.state() == H1BodyDecoder::State::more) {
    const H1BodyDecoder::Piece piece = decoder_.next({data + used, size - used});
    if (!piece.data.empty() && piece.data.data() != data + kept)
      std::memmove(data + kept, piece.data.data(), piece.data.size());
    kept += piece.data.size();
    used += piece.consumed;
    if (decoder_.wants_trailer_memory())
      use_trailer_memory(2 * trailers_->size);
    else if (piece.consumed == 0)
      break;
  }
  return kept;
}

// Writes what follows `data` bytes of a chunk to `after`: at most kTailRoom bytes. A last chunk
// with trailers is sent after that.
size_t BodyRelay::end_chunk(char* after, size_t data) {
  size_t size = 0;
  const auto append = [&](std::string_view text) {
    std::memcpy(after + size, text.data(), text.size());
    size += text.size();
  };
  if (data > 0) append(kChunkEnd);
  if (decoder_.state() != H1BodyDecoder::State::done) return size;
  const std::string_view trailers = decoder_.trailers();
  if (trailers.empty()) {
    append(kLastChunk);
    return size;
  }
  char* const tail = trailers_->memory.get();
  const size_t head = kLastChunkHead.size();
  DCHECK(trailers.data() == tail + head);
  std::memcpy(tail, kLastChunkHead.data(), head);
  std::memcpy(tail + head + trailers.size(), "\r\n", 2);
  tail_ = {tail, head + trailers.size() + 2};
  return size;
}

// A long body that keeps its framing is relayed as it is.
bool BodyRelay::start_raw() {
  const uint64_t size = decoder_.data_ahead();
  if (size == 0) return false;
  give_back();
  raw_.emplace(resources_, source_, sink_, static_cast<PipeObserver&>(*this));
  if (out_ == BodyFraming::length) raw_->limit(size);
  raw_->start();
  if (raw_->pump() != HalfPipe::State::open) raw_over();
  return true;
}

void BodyRelay::on_pipe() {
  if (raw_->state() == HalfPipe::State::open) return;  // it delivers what came before a reset
  raw_over();
  if (state_ != State::open) observer_.on_body();
}

void BodyRelay::raw_over() {
  const HalfPipe::State how = raw_->state();
  moved_at_ = raw_->last_moved();
  sent_ += raw_->moved();
  received_ += raw_->moved();
  raw_.reset();
  source_.set_reader(this);
  sink_.set_writer(this);
  switch (how) {
    case HalfPipe::State::open: CHECK_UNREACHABLE();
    case HalfPipe::State::source_failed: return finish(State::source_failed);
    case HalfPipe::State::sink_failed: return finish(State::sink_failed);
    case HalfPipe::State::truncated: return finish(State::truncated);
    case HalfPipe::State::ended: return finish(State::done);
  }
}

// The sink took `taken` bytes of the two; the rest is copied, which is rare: a sink is empty when a
// message begins.
void BodyRelay::Outbox::keep(std::span<const char> first, std::span<const char> second,
                             size_t taken) {
  const size_t left = first.size() + second.size() - taken;
  if (left == 0) return;
  memory = std::make_unique<char[]>(left);
  size = left;
  size_t at = 0;
  if (taken < first.size()) {
    at = first.size() - taken;
    std::memcpy(memory.get(), first.data() + taken, at);
    taken = 0;
  } else {
    taken -= first.size();
  }
  std::copy(second.begin() + static_cast<ptrdiff_t>(taken), second.end(), memory.get() + at);
}

// The next user of the channels sets the callbacks.
void BodyRelay::finish(State state) {
  state_ = state;
  cancel_yield();
  if (state == State::done && way_.to_stream && !way_.stays_open) sink_.end(decoder_.trailers());
  leave_callbacks();
  if (leftover_.empty()) give_back();
}

void BodyRelay::give_back() {
  if (block_ != nullptr) resources_.buffers.take_back(std::exchange(block_, nullptr));
}

}  // namespace weir
