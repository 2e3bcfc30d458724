#include "http/hpack_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "http/hpack_table.h"

namespace weir {
namespace {

// The first row of a name in the static table.
constexpr unsigned static_row_of(std::string_view name) {
  unsigned row = 1;
  while (row < kHpackStatic.size() && kHpackStatic[row].name != name) ++row;
  return row < kHpackStatic.size() ? row : 0;
}

constexpr unsigned kAuthorizationRow = static_row_of("authorization");
constexpr unsigned kCookieRow = static_row_of("cookie");

constexpr auto kPseudoRows = [] {
  std::array<uint8_t, kPseudoNames.size()> rows{};
  for (size_t i = 1; i < rows.size(); ++i) rows[i] = uint8_t(static_row_of(kPseudoNames[i]));
  return rows;
}();

// Open addressing by the hash of the name, as in http/header_names.h.
constexpr auto kStaticSlots = [] {
  std::array<uint8_t, 256> slots{};
  for (size_t row = 1; row < kHpackStatic.size(); ++row) {
    const std::string_view name = kHpackStatic[row].name;
    if (name == kHpackStatic[row - 1].name) continue;
    unsigned slot = detail::name_hash(name);
    while (slots[slot] != 0) slot = (slot + 1) & 0xff;
    slots[slot] = uint8_t(row);
  }
  return slots;
}();

// 0: the static table does not have the name, which is a token in any case.
unsigned find_static_row(std::string_view name) {
  for (unsigned slot = detail::name_hash(name); kStaticSlots[slot] != 0; slot = (slot + 1) & 0xff) {
    const std::string_view known = kHpackStatic[kStaticSlots[slot]].name;
    if (known.size() == name.size() && detail::same_name(name, known)) return kStaticSlots[slot];
  }
  return 0;
}

// The row that has the value, too, among those of one name, which stand together; 0: none.
unsigned find_static_value(unsigned row, std::string_view value) {
  if (row == 0) return 0;
  const std::string_view name = kHpackStatic[row].name;
  for (; row < kHpackStatic.size() && kHpackStatic[row].name == name; ++row) {
    if (kHpackStatic[row].value == value) return row;
  }
  return 0;
}

bool is_secret(unsigned row, std::string_view value) {
  return row == kAuthorizationRow || (row == kCookieRow && value.size() < kGuessableCookie);
}

}  // namespace

void HpackWriter::empty_table() {
  DCHECK(used_ == 0);
  integer(0x20, 5, 0);
}

void HpackWriter::pseudo_field(PseudoField field, std::string_view value, Indexing indexing) {
  DCHECK(field != PseudoField::none);
  if (!valid_field_value(value)) return fail();
  write(kPseudoRows[size_t(field)], pseudo_name(field), value, indexing);
}

void HpackWriter::status(unsigned status) {
  if (status < 100 || status > 999) return fail();
  const char digits[3] = {char('0' + status / 100), char('0' + status / 10 % 10),
                          char('0' + status % 10)};
  pseudo_field(PseudoField::status, {digits, sizeof digits});
}

void HpackWriter::field(std::string_view name, std::string_view value, Indexing indexing) {
  if (!all(kToken, name) || !valid_field_value(value)) return fail();
  const unsigned row = find_static_row(name);
  write(row, name, value, is_secret(row, value) ? Indexing::never : indexing);
}

void HpackWriter::field_of(std::string_view name, std::string_view value, std::string_view more) {
  const bool valid = all(kToken, name) && !value.empty() && !more.empty() &&
                     trim_ows(value).data() == value.data() && all(kFieldText, value) &&
                     trim_ows(more).size() == more.size() && all(kFieldText, more);
  if (!valid) return fail();
  write_name(find_static_row(name), name, Indexing::allowed);
  integer(0, 7, value.size() + more.size());
  append(value);
  append(more);
}

void HpackWriter::field(std::string_view name, uint64_t value) {
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  field(name, std::string_view(digits, size_t(end - digits)));
}

// RFC 7541 6.1, 6.2.2 and 6.2.3.
void HpackWriter::write(unsigned row, std::string_view name, std::string_view value,
                        Indexing indexing) {
  const unsigned whole = indexing == Indexing::allowed ? find_static_value(row, value) : 0;
  if (whole != 0) return integer(0x80, 7, whole);
  write_name(row, name, indexing);
  string(value);
}

void HpackWriter::write_name(unsigned row, std::string_view name, Indexing indexing) {
  integer(indexing == Indexing::never ? 0x10 : 0, 4, row);
  if (row != 0) return;
  string(name);
  if (!ok_) return;
  char* const end = out_.data() + used_;
  std::transform(end - name.size(), end, end - name.size(), ascii_lower);
}

// RFC 7541 5.2, without Huffman code.
void HpackWriter::string(std::string_view text) {
  integer(0, 7, text.size());
  append(text);
}

// RFC 7541 5.1. `pattern`: the bits before the prefix.
void HpackWriter::integer(unsigned pattern, unsigned prefix, uint64_t value) {
  const unsigned mask = (1u << prefix) - 1;
  if (value < mask) return append(char(pattern | unsigned(value)));
  append(char(pattern | mask));
  for (value -= mask; value >= 0x80; value >>= 7) append(char(0x80 | (value & 0x7f)));
  append(char(value));
}

void HpackWriter::append(char byte) {
  if (!ok_ || used_ == out_.size()) return fail();
  out_[used_++] = byte;
}

void HpackWriter::append(std::string_view text) {
  if (!ok_ || text.size() > out_.size() - used_) return fail();
  std::copy(text.begin(), text.end(), out_.data() + used_);
  used_ += text.size();
}

}  // namespace weir
