#include "h2/outbox.h"

#include <cstring>

namespace weir {

void Outbox::append(std::string_view bytes) {
  std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
  end_ += bytes.size();
}

uint64_t Outbox::append_data(uint32_t stream, uint64_t frame, std::string_view head,
                             std::string_view body) {
  const size_t size = head.size() + body.size();
  DCHECK(size > 0 && size <= kH2FrameSize);
  const bool extends = frame == data_ && data_end_ == end_position() && may_change(frame) &&
                       data_end_ - data_ - kH2FrameHeaderSize + size <= kH2FrameSize;
  char* to = reserve(extends ? size : kH2FrameHeaderSize + size);
  if (!extends) {
    data_ = end_position();
    end_ += kH2FrameHeaderSize;
    to += kH2FrameHeaderSize;
  }
  if (!head.empty()) std::memcpy(to, head.data(), head.size());
  if (!body.empty()) std::memcpy(to + head.size(), body.data(), body.size());
  end_ += size;
  data_end_ = end_position();
  const auto payload = static_cast<uint32_t>(data_end_ - data_ - kH2FrameHeaderSize);
  const auto header = write_h2_frame_header({payload, H2FrameType::data, 0, stream});
  std::memcpy(at(data_), header.data(), header.size());
  return data_;
}

bool Outbox::end_stream(uint64_t frame) {
  if (!may_change(frame)) return false;
  constexpr size_t kFlags = 4;  // RFC 9113 4.1
  char& flags = at(frame)[kFlags];
  flags = static_cast<char>(flags | kH2EndStream);
  if (frame == data_) data_ = kNoFrame;
  return true;
}

void Outbox::taken(size_t bytes) {
  begin_ += bytes;
  sent_ += bytes;
  if (!empty()) return;
  begin_ = end_ = 0;
  give_back();
}

void Outbox::clear() {
  sent_ = end_position();
  begin_ = end_ = 0;
  give_back();
}

// Makes room at the end: moves what is left to the front, or to larger memory.
char* Outbox::reserve(size_t bytes) {
  if (end_ + bytes <= capacity_) return memory_ + end_;
  const size_t wanted = size() + bytes;
  if (wanted <= capacity_) {
    std::memmove(memory_, memory_ + begin_, size());
    end_ = size();
    begin_ = 0;
    return memory_ + end_;
  }
  if (wanted <= kBlockSize) {
    move_to(resources_.buffers.lend(), kBlockSize, nullptr);
    return memory_ + end_;
  }
  if (wanted <= kLargeBlockSize) {
    if (char* const large = resources_.large_buffers.lend()) {
      move_to(large, kLargeBlockSize, nullptr);
      return memory_ + end_;
    }
  }
  const size_t capacity = std::max(2 * wanted, kLargeBlockSize);
  std::unique_ptr<char[]> own(new char[capacity]);
  char* const memory = own.get();
  move_to(memory, capacity, std::move(own));
  return memory_ + end_;
}

void Outbox::move_to(char* memory, size_t capacity, std::unique_ptr<char[]> own) {
  const size_t kept = size();
  if (kept > 0) std::memcpy(memory, memory_ + begin_, kept);
  give_back();
  memory_ = memory;
  capacity_ = capacity;
  own_ = std::move(own);
  begin_ = 0;
  end_ = kept;
}

void Outbox::give_back() {
  if (memory_ == nullptr) return;
  if (own_ != nullptr)
    own_.reset();
  else if (capacity_ == kBlockSize)
    resources_.buffers.take_back(memory_);
  else
    resources_.large_buffers.take_back(memory_);
  memory_ = nullptr;
  capacity_ = 0;
}

}  // namespace weir
