// Outbox: the frames of one connection that are to be sent, in one stretch, so that one write takes
// them all: 16 KiB of the worker's pool, then 64 KiB, and memory of its own for heads and control
// frames beyond that. DATA is only added while room() is not 0.
//
// A frame is known by its position among all bytes that were ever added. Bytes that TLS was offered
// and did not take must be offered again as they are: frames are changed only behind them (trap
// T18). Owner: an H2Link; holds nothing while it is empty. Thread: the worker's.
#pragma once

#include <memory>
#include <string_view>

#include "http/h2_connection.h"
#include "net/pipe.h"

namespace weir {

class Outbox final : public H2Output {
 public:
  static constexpr size_t kMost = kLargeBlockSize;  // DATA is not added above it
  static constexpr uint64_t kNoFrame = 0;           // no frame of a stream has this position

  explicit Outbox(PipeResources& resources) : resources_(resources) {}
  ~Outbox() { clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  bool empty() const { return begin_ == end_; }
  size_t size() const { return end_ - begin_; }
  std::string_view view() const { return {memory_ + begin_, size()}; }
  // Where the next byte goes, and the first byte that has not left.
  uint64_t end_position() const { return sent_ + size(); }
  uint64_t sent_position() const { return sent_; }
  // The byte at this position may have been sent: the transport or TLS has it.
  bool may_have_left(uint64_t position) const { return position < sent_ || position < offered_; }
  // Bytes of DATA that may be added, with the headers of their frames.
  size_t room() const { return size() < kMost ? kMost - size() : 0; }

  void append(std::string_view bytes) override;
  // DATA of at most kH2FrameSize bytes. They extend `frame`, the last frame of the same stream, if
  // that is DATA, small enough, and the last frame of all. Returns the position of their frame.
  uint64_t append_data(uint32_t stream, uint64_t frame, std::string_view head,
                       std::string_view body);
  // Sets END_STREAM in `frame`, the HEADERS or DATA that is the last of its stream. False: it may
  // have left.
  [[nodiscard]] bool end_stream(uint64_t frame);

  void offered() { offered_ = end_position(); }  // everything, to a write that did not take it all
  void taken(size_t bytes);                      // by the transport, from the front
  void clear();

 private:
  char* at(uint64_t position) const { return memory_ + begin_ + (position - sent_); }
  bool may_change(uint64_t frame) const {
    return frame != kNoFrame && frame >= sent_ && frame >= offered_;
  }
  char* reserve(size_t bytes);
  void move_to(char* memory, size_t capacity, std::unique_ptr<char[]> own);
  void give_back();

  PipeResources& resources_;
  char* memory_ = nullptr;
  size_t capacity_ = 0;
  std::unique_ptr<char[]> own_;  // when it is neither a small nor a large block
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t sent_ = 1;      // position of begin_
  uint64_t offered_ = 0;   // bytes before this position were offered to TLS
  uint64_t data_ = 0;      // the last DATA frame,
  uint64_t data_end_ = 0;  // and where it ends
};

}  // namespace weir
