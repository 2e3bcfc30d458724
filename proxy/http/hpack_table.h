// The tables of HPACK, RFC 7541 2.3: the static table (Appendix A) and the dynamic table of one
// direction of a connection, which share the indices.
//
// Owner of an HpackTable: the HpackDecoder of the connection, on its thread. It allocates nothing
// before the first field is inserted, then 512 bytes, doubled up to kHpackTableSize: at most four
// times in its life. Its memory holds the texts of the entries from the front, in order of age, and
// a slot for each entry from the end, the newest first, so that an index needs no search. RFC 7541
// 4.1 counts 32 bytes for each entry and a slot takes 8: entries within max_size() always fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/hpack_field.h"

namespace weir {

// SETTINGS_HEADER_TABLE_SIZE: weir keeps the default of RFC 9113 6.5.2.
inline constexpr size_t kHpackTableSize = 4096;
inline constexpr size_t kHpackEntryOverhead = 32;  // RFC 7541 4.1

namespace detail {

constexpr HpackField static_row(std::string_view name, std::string_view value) {
  HpackField row{name, value};
  row.pseudo = pseudo_field(name);
  for (size_t id = 1; id < kKnownFields.size(); ++id) {
    if (kKnownFields[id].name == name) row.id = FieldId(id);
  }
  row.name_valid = row.value_valid = true;
  return row;
}

}  // namespace detail

// By index; no field has the index 0.
inline constexpr auto kHpackStatic = std::to_array<HpackField>({
    {},
#define ROW(name, value) detail::static_row(name, value),
#include "http/hpack_static.def"
#undef ROW
});
static_assert(kHpackStatic.size() == 62);

class HpackTable {
 public:
  // The field of an index of either table; false: there is none (RFC 7541 2.3.3). Its texts are
  // valid until the table changes.
  [[nodiscard]] bool find(uint32_t index, HpackField& field) const;
  // The texts of `field` are not in this table's memory. A field that is larger than max_size()
  // empties the table, which is no error (RFC 7541 4.4).
  void insert(const HpackField& field);
  void clear() { evict_to(0); }
  // RFC 7541 4.3: evicts what does not fit. `size` <= kHpackTableSize. Keeps the memory.
  void set_max_size(size_t size);

  size_t size() const { return size_; }  // as RFC 7541 4.1 counts
  size_t max_size() const { return max_size_; }
  size_t entries() const { return entries_; }
  size_t memory() const { return slots_ * sizeof(Slot); }  // allocated bytes

 private:
  struct Slot {
    uint16_t begin, name, value;  // where the texts begin, and their sizes
    FieldId id;
    uint8_t flags;
  };
  static_assert(sizeof(Slot) == 8);

  char* texts() const { return reinterpret_cast<char*>(memory_.get()); }
  void evict_to(size_t size);
  void grow(size_t size);
  void move_to(Slot* memory, size_t slots);

  std::unique_ptr<Slot[]> memory_;
  uint32_t slots_ = 0;   // of the whole memory
  uint32_t newest_ = 0;  // the slot of the newest entry
  uint32_t entries_ = 0;
  uint32_t texts_end_ = 0;  // the texts of all entries end here
  uint32_t size_ = 0;
  uint32_t max_size_ = kHpackTableSize;
};

}  // namespace weir
