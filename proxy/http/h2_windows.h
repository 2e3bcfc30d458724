// H2ReceiveWindow: how much DATA a peer may send, on a stream or on the connection (RFC 9113 5.2,
// 6.9), and when that is announced anew. Pure; a member of the stream or the connection.
//
//   size = open (may still be sent) + untaken (arrived) + taken but not announced again
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "http/h2_frames.h"

namespace weir {

class H2ReceiveWindow {
 public:
  explicit H2ReceiveWindow(uint32_t size = kH2Window) : size_(size) {}

  uint32_t size() const { return size_; }
  uint32_t open() const { return size_ - unreturned_; }
  uint32_t untaken() const { return untaken_; }

  // False: the peer has sent more than it was allowed to.
  [[nodiscard]] bool receive(uint32_t bytes) {
    if (bytes > open()) return false;
    unreturned_ += bytes;
    untaken_ += bytes;
    return true;
  }
  // `blocked`: the bytes had to wait. The size does not grow before a whole window was taken
  // without that.
  void take(uint32_t bytes, bool blocked = false) {
    DCHECK(bytes <= untaken_);
    untaken_ -= bytes;
    taken_at_once_ = blocked ? 0 : std::min(size_, taken_at_once_ + bytes);
  }
  // The increment of the WINDOW_UPDATE that is due: once half of the size was taken. 0: none.
  uint32_t take_update(uint32_t max_size) {
    const uint32_t taken = unreturned_ - untaken_;
    if (taken == 0 || taken < size_ / 2) return 0;
    unreturned_ = untaken_;
    if (taken_at_once_ < size_ || size_ >= max_size) return taken;
    const uint32_t growth = std::min(size_, max_size - size_);
    size_ += growth;
    taken_at_once_ = 0;
    return taken + growth;
  }

 private:
  uint32_t size_;
  uint32_t unreturned_ = 0;  // arrived, and not announced again
  uint32_t untaken_ = 0;     // of these
  uint32_t taken_at_once_ = 0;
};

}  // namespace weir
