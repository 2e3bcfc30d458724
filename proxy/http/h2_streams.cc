#include "http/h2_streams.h"

namespace weir {
namespace {

constexpr uint32_t kFirstCapacity = 8;

}  // namespace

H2Streams::~H2Streams() {
  for_each([](H2StreamState& stream) { stream.attached_ = false; });
}

H2StreamState* H2Streams::find(uint32_t id) const {
  if (size_ == 0) return nullptr;
  for (size_t at = home(id); slots_[at] != nullptr; at = (at + 1) & (capacity_ - 1)) {
    if (slots_[at]->id_ == id) return slots_[at];
  }
  return nullptr;
}

void H2Streams::insert(H2StreamState& stream, uint32_t id) {
  DCHECK(!stream.attached_ && find(id) == nullptr);
  if (size_ + 1 > capacity_ / 4 * 3) grow();
  stream.id_ = id;
  stream.attached_ = true;
  put(stream);
  ++size_;
  stream.previous_ = last_;
  stream.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &stream;
  last_ = &stream;
}

void H2Streams::put(H2StreamState& stream) {
  size_t at = home(stream.id_);
  while (slots_[at] != nullptr) at = (at + 1) & (capacity_ - 1);
  slots_[at] = &stream;
}

void H2Streams::grow() {
  capacity_ = capacity_ == 0 ? kFirstCapacity : 2 * capacity_;
  slots_ = std::make_unique<H2StreamState*[]>(capacity_);
  for (H2StreamState* stream = first_; stream != nullptr; stream = stream->next_) put(*stream);
}

void H2Streams::erase(H2StreamState& stream) {
  DCHECK(stream.attached_);
  size_t at = home(stream.id_);
  while (slots_[at] != &stream) at = (at + 1) & (capacity_ - 1);
  close_gap(at);
  --size_;
  for (Cursor* cursor = cursors_; cursor != nullptr; cursor = cursor->outer) {
    if (cursor->next == &stream) cursor->next = stream.next_;
  }
  (stream.previous_ != nullptr ? stream.previous_->next_ : first_) = stream.next_;
  (stream.next_ != nullptr ? stream.next_->previous_ : last_) = stream.previous_;
  stream.previous_ = stream.next_ = nullptr;
  stream.attached_ = false;
  if (size_ > 0 || memory() <= kKeptMemory) return;
  slots_.reset();
  capacity_ = 0;
}

// Moves back what a search would no longer find behind the gap.
void H2Streams::close_gap(size_t gap) {
  const size_t mask = capacity_ - 1;
  for (size_t at = (gap + 1) & mask; slots_[at] != nullptr; at = (at + 1) & mask) {
    if (((at - home(slots_[at]->id_)) & mask) < ((at - gap) & mask)) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = nullptr;
}

}  // namespace weir
