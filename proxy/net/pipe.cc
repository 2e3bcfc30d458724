#include "net/pipe.h"

#include <algorithm>
#include <utility>

namespace weir {

void HalfPipe::preload(std::string_view bytes) {
  DCHECK(in_hand() == 0 && bytes.size() <= kBlockSize);
  if (bytes.empty()) return;
  borrow_block();
  std::copy(bytes.begin(), bytes.end(), block_);
  begin_ = 0;
  end_ = static_cast<uint32_t>(bytes.size());
}

void HalfPipe::start() {
  source_.set_reader(this);
  sink_.set_writer(this);
  last_moved_ = resources_.loop.now();
  // A read of TLS brings one record, which a block can hold.
  if (source_.is_stream() || sink_.is_stream() || source_.tls() != nullptr)
    bulk_means_ = Bulk::none;
  else if (sink_.tls() != nullptr)
    bulk_means_ = Bulk::large_blocks;
}

void HalfPipe::stop() {
  source_.set_reader(nullptr);
  sink_.set_writer(nullptr);
  cancel_yield();
  begin_ = end_ = 0;
  give_back();
}

void HalfPipe::on_readable() {
  // With bytes in hand the half does not read: it would see a reset of the source only when the
  // sink takes bytes, and after the source's FIN only when the other half writes to it. Bytes from
  // before the reset are delivered, but the session may apply a shorter timeout now.
  const bool unread =
      state_ == State::ended || (state_ == State::open && in_hand() > 0 && !sink_.writable());
  if (unread && source_.has_pending_error()) {
    source_lost_ = true;
    if (state_ == State::ended) finish(State::source_failed);
    return observer_.on_pipe();
  }
  pump_and_report();
}

void HalfPipe::on_writable() {
  if (in_hand() > 0 || fin_sent_) pump_and_report();
}

void HalfPipe::on_resume() {
  pump_and_report();
}

void HalfPipe::pump_and_report() {
  if (state_ != State::open) return;
  if (pump() != State::open) observer_.on_pipe();
}

HalfPipe::State HalfPipe::pump() {
  if (state_ != State::open) return state_;
  int budget = kChunksPerTurn;
  for (; budget > 0; budget -= static_cast<int>(block_size_ / kBlockSize)) {
    if (flush() == Step::wait) return state_;
    if (source_ended_) {
      if (!std::exchange(fin_sent_, true)) sink_.shutdown_write();
      if (sink_.fin_waits()) break;
      return finish(State::ended);
    }
    if (left_ == 0) return finish(State::ended);
    if (!source_.readable() || fill() == Step::wait) break;
  }
  // The only return while the source is readable: the half resumes in the next turn (trap T6).
  if (budget <= 0) resources_.loop.yield(*this);
  if (in_hand() == 0) give_back();
  return state_;
}

// Writes the bytes in hand. `next`: none is left.
HalfPipe::Step HalfPipe::flush() {
  while (in_hand() > 0) {
    if (!sink_.writable()) return Step::wait;
    const Io io = begin_ < end_ ? sink_.write({block_ + begin_, end_ - begin_})
                                : sink_.transport()->splice_from(*pipe_);
    if (io.status == Io::Status::failed) return finish(State::sink_failed), Step::wait;
    if (begin_ < end_) begin_ += static_cast<uint32_t>(io.bytes);
    count(io.bytes);
  }
  begin_ = end_ = 0;
  return Step::next;
}

HalfPipe::Step HalfPipe::fill() {
  if (splicing() && !std::exchange(ask_, false) && borrow_kernel_pipe()) return fill_kernel_pipe();
  return fill_block();
}

// Reads one block. `wait`: there is nothing to read now, or the half has failed.
HalfPipe::Step HalfPipe::fill_block() {
  borrow_block();
  const Io io = source_.read({block_, static_cast<size_t>(std::min<uint64_t>(block_size_, left_))});
  switch (io.status) {
    case Io::Status::ok: break;
    case Io::Status::eof: return source_end();
    case Io::Status::blocked: return Step::wait;
    case Io::Status::unsupported: CHECK_UNREACHABLE();
    case Io::Status::failed: finish(State::source_failed); return Step::wait;
  }
  if (splicing()) source_.transport()->expect_more();
  begin_ = 0;
  end_ = static_cast<uint32_t>(io.bytes);
  took(io.bytes);
  update_bulk(io.bytes);
  return Step::next;
}

// Fills the kernel pipe, which is empty. After a short splice it reads: a read costs no more than a
// splice that finds nothing, and it can tell an empty source from urgent data, at which a splice
// stops, too.
HalfPipe::Step HalfPipe::fill_kernel_pipe() {
  const size_t wanted = static_cast<size_t>(std::min<uint64_t>(kKernelPipeSize, left_));
  const Io io = source_.transport()->splice_into(*pipe_, wanted);
  switch (io.status) {
    case Io::Status::ok: break;
    case Io::Status::unsupported: bulk_ = false, bulk_means_ = Bulk::none; return fill_block();
    case Io::Status::blocked: return fill_block();
    case Io::Status::eof:
    case Io::Status::failed: CHECK_UNREACHABLE();
  }
  ask_ = io.bytes < wanted;
  took(io.bytes);
  update_bulk(io.bytes);
  return Step::next;
}

void HalfPipe::update_bulk(size_t bytes) {
  if (bulk_means_ == Bulk::none) return;
  const bool full = bytes >= kBlockSize;
  streak_ = full != bulk_ ? static_cast<uint8_t>(streak_ + 1) : 0;
  if (streak_ == kReadsToJudge) bulk_ = !bulk_, streak_ = 0;
}

HalfPipe::Step HalfPipe::source_end() {
  if (source_.cut_off()) return finish(State::source_failed), Step::wait;
  source_ended_ = true;
  if (left_ == kUnlimited) return Step::next;
  finish(State::truncated);
  return Step::wait;
}

// Borrows a block of the size that is needed now. The block that is held is empty.
void HalfPipe::borrow_block() {
  const bool large = bulk_ && bulk_means_ == Bulk::large_blocks;
  if (block_ != nullptr && large == (block_size_ == kLargeBlockSize)) return;
  give_back_block();
  if (large) block_ = resources_.large_buffers.lend();
  block_size_ = block_ != nullptr ? kLargeBlockSize : kBlockSize;
  if (block_ == nullptr) block_ = resources_.buffers.lend();
}

bool HalfPipe::borrow_kernel_pipe() {
  if (pipe_ == nullptr) pipe_ = resources_.kernel_pipes.lend();
  return pipe_ != nullptr;
}

void HalfPipe::count(size_t bytes) {
  if (bytes == 0) return;
  moved_ += bytes;
  last_moved_ = resources_.loop.now();
  last_move_ = ++resources_.moves;
}

// Without bytes in hand the half holds neither a block nor a kernel pipe.
void HalfPipe::give_back() {
  give_back_block();
  if (pipe_ != nullptr) resources_.kernel_pipes.take_back(std::exchange(pipe_, nullptr));
}

void HalfPipe::give_back_block() {
  if (block_ == nullptr) return;
  BufferPool& pool = block_size_ == kLargeBlockSize ? resources_.large_buffers : resources_.buffers;
  pool.take_back(std::exchange(block_, nullptr));
  block_size_ = kBlockSize;
}

HalfPipe::State HalfPipe::finish(State state) {
  state_ = state;
  cancel_yield();
  if (state != State::ended && in_hand() > 0) return state_;  // stop() drops it
  give_back();
  return state_;
}

}  // namespace weir
