// BodyRelay: carries one body from the side that sends it to the other, with the head that goes
// before it. Between two connections of HTTP/1 a body of known length goes on as it is, by a
// HalfPipe and splice(2) when it is long; any other is decoded and framed anew: framing bytes are
// never passed on as they came. A stream (net/stream.h) delimits its body itself: a relay reads it
// to its end, writes it without framing, and ends it, with the trailers, when the body is complete
// and in no other case (RFC 9112 7, RFC 9113 8.1).
//
// Owner: an Exchange, one for each direction, by value; thread: its loop's. While a relay runs it
// (state() is open) it has the source's reader and the sink's writer. It reports and closes
// nothing. Not reading while the sink takes nothing is the back-pressure; what it holds is one
// block and, rarely, what was left of the head. The trailers that the filter lets pass follow the
// body where it is delimited.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes_with_room.h"
#include "exchange/kept_body.h"
#include "http/h1_body.h"
#include "net/channel.h"
#include "net/pipe.h"

namespace weir {

// Trailers may follow the body that `head` announces, and may be relayed: chunks have them on
// either side, and with Content-Length streams have them.
bool may_have_trailers(const MessageHead& head, Channel source, Channel sink);

class BodyRelayObserver {
 public:
  // state() is no longer open, or a stream, the source, was reset while the sink takes nothing.
  virtual void on_body() = 0;

 protected:
  ~BodyRelayObserver() = default;
};

class BodyRelay final : private TransportReader,
                        private TransportWriter,
                        private PipeObserver,
                        private Yielding {
 public:
  enum class State : uint8_t {
    idle,
    open,
    done,           // complete: every byte has been handed to the sink, and a stream is ended
    truncated,      // the source ended in the middle
    malformed,      // decoder().fault() says how
    source_failed,  // reading failed
    sink_failed,    // writing failed; the source may still have something to say
  };
  // Room that the owner leaves after the bytes that it reads with a head, for the end of a chunk.
  static constexpr size_t kTailRoom = 8;

  BodyRelay(PipeResources& resources, BodyRelayObserver& observer)
      : resources_(resources), observer_(observer), kept_(resources.buffers) {}
  ~BodyRelay() { stop(); }

  // Before begin(): what the body is, as `head` says. `limit`: of the decoded body, in bytes.
  void expect(const MessageHead& head, uint64_t limit, Channel source);
  // Instead: there is none, and the bytes that follow the head are not the message's. A stream is
  // not ended.
  void expect_tunnel();
  // Of a body that may have trailers, between the two: which of them are relayed, and how many
  // bytes they may have.
  void expect_trailers(const FieldFilter& filter, size_t limit, H1BodyDecoder::Excess excess);
  const H1BodyDecoder& decoder() const { return decoder_; }
  // Of a stream: while it keeps, another begin() sends the same bytes first.
  KeptBody& kept() { return kept_; }

  // Sends `head` and what is known of the body: `known` was read with the head, and is decoded in
  // place. If chunks are written (`out` is delimited, and the sink no stream), `head` needs room
  // for kChunkHeadSize bytes, and `known`, unless it is empty, for kTailRoom. Returns how many
  // bytes of `known` belong to the body. Takes the two callbacks.
  size_t begin(Channel source, Channel sink, BodyFraming out, BytesWithRoom head,
               BytesWithRoom known);
  void stop();

  State state() const { return state_; }
  BodyFraming framing() const { return out_; }  // towards the sink; none: not begun
  bool running() const { return state_ == State::open; }
  // Nothing of the body is still to come: the rest is here, or waits in the stream that is read.
  bool received_whole() const {
    return decoder_.state() == H1BodyDecoder::State::done ||
           (raw_ && raw_->moved() + raw_->in_hand() == decoder_.data_ahead()) ||
           (way_.from_stream && source_.ended_by_peer());
  }
  // The sink does not take what is there. Before a stream without room bytes stay unread.
  bool blocked() const {
    const bool unread = way_.to_stream && running() && !sink_.writable() && source_.readable();
    return unread || unsent() > 0 || (raw_ && raw_->blocked());
  }
  uint64_t sent() const { return sent_ + (raw_ ? raw_->moved() : 0); }
  // Read from the source by the relay: not what was known before.
  uint64_t received() const { return received_ + (raw_ ? raw_->moved() : 0); }
  // The sink did not take everything at this moment, or later.
  bool blocked_since(TimePoint time) const { return blocked() || blocked_at_ >= time; }
  TimePoint last_moved() const {
    return raw_ ? std::max(moved_at_, raw_->last_moved()) : moved_at_;
  }
  // When done: bytes after the body that were read with it. Valid until stop().
  std::string_view leftover() const { return leftover_; }

 private:
  enum class Step : uint8_t { next, wait };
  // The last chunk's head, the trailers, and room for the empty line after them.
  struct Trailers {
    FieldFilter filter;
    std::unique_ptr<char[]> memory;
    size_t size = 0;
  };
  // How body and channels go together; begin() finds out.
  struct Way {
    bool from_stream = false;  // which delimits the body
    bool to_stream = false;
    bool chunks = false;      // are written
    bool same = false;        // the framing stays: bytes may go on as they are
    bool stays_open = false;  // expect_tunnel()
  };
  // What the sink did not take of the first write.
  struct Outbox {
    std::unique_ptr<char[]> memory;
    size_t begin = 0;
    size_t size = 0;

    std::span<const char> rest() const { return {memory.get() + begin, size - begin}; }
    void keep(std::span<const char> first, std::span<const char> second, size_t taken);
  };

  void on_readable() override {
    if (way_.from_stream && source_.failed() && blocked()) return observer_.on_body();
    pump_and_report();
  }
  void on_writable() override {
    if (unsent() > 0 || way_.to_stream) pump_and_report();
  }
  void on_resume() override { pump_and_report(); }
  void on_pipe() override;

  void leave_callbacks();
  void pump_and_report();
  void pump();
  Step flush();
  Step fill();
  Step end_of_source();
  bool start_raw();
  void raw_over();
  size_t decode(char* data, size_t size, size_t& used);
  void use_trailer_memory(size_t size);
  size_t end_chunk(char* after, size_t data);
  size_t unsent() const { return outbox_.size - outbox_.begin + end_ - begin_ + tail_.size(); }
  void finish(State state);
  void give_back();

  static constexpr int kBlocksPerTurn = 16;
  static constexpr size_t kFront = kChunkHeadSize;
  static constexpr size_t kFirstTrailers = 4096;  // memory for them to begin with
  static constexpr std::string_view kLastChunkHead = "0\r\n";

  PipeResources& resources_;
  BodyRelayObserver& observer_;
  Channel source_;
  Channel sink_;
  H1BodyDecoder decoder_;
  std::optional<HalfPipe> raw_;
  Outbox outbox_;
  char* block_ = nullptr;
  uint32_t begin_ = 0;  // of what is to be sent, in block_
  uint32_t end_ = 0;
  std::unique_ptr<Trailers> trailers_;  // of delimited bodies; kept for the next one
  std::string_view tail_;               // a last chunk with trailers, in there
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  TimePoint moved_at_{};
  TimePoint blocked_at_{};
  std::string_view leftover_;
  BodyFraming in_ = BodyFraming::none;
  BodyFraming out_ = BodyFraming::none;
  Way way_;
  KeptBody kept_;
  State state_ = State::idle;
};

}  // namespace weir
