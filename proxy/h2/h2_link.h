// H2Link: an HTTP/2 connection over a transport: reads bytes and passes them to the H2Connection,
// tells the streams what has come for them, and writes what they have to send once a turn.
//
// Owner: an Http2Client, or the shared connection of a pool; the transport is its owner's, too, and
// outlives it. Thread: the worker's. While it is open it has both observers of the transport. The
// owner closes it in any call of H2LinkOwner, and frees it at the end of the turn at the earliest.
#pragma once

#include <optional>

#include "h2/h2_stream.h"

namespace weir {

class H2LinkOwner {
 public:
  // See H2Events.
  virtual H2Stream* on_new_stream(uint32_t id) = 0;
  virtual H2FieldTarget on_fields(H2Stream& stream, H2Fields kind) = 0;
  virtual void on_fields_end(H2Stream& stream, H2Fields kind, const HpackOutcome& outcome,
                             bool end) = 0;
  virtual void on_stream_reset(H2Stream& stream, H2Error code, bool by_peer) = 0;
  virtual void on_priority(uint32_t stream, std::string_view value) = 0;
  virtual void on_settings() = 0;
  virtual void on_goaway(uint32_t last_stream, H2Error code, std::string_view debug) = 0;
  virtual void on_ping_ack(uint64_t opaque) = 0;
  // All bytes of this turn have been received, and all streams know what has come for them.
  virtual void on_received() = 0;
  // The output is empty.
  virtual void on_flushed() = 0;

  enum class Down : uint8_t {
    ended,   // the peer's FIN
    failed,  // Transport::error() says why
    error,   // connection().error(): its GOAWAY is in the output
  };
  // Nothing more is received.
  virtual void on_down(Down how) = 0;

 protected:
  ~H2LinkOwner() = default;
};

class H2Link final : private H2Events,
                     private TransportReader,
                     private TransportWriter,
                     private Yielding,
                     private Flushing {
 public:
  H2Link(PipeResources& resources, Transport& transport, H2Role role, H2LinkOwner& owner);
  ~H2Link() { close(); }

  // Takes the transport's observers, and writes what a connection begins with.
  void start(const H2OwnSettings& settings, unsigned patience);
  // Then: `first`, bytes that were read from the transport before, and what it has now.
  void receive_first(std::string_view first);
  // No further call of the owner. The transport stays open.
  void close();
  bool is_open() const { return open_; }

  H2Connection& connection() { return connection_; }
  const H2Connection& connection() const { return connection_; }
  const Outbox& outbox() const { return outbox_; }
  uint64_t received() const { return received_; }  // bytes of the transport
  uint64_t sent() const { return sent_; }
  TimePoint last_received() const { return received_at_; }
  // Since when bytes wait that the transport does not take; kNever: none wait.
  TimePoint blocked_since() const { return moved_at_; }
  // After something was done with connection(): what it has written leaves at the end of the turn.
  void flush_later();
  // For H2Stream, until its reset(). Bytes of DATA that may be written now.
  size_t sendable(const H2Stream& stream) const;
  uint64_t write_data(H2Stream& stream, uint64_t frame, std::string_view head,
                      std::string_view body);
  void wait_for_room(H2Stream& stream);
  void set_priority(H2Stream& stream, H2Priority priority);
  void send_fields(H2Stream& stream, std::string_view block, bool end);
  void end_stream(H2Stream& stream, uint64_t frame);
  void reset(H2Stream& stream, H2Error code, bool fault);
  // Bytes of its inbox were read; they were dropped.
  void taken(H2Stream& stream, size_t bytes, bool blocked);
  void dropped(size_t bytes);
  uint64_t end_of_outbox() const { return outbox_.end_position(); }
  // The peer does not serve the stream: it is over without a frame. Its observers learn of it
  // behind the last byte of the read that is under way.
  void drop(H2Stream& stream);
  // Every stream that is attached is reset: the connection is over.
  void reset_all();
  // The reader of the stream is called behind the last byte of the read that is under way.
  void announce(H2Stream& stream);

 private:
  static constexpr int kReadsPerTurn = 8;
  static constexpr size_t kWrittenPerTurn = 256 * 1024;
  // Above these, of one connection of a client or of all blocks of the worker, a client's window
  // for its whole connection is given back only when its bytes are taken.
  static constexpr size_t kMostHeld = 1024 * 1024;
  static constexpr size_t kMostBlocks = 64 * 1024 * 1024 / kBlockSize;

  // H2Events
  H2StreamState* on_new_stream(uint32_t id) override { return owner_.on_new_stream(id); }
  H2FieldTarget on_fields(H2StreamState& stream, H2Fields kind) override;
  void on_fields_end(H2StreamState& stream, H2Fields kind, const HpackOutcome& outcome,
                     bool end) override;
  void on_data(H2StreamState& stream, std::string_view data) override;
  void on_end(H2StreamState& stream) override;
  void on_reset(H2StreamState& stream, H2Error code, bool by_peer) override;
  void on_window(H2StreamState& stream) override;
  void on_connection_window() override;
  void on_settings() override { owner_.on_settings(); }
  void on_goaway(uint32_t last, H2Error code, std::string_view debug) override {
    owner_.on_goaway(last, code, debug);
  }
  void on_ping_ack(uint64_t opaque) override { owner_.on_ping_ack(opaque); }
  void on_priority(uint32_t stream, std::string_view value) override {
    owner_.on_priority(stream, value);
  }

  void on_readable() override { read(); }
  void on_writable() override { flush_later(); }
  void on_resume() override { read(); }
  void on_flush() override;

  void read();
  void read_blocks(std::optional<H2LinkOwner::Down>& down);
  void receive(std::string_view bytes);
  void settle(std::optional<H2LinkOwner::Down> down);
  void tell_streams();
  void add_news(H2Stream& stream);
  bool write_out();
  bool hand_out_room();

  PipeResources& resources_;
  Transport& transport_;
  H2LinkOwner& owner_;
  Outbox outbox_;
  H2Connection connection_;
  IntrusiveList<H2Stream, StreamNews> news_;
  SendOrder<H2Stream> order_;
  TimePoint received_at_{};
  TimePoint moved_at_ = kNever;  // while bytes wait: one came first, or the transport took some
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
  size_t written_ = 0;  // in this turn
  size_t held_ = 0;     // in the inboxes
  const bool bounded_;  // held_, as that of a client
  bool holding_ = false;
  bool open_ = false;
};

}  // namespace weir
