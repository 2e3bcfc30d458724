#include "http/hpack_decoder.h"

#include <algorithm>
#include <array>

#include "http/hpack_huffman.h"

namespace weir {
namespace {

constexpr unsigned kMaxIntegerSize = 6;  // RFC 7541 5.1 leaves the limits to the implementation
constexpr uint64_t kMaxInteger = uint64_t(1) << 31;
constexpr unsigned kMaxSizeUpdates = 2;  // RFC 7541 4.2: the smallest size, and the final one

// RFC 7541 6.1, 6.2.1 to 6.2.3.
enum class HpackForm : uint8_t { indexed, indexing, plain, never_indexed };

struct HpackString {
  std::string_view bytes;
  bool huffman = false;
};

// One field as it stands in the block.
struct HpackItem {
  HpackForm form = HpackForm::plain;
  uint32_t index = 0;  // of the field or of its name; 0: the name is a literal
  HpackString name, value;
};

// The rest of a block.
class HpackInput {
 public:
  explicit HpackInput(std::string_view block) : left_(block) {}

  bool more() const { return !left_.empty(); }
  bool at_size_update() const { return more() && (first() & 0xe0) == 0x20; }
  // False: the block is malformed.
  [[nodiscard]] bool integer(unsigned prefix, uint32_t& value);
  [[nodiscard]] bool item(HpackItem& item);
  const char* reason() const { return reason_; }

 private:
  unsigned first() const { return static_cast<unsigned char>(left_.front()); }
  bool string(HpackString& text);
  bool fail(const char* reason) {
    reason_ = reason;
    return false;
  }

  std::string_view left_;
  const char* reason_ = "";
};

// RFC 7541 5.1; there is a first byte.
bool HpackInput::integer(unsigned prefix, uint32_t& value) {
  const unsigned mask = (1u << prefix) - 1;
  value = first() & mask;
  left_.remove_prefix(1);
  if (value < mask) return true;
  uint64_t number = mask;
  for (unsigned size = 1; size < kMaxIntegerSize; ++size) {
    if (!more()) return fail("the block ends in an integer");
    const unsigned byte = first();
    left_.remove_prefix(1);
    number += uint64_t(byte & 0x7f) << (7 * (size - 1));
    if (number > kMaxInteger) return fail("an integer is too large");
    if (byte >= 0x80) continue;
    value = uint32_t(number);
    return true;
  }
  return fail("an integer is too long");
}

// RFC 7541 5.2.
bool HpackInput::string(HpackString& text) {
  if (!more()) return fail("the block ends before a string");
  text.huffman = first() >= 0x80;
  uint32_t size = 0;
  if (!integer(7, size)) return false;
  if (size > left_.size()) return fail("a string is longer than the block");
  text.bytes = left_.substr(0, size);
  left_.remove_prefix(size);
  return true;
}

// RFC 7541 6.
bool HpackInput::item(HpackItem& item) {
  if (at_size_update()) return fail("a table size update behind a field or a third one");
  const unsigned first = this->first();
  if (first >= 0x80) {
    item.form = HpackForm::indexed;
    return integer(7, item.index);
  }
  item.form = first >= 0x40   ? HpackForm::indexing
              : first >= 0x10 ? HpackForm::never_indexed
                              : HpackForm::plain;
  if (!integer(item.form == HpackForm::indexing ? 6 : 4, item.index)) return false;
  return (item.index != 0 || string(item.name)) && string(item.value);
}

// Texts one behind the other. What does not fit is counted and not written.
class HpackText {
 public:
  explicit HpackText(std::span<char> room) : room_(room) {}

  void copy(std::string_view text) {
    const size_t fits = std::min(text.size(), left().size());
    std::copy_n(text.begin(), fits, left().begin());
    size_ += text.size();
  }
  // False for an invalid Huffman code.
  [[nodiscard]] bool decode(const HpackString& text) {
    if (!text.huffman) {
      copy(text.bytes);
      return true;
    }
    const std::optional<size_t> size = decode_huffman(text.bytes, left());
    size_ += size.value_or(0);
    return size.has_value();
  }
  size_t size() const { return size_; }
  bool fits() const { return size_ <= room_.size(); }

 private:
  std::span<char> left() const { return room_.subspan(std::min(size_, room_.size())); }

