#include "http/hpack_table.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace weir {
namespace {

constexpr size_t kFirstTableMemory = 512;
constexpr unsigned kNameIsValid = 1, kValueIsValid = 2, kPseudoShift = 2;

unsigned slot_flags(const HpackField& field) {
  return (field.name_valid ? kNameIsValid : 0) | (field.value_valid ? kValueIsValid : 0) |
         unsigned(field.pseudo) << kPseudoShift;
}

}  // namespace

bool HpackTable::find(uint32_t index, HpackField& field) const {
  if (index == 0) return false;
  if (index < kHpackStatic.size()) {
    field = kHpackStatic[index];
    return true;
  }
  index -= uint32_t(kHpackStatic.size());
  if (index >= entries_) return false;
  const Slot& slot = memory_[newest_ + index];
  field.name = {texts() + slot.begin, slot.name};
  field.value = {texts() + slot.begin + slot.name, slot.value};
  field.id = slot.id;
  field.pseudo = PseudoField(slot.flags >> kPseudoShift);
  field.name_valid = (slot.flags & kNameIsValid) != 0;
  field.value_valid = (slot.flags & kValueIsValid) != 0;
  field.never_indexed = false;
  return true;
}

void HpackTable::insert(const HpackField& field) {
  const size_t text = field.name.size() + field.value.size();
  const size_t size = text + kHpackEntryOverhead;
  if (size > max_size_) return clear();
  evict_to(max_size_ - size);
  if (size_ + size > memory()) grow(size_ + size);
  const size_t needed = text + sizeof(Slot);
  if (texts_end_ + needed > newest_ * sizeof(Slot)) move_to(memory_.get(), slots_);
  DCHECK(texts_end_ + needed <= newest_ * sizeof(Slot));
  char* const to = texts() + texts_end_;
  std::copy(field.name.begin(), field.name.end(), to);
  std::copy(field.value.begin(), field.value.end(), to + field.name.size());
  memory_[--newest_] = {uint16_t(texts_end_), uint16_t(field.name.size()),
                        uint16_t(field.value.size()), field.id, uint8_t(slot_flags(field))};
  ++entries_;
  texts_end_ += uint32_t(text);
  size_ += uint32_t(size);
}

void HpackTable::set_max_size(size_t size) {
  DCHECK(size <= kHpackTableSize);
  max_size_ = uint32_t(size);
  evict_to(size);
}

void HpackTable::evict_to(size_t size) {
  while (size_ > size) {
    const Slot& oldest = memory_[newest_ + --entries_];
    size_ -= uint32_t(oldest.name + oldest.value + kHpackEntryOverhead);
  }
  if (entries_ > 0) return;
  newest_ = slots_;
  texts_end_ = 0;
}

void HpackTable::grow(size_t size) {
  size_t bytes = std::max(memory(), kFirstTableMemory);
  while (bytes < size) bytes *= 2;
  const size_t slots = bytes / sizeof(Slot);
  auto larger = std::make_unique_for_overwrite<Slot[]>(slots);
  move_to(larger.get(), slots);
  memory_ = std::move(larger);
  slots_ = uint32_t(slots);
}

// Moves the entries to the two ends of `memory`, which may be the memory that they are in: the
// texts move to the front, the slots to the end, and neither crosses the other.
void HpackTable::move_to(Slot* memory, size_t slots) {
  Slot* const newest = memory + (slots - entries_);
  if (entries_ > 0) {
    const uint32_t begin = memory_[newest_ + entries_ - 1].begin;
    texts_end_ -= begin;
    std::memmove(memory, texts() + begin, texts_end_);
    std::memmove(newest, memory_.get() + newest_, entries_ * sizeof(Slot));
    for (uint32_t i = 0; i < entries_; ++i) newest[i].begin = uint16_t(newest[i].begin - begin);
  }
  newest_ = uint32_t(slots - entries_);
}

}  // namespace weir
