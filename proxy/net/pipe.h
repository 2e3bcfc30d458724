// HalfPipe: moves the bytes of one direction. Pipe: both directions, and the time of the last move.
//
// One reader callback (the source is readable) and one writer callback (the sink is writable) drive
// a half; both call pump(), and nothing else moves bytes. Back-pressure: a half does not read while
// the sink takes nothing. Bytes go through a block of the worker's BufferPool. While a direction
// reads full blocks, it uses a kernel pipe and splice(2), or larger blocks for TLS. Owner: a
// session, by value. Thread: its loop's. A half reports to its observer, which closes the
// transports; a half closes none.
#pragma once

#include <cstdint>

#include "net/buffer_pool.h"
#include "net/channel.h"
#include "net/kernel_pipe.h"

namespace weir {

// What the pipes of one worker share.
struct PipeResources {
  explicit PipeResources(EventLoop& l)
      : loop(l), buffers(l), large_buffers(l, kLargeBlockSize, kMostLargeBlocks), kernel_pipes(l) {}

  EventLoop& loop;
  uint64_t moves = 0;  // so far; tells which of two halves has moved bytes last
  BufferPool buffers;
  BufferPool large_buffers;
  KernelPipePool kernel_pipes;
};

class PipeObserver {
 public:
  // A half has ended or failed.
  virtual void on_pipe() = 0;

 protected:
  ~PipeObserver() = default;
};

class HalfPipe final : public TransportReader, public TransportWriter, private Yielding {
 public:
  enum class State : uint8_t {
    open,
    ended,          // the sink has got all bytes before the source's FIN, and a FIN after them
    source_failed,  // reading failed; the sink has taken everything that was received before
    sink_failed,    // writing failed
    truncated,      // the source's FIN came before the limit
  };

  static constexpr int kChunksPerTurn = 16;  // 256 KiB copied, or as many fillings of a kernel pipe

  HalfPipe(PipeResources& resources, Channel source, Channel sink, PipeObserver& observer)
      : resources_(resources), source_(source), sink_(sink), observer_(observer) {}
  ~HalfPipe() { stop(); }

  // Ends after so many bytes, without a FIN: for a body of known length. Before start(). A length
  // that update_bulk() would judge to be bulk is bulk from the beginning.
  void limit(uint64_t bytes) {
    left_ = bytes;
    bulk_ = bytes >= kReadsToJudge * kBlockSize;
  }
  // Bytes to send before those that are read: at most kBlockSize; they count as moved. Before
  // start().
  void preload(std::string_view bytes);
  void start();  // registers the two callbacks
  void stop();   // removes them and returns what was lent; bytes in hand are lost
  // Ends, without a FIN, when the sink has taken what is in hand.
  void read_no_more() { left_ = 0; }
  // Moves bytes until one side blocks or the budget of this turn is used up; then it yields.
  State pump();

  State state() const { return state_; }
  bool failed() const { return state_ == State::source_failed || state_ == State::sink_failed; }
  bool source_ended() const { return source_ended_ || source_lost_; }  // it sends no more bytes
  bool fin_sent() const { return fin_sent_; }     // after the last byte, whatever happened since
  bool blocked() const { return in_hand() > 0; }  // the sink does not take what was read
  size_t in_hand() const { return end_ - begin_ + (pipe_ != nullptr ? pipe_->held : 0); }
  uint64_t moved() const { return moved_; }  // bytes the sink has taken
  bool splicing() const { return bulk_ && bulk_means_ == Bulk::splice; }
  TimePoint last_moved() const { return last_moved_; }
  bool moved_after(const HalfPipe& other) const { return last_move_ > other.last_move_; }

 private:
  enum class Step : uint8_t { next, wait };
  enum class Bulk : uint8_t { none, splice, large_blocks };
  // After so many full blocks in a row a transfer is bulk; after so many smaller reads it is not.
  static constexpr int kReadsToJudge = 8;
  static constexpr uint64_t kUnlimited = UINT64_MAX;

  void on_readable() override;
  void on_writable() override;
  void on_resume() override;
  void pump_and_report();

  Step flush();
  Step fill();
  Step fill_block();
  Step fill_kernel_pipe();
  bool borrow_kernel_pipe();
  void borrow_block();
  void update_bulk(size_t bytes);
  void took(size_t bytes) {
    if (left_ != kUnlimited) left_ -= bytes;
  }
  Step source_end();
  void count(size_t bytes);
  void give_back();
  void give_back_block();
  State finish(State state);

  PipeResources& resources_;
  Channel source_;
  Channel sink_;
  PipeObserver& observer_;
  char* block_ = nullptr;
  uint32_t block_size_ = kBlockSize;
  KernelPipe* pipe_ = nullptr;
  uint32_t begin_ = 0;  // of the bytes in hand, in block_
  uint32_t end_ = 0;
  uint64_t left_ = kUnlimited;  // to be read
  uint64_t moved_ = 0;
  TimePoint last_moved_{};
  uint64_t last_move_ = 0;
  State state_ = State::open;
  bool source_ended_ = false;
  bool source_lost_ = false;  // it was reset, with bytes received before that still to be delivered
  bool fin_sent_ = false;
  bool bulk_ = false;
  bool ask_ = false;                // a splice moved less than it could: the source may be empty
  Bulk bulk_means_ = Bulk::splice;  // what this pair of sockets can
  uint8_t streak_ = 0;              // reads in a row that contradict bulk_
};

class Pipe {
 public:
  // Nothing has moved for so long: the two sides are silent, not between two packets.
  static constexpr Duration kSilence = 1s;

  Pipe(PipeResources& resources, Channel client, Channel backend, PipeObserver& observer)
      : request(resources, client, backend, observer),
        response(resources, backend, client, observer) {}

  void start() {
    request.start();
    response.start();
  }
  void stop() {
    request.stop();
    response.stop();
  }
  bool ended() const {
    return request.state() == HalfPipe::State::ended && response.state() == HalfPipe::State::ended;
  }
  bool half_closed() const { return request.source_ended() || response.source_ended(); }
  bool blocked() const { return request.blocked() || response.blocked(); }
  // The client has sent bytes, and the backend has sent none since.
  bool awaits_answer() const { return request.moved_after(response); }
  // A side that takes no more bytes may have sent its last bytes before: true while they are being
  // delivered.
  bool goes_on_delivering() { return goes_on(request, response) || goes_on(response, request); }
  TimePoint last_moved() const { return std::max(request.last_moved(), response.last_moved()); }

  HalfPipe request;   // client → backend
  HalfPipe response;  // backend → client

 private:
  static bool goes_on(const HalfPipe& dead, HalfPipe& other) {
    return dead.state() == HalfPipe::State::sink_failed && other.state() == HalfPipe::State::open &&
           other.pump() == HalfPipe::State::open;
  }
};

}  // namespace weir
