// H2FrameWriter: writes whole frames other than HEADERS and DATA (RFC 9113 6), and counts those
// that the peer has caused and that have not left yet. No allocation.
//
// Owner: an H2Connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/outcomes.h"
#include "http/h2_frames.h"

namespace weir {

// Takes frames in order. It must not call the connection.
class H2Output {
 public:
  virtual void append(std::string_view bytes) = 0;

 protected:
  ~H2Output() = default;
};

class H2FrameWriter {
 public:
  static constexpr size_t kMaxDebug = 128;  // bytes of debug data in a GOAWAY; more is cut

  explicit H2FrameWriter(H2Output& output) : output_(output) {}

  void append(std::string_view bytes) { output_.append(bytes); }
  void write(H2FrameType type, uint8_t flags, uint32_t stream, std::string_view payload);
  void settings_ack();
  void ping(uint64_t opaque);
  void ping_ack(std::string_view opaque);
  void goaway(uint32_t last_stream, H2Error code, std::string_view debug);
  void window_update(uint32_t stream, uint32_t increment);
  void rst_stream(uint32_t stream, H2Error code);

  // ACKs and RST_STREAMs since note_flushed(), and what the last one was.
  unsigned owed() const { return owed_; }
  H2ErrorReason owed_for() const { return owed_for_; }
  void note_flushed() { owed_ = 0; }

 private:
  void owe(H2ErrorReason reason);

  H2Output& output_;
  unsigned owed_ = 0;
  H2ErrorReason owed_for_ = H2ErrorReason::flood_reset;
};

}  // namespace weir
