// Http2Flood: frames of a hostile client or backend: many of one kind, or invalid ones.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"

namespace weir::sim {

enum class FloodKind : uint8_t {
  ping,
  settings,
  window_update,
  zero_increment,
  window_overflow,
  priority,
  unknown,
  empty_data,
  reset,         // of streams that have just begun
  malformed,     // heads that are no requests or responses
  continuation,  // a header block without an end
  bad_block,     // no HPACK
  too_large,
  wrong_stream,  // frames on stream 0 that belong to a stream, and streams of the wrong parity
  push_promise,
  garbage,
};
inline constexpr size_t kFloodKinds = 16;

class Http2Flood {
 public:
  // The path of its requests; the configuration answers them.
  static constexpr const char* kPath = "/fixed/flood";

  Http2Flood(FloodKind kind, Random& random) : kind_(kind), random_(random) {}
  static constexpr int kFrames = 3000;
  std::string next();  // a few frames; "" after kFrames

 private:
  std::string one();
  std::string begin_stream(const char* path, uint8_t flags);

  const FloodKind kind_;
  Random& random_;
  uint32_t stream_ = 100001;
  bool begun_ = false;
  int frames_ = 0;
};

}  // namespace weir::sim
