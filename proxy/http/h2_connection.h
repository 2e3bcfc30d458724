// H2Connection: the protocol state of one HTTP/2 connection as server or client, RFC 9113: preface,
// frames, SETTINGS, streams, windows, header blocks, GOAWAY, and the patience with a peer that
// makes work without taking answers. Sans-I/O: bytes in, calls of an H2Events, frames out to an
// H2Output.
//
// Owner: an H2Link, or a test; one thread. receive() keeps at most an unfinished frame header or
// control frame and the header block that is being collected. It calls the handler while it goes
// through the input; the handler may call every function here but receive(), and must not destroy
// the connection. Allocates: the table of HPACK, the map of streams, a header block that came in
// several pieces.
//
// After a connection error a GOAWAY has been written, error() says why, and input is ignored.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/outcomes.h"
#include "base/time.h"
#include "http/h2_events.h"
#include "http/h2_frame_writer.h"
#include "http/h2_frames.h"
#include "http/h2_patience.h"
#include "http/h2_streams.h"
#include "http/h2_windows.h"
#include "http/hpack_decoder.h"

namespace weir {

enum class H2Role : uint8_t { server, client };

// Why the connection ended: a sentence for the log and the debug text of GOAWAY, and what is
// counted in weir_http2_errors_total.
struct H2ConnectionError {
  H2Error code{};
  H2ErrorReason counted{};
  const char* reason = "";
};

class H2Connection {
 public:
  static constexpr size_t kMaxBlock = 64 * 1024;  // encoded; beyond: ENHANCE_YOUR_CALM
  static constexpr unsigned kMaxContinuations = 32;
  static constexpr unsigned kMaxSettings = 32;  // in one frame
  static constexpr unsigned kMaxOwed = 1000;    // ACKs and RST_STREAMs that were not sent yet
  static constexpr uint32_t kMaxStreamWindow = 1024 * 1024;

  H2Connection(H2Role role, H2Events& events, H2Output& output);

  // Writes the client's preface, SETTINGS and the WINDOW_UPDATE of the connection. `patience`: the
  // factor of http/h2_patience.h for a peer with many clients.
  void start(const H2OwnSettings& settings, TimePoint now, unsigned patience = 1);
  // Takes all of `input`.
  void receive(std::string_view input, TimePoint now);

  // Client: begins a stream; false: ids have run out, or a GOAWAY has come.
  [[nodiscard]] bool open(H2StreamState& stream);
  // HEADERS, and CONTINUATIONs for a block above kH2FrameSize.
  void send_fields(H2StreamState& stream, std::string_view block, bool end);
  // How many bytes of DATA may be sent now, at most kH2FrameSize: the caller writes the frame, and
  // then says so.
  size_t sendable(const H2StreamState& stream) const;
  // The stream's own window is closed: on_window() follows when it opens.
  bool window_closed(const H2StreamState& stream) const { return stream.send_window_ <= 0; }
  void sent_data(H2StreamState& stream, size_t bytes);
  // END_STREAM has been written with the last frame of the stream. Detaches a stream that the peer
  // has ended, too.
  void sent_end(H2StreamState& stream);
  // An empty DATA frame with END_STREAM, and sent_end().
  void send_end(H2StreamState& stream);
  // RST_STREAM. Detaches the stream. `fault`: of the peer; costs patience.
  void reset(H2StreamState& stream, H2Error code, bool fault = false);
  // The connection forgets the stream without a frame: its end has been written and the answer is
  // of no more use, or the connection ends.
  void detach(H2StreamState& stream);

  // The other side has taken bytes of on_data(), or they are of no use any more; the stream may be
  // detached. `blocked`: the other side could not take all at once since the last call, so that
  // the stream's window does not grow.
  void taken(H2StreamState& stream, size_t bytes, bool blocked);
  // While true, the connection's window is given back by taken() only; else when bytes arrive.
  void hold_window(bool hold);

  void send_ping(uint64_t opaque);
  static constexpr uint64_t kLeavingPing = 0x7765697220676f;
  // GOAWAY with the largest id: new streams are still served. Then the PING kLeavingPing, whose
  // ACK shows that the peer has read it.
  void announce_leaving();
  // GOAWAY with the last stream that was begun; later ones are ignored. Idempotent.
  void leave(H2Error code = H2Error::no_error, std::string_view debug = {});
  // An error that the owner has found: a timeout, a cipher that is not allowed.
  void fail(H2Error code, H2ErrorReason counted, const char* reason);
  // The output is empty: everything that was owed has left.
  void note_flushed() { out_.note_flushed(); }
  // HEADERS or DATA were sent: earns patience.
  H2Patience& patience() { return patience_; }

  const std::optional<H2ConnectionError>& error() const { return error_; }
  const H2OwnSettings& own() const { return own_; }  // as announced
  const H2PeerSettings& peer() const { return peer_; }
  // The preface and the first SETTINGS of the peer have come.
  bool established() const { return peer_.received; }
  // The stream whose header block has begun, and not ended; 0: none.
  uint32_t fields_of() const { return block_.open ? block_.stream : 0; }
  bool leaving() const { return left_; }                              // leave() was called
  std::optional<uint32_t> peer_leaves() const { return peer_last_; }  // last id of its GOAWAY
  H2Streams& streams() { return streams_; }

 private:
  // receive(): http/h2_receiving.h.
  class Receiving;
  class Frames;
  class Data;
  class Blocks;
  class Control;

  // What of the input does not stand in `input` any more.
  struct Reading {
    enum class Part : uint8_t {
      preface,
      header,
      padding_size,
      priority,
      data,
      fragment,
      settings,
      control,
      skipped
    };
    Part part = Part::header;
    uint8_t padding = 0;    // of the frame, behind what is left
    uint8_t kept_size = 0;  // bytes of an unfinished item
    uint32_t left = 0;      // of the payload, without padding
    H2FrameHeader frame;
    H2StreamState* stream = nullptr;  // of a DATA frame; null: nothing takes the data
    std::array<char, 80> kept;
  };
  // The header block that is being received.
  struct Block {
    bool open = false;
    bool fresh = false;  // the stream begins with it
    bool end_stream = false;
    unsigned continuations = 0;
    uint32_t stream = 0;
    std::string bytes;  // empty if it comes in one piece
  };
  // What weir has sent and the peer has not acknowledged.
  struct Pending {
    unsigned settings = 0, pings = 0;
    uint32_t initial_window = 0;  // in the SETTINGS of the peer that are being received
  };

  void give_back(uint32_t bytes);  // to the connection's window
  void judge();                    // ends the connection if the peer has caused too much work

  const H2Role role_;
  bool left_ = false;
  bool hold_window_ = false;
  H2Events& events_;
  H2FrameWriter out_;
  H2OwnSettings own_;
  H2PeerSettings peer_;
  H2Patience patience_;
  H2Streams streams_;
  HpackDecoder decoder_;
  Reading reading_;
  Block block_;
  Pending pending_;
  H2ReceiveWindow window_;
  int64_t send_window_ = kH2Window;
  TimePoint now_{};
  uint32_t last_stream_ = 0;  // that the peer has begun, and weir has not ignored
  uint32_t highest_ = 0;      // the largest id that the peer has used
  uint32_t next_id_ = 1;      // client
  unsigned ignored_ = 0;      // streams begun by the peer after leave()
  // Bytes of DATA that the peer was allowed to send on streams that weir has detached since.
  uint64_t stale_ = 0;
  std::optional<uint32_t> peer_last_;
  std::optional<H2ConnectionError> error_;
};

}  // namespace weir