  std::span<char> room_;
  size_t size_ = 0;
};

void check_name(HpackField& field) {
  if (field.name.starts_with(':')) {
    field.pseudo = pseudo_field(field.name);
    field.name_valid = field.pseudo != PseudoField::none;
    return;
  }
  field.name_valid = valid_field_name(field.name);
  if (field.name_valid) field.id = field_id(field.name);
}

// One block.
class HpackBlock {
 public:
  HpackBlock(HpackTable& table, std::string_view block, std::span<char> memory, size_t limit)
      : table_(table), input_(block), memory_(memory), limit_(limit) {}

  HpackOutcome decode(HpackSink& sink);

 private:
  bool size_updates();
  bool resolve(const HpackItem& item, std::span<char> room);
  HpackOutcome pass_over(HpackItem item);
  HpackOutcome malformed(const char* reason) const {
    return {HpackOutcome::State::malformed, reason, size_};
  }

  HpackTable& table_;
  HpackInput input_;
  std::span<char> memory_;
  size_t limit_;
  size_t used_ = 0;  // bytes of memory_
  size_t size_ = 0;  // of the fields so far
  const char* reason_ = "";
  // What resolve() found. The field is whole only if its texts fit.
  HpackField field_;
  size_t text_ = 0;
  bool fits_ = false;
};

// RFC 7541 4.2.
bool HpackBlock::size_updates() {
  for (unsigned count = 0; count < kMaxSizeUpdates && input_.at_size_update(); ++count) {
    uint32_t size = 0;
    if (!input_.integer(5, size)) {
      reason_ = input_.reason();
      return false;
    }
    if (size > kHpackTableSize) {
      reason_ = "a table size update beyond the limit";
      return false;
    }
    table_.set_max_size(size);
  }
  return true;
}

HpackOutcome HpackBlock::decode(HpackSink& sink) {
  if (!size_updates()) return malformed(reason_);
  HpackItem item;
  while (input_.more()) {
    if (!input_.item(item)) return malformed(input_.reason());
    const size_t allowance = limit_ - size_;
    if (allowance < kHpackEntryOverhead) return pass_over(item);
    const size_t room = std::min(memory_.size() - used_, allowance - kHpackEntryOverhead);
    if (!resolve(item, memory_.subspan(used_, room))) return malformed(reason_);
    if (!fits_) return pass_over(item);
    if (item.form == HpackForm::indexing) table_.insert(field_);
    used_ += text_;
    size_ += text_ + kHpackEntryOverhead;
    sink.on_field(field_);
  }
  return {HpackOutcome::State::complete, "", size_};
}

// The rest of a head that is too large, from `item` on: only what enters the table is needed.
HpackOutcome HpackBlock::pass_over(HpackItem item) {
  std::array<char, kHpackTableSize - kHpackEntryOverhead> scratch;  // NOLINT: written before read
  for (;;) {
    const bool indexing = item.form == HpackForm::indexing;
    if (!resolve(item, indexing ? std::span<char>(scratch) : std::span<char>()))
      return malformed(reason_);
    if (indexing && fits_) table_.insert(field_);
    if (indexing && !fits_) table_.clear();  // larger than every table: RFC 7541 4.4
    size_ += text_ + kHpackEntryOverhead;
    if (size_ > kHpackExcess * limit_) return {HpackOutcome::State::excessive, "", size_};
    if (!input_.more()) return {HpackOutcome::State::too_large, "", size_};
    if (!input_.item(item)) return malformed(input_.reason());
  }
}

// Finds and decodes name and value of `item`. False: the block is malformed.
bool HpackBlock::resolve(const HpackItem& item, std::span<char> room) {
  field_ = {};
  const bool indexed = item.form == HpackForm::indexed;
  if ((indexed || item.index != 0) && !table_.find(item.index, field_)) {
    reason_ = "an index beyond the tables";
    return false;
  }
  reason_ = "an invalid Huffman code";
  HpackText text(room);
  if (item.index != 0)
    text.copy(field_.name);
  else if (!text.decode(item.name))
    return false;
  const size_t name = text.size();
  if (indexed)
    text.copy(field_.value);
  else if (!text.decode(item.value))
    return false;
  text_ = text.size();
  fits_ = text.fits();
  if (!fits_) return true;
  field_.name = {room.data(), name};
  field_.value = {room.data() + name, text_ - name};
  if (item.index == 0) check_name(field_);
  if (!indexed) field_.value_valid = valid_field_value(field_.value);
  field_.never_indexed = item.form == HpackForm::never_indexed;
  return true;
}

}  // namespace

HpackOutcome HpackDecoder::decode(std::string_view block, std::span<char> memory, size_t limit,
                                  HpackSink& sink) {
  return HpackBlock(table_, block, memory, limit).decode(sink);
}

}  // namespace weir
