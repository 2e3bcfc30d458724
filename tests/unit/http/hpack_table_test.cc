// The static and the dynamic table of RFC 7541 2.3 and 4.
#include "http/hpack_table.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>
#include <utility>

namespace weir {
namespace {

constexpr uint32_t kFirstDynamic = 62;

HpackField table_field(std::string_view name, std::string_view value) {
  return HpackField{name, value};
}

std::string table_entry(const HpackTable& table, uint32_t index) {
  HpackField field;
  if (!table.find(index, field)) return "none";
  return std::string(field.name) + "=" + std::string(field.value);
}

TEST(HpackStaticTable, HasTheRowsOfAppendixA) {
  const HpackTable table;
  EXPECT_EQ(table_entry(table, 1), ":authority=");
  EXPECT_EQ(table_entry(table, 2), ":method=GET");
  EXPECT_EQ(table_entry(table, 3), ":method=POST");
  EXPECT_EQ(table_entry(table, 4), ":path=/");
  EXPECT_EQ(table_entry(table, 7), ":scheme=https");
  EXPECT_EQ(table_entry(table, 8), ":status=200");
  EXPECT_EQ(table_entry(table, 14), ":status=500");
  EXPECT_EQ(table_entry(table, 15), "accept-charset=");
  EXPECT_EQ(table_entry(table, 16), "accept-encoding=gzip, deflate");
  EXPECT_EQ(table_entry(table, 32), "cookie=");
  EXPECT_EQ(table_entry(table, 38), "host=");
  EXPECT_EQ(table_entry(table, 47), "max-forwards=");
  EXPECT_EQ(table_entry(table, 55), "set-cookie=");
  EXPECT_EQ(table_entry(table, 61), "www-authenticate=");
  EXPECT_EQ(table_entry(table, 0), "none");
  EXPECT_EQ(table_entry(table, 62), "none");
}

TEST(HpackStaticTable, KnowsItsNames) {
  for (size_t row = 1; row < kHpackStatic.size(); ++row) {
    const HpackField& field = kHpackStatic[row];
    const bool pseudo = field.name.starts_with(':');
    EXPECT_EQ(field.id, field_id(field.name)) << field.name;
    EXPECT_EQ(field.pseudo != PseudoField::none, pseudo) << field.name;
    EXPECT_EQ(field.pseudo, pseudo_field(field.name)) << field.name;
    EXPECT_TRUE(field.name_valid && (pseudo || valid_field_name(field.name))) << field.name;
    EXPECT_TRUE(field.value_valid && valid_field_value(field.value)) << field.name;
  }
}

TEST(HpackTable, AllocatesNothingBeforeTheFirstEntryAndThenGrowsByDoubling) {
  HpackTable table;
  EXPECT_EQ(table.memory(), 0u);
  std::string sizes;
  for (size_t before = 0, i = 0; i < 1000; ++i) {
    table.insert(table_field("name" + std::to_string(i), "value"));
    if (table.memory() != before) sizes += std::to_string(table.memory()) + " ";
    before = table.memory();
  }
  EXPECT_EQ(sizes, "512 1024 2048 4096 ");
}

TEST(HpackTable, AllocatesNothingForAnEntryThatItCannotHold) {
  HpackTable table;
  table.insert(table_field("name", std::string(4096 - 32 - 3, 'x')));
  EXPECT_EQ(table.memory(), 0u);
  table.insert(table_field("name", std::string(4096 - 32 - 4, 'x')));
  EXPECT_EQ(table.memory(), 4096u);
  EXPECT_EQ(table.size(), 4096u);
  EXPECT_EQ(table.entries(), 1u);
}

TEST(HpackTable, PutsTheNewestEntryFirst) {
  HpackTable table;
  table.insert(table_field("a", "1"));
  table.insert(table_field("b", "2"));
  EXPECT_EQ(table_entry(table, 62), "b=2");
  EXPECT_EQ(table_entry(table, 63), "a=1");
  EXPECT_EQ(table_entry(table, 64), "none");
  EXPECT_EQ(table.size(), 68u) << "RFC 7541 4.1: 32 bytes for each entry, and its texts";
}

// RFC 7541 4.4.
TEST(HpackTable, EvictsTheOldestEntriesForANewOne) {
  HpackTable table;
  table.set_max_size(100);
  for (const char* name : {"a", "b", "c", "d"}) table.insert(table_field(name, "."));
  EXPECT_EQ(table_entry(table, 62), "d=.");
  EXPECT_EQ(table_entry(table, 63), "c=.");
  EXPECT_EQ(table_entry(table, 64), "none");
  table.insert(table_field("e", std::string(34, '.')));
  EXPECT_EQ(table_entry(table, 62), "e=" + std::string(34, '.'));
  EXPECT_EQ(table_entry(table, 63), "none");
}

// RFC 7541 4.4: "It is not an error."
TEST(HpackTable, IsEmptyAfterAnEntryThatIsLargerThanTheTable) {
  HpackTable table;
  table.set_max_size(100);
  table.insert(table_field("a", "1"));
  table.insert(table_field("b", std::string(68, '.')));
  EXPECT_EQ(table.entries(), 0u);
  EXPECT_EQ(table.size(), 0u);
  table.insert(table_field("c", "3"));
  EXPECT_EQ(table_entry(table, 62), "c=3");
}

// RFC 7541 4.3.
TEST(HpackTable, EvictsEntriesWhenItsMaximumSizeBecomesSmaller) {
  HpackTable table;
  for (const char* name : {"a", "b", "c"}) table.insert(table_field(name, "."));
  table.set_max_size(68);
  EXPECT_EQ(table.entries(), 2u);
  EXPECT_EQ(table_entry(table, 63), "b=.");
  table.set_max_size(67);
  EXPECT_EQ(table_entry(table, 62), "c=.");
  EXPECT_EQ(table.entries(), 1u);
  table.set_max_size(0);
  EXPECT_EQ(table.entries(), 0u);
  table.set_max_size(4096);
  EXPECT_EQ(table_entry(table, 62), "none") << "what has been evicted stays evicted";
}

TEST(HpackTable, KeepsWhatIsKnownOfAField) {
  for (unsigned bits = 0; bits < 4; ++bits) {
    for (size_t pseudo = 0; pseudo < kPseudoNames.size(); ++pseudo) {
      HpackField field{"name", "value"};
      field.id = FieldId::via;
      field.pseudo = PseudoField(pseudo);
      field.name_valid = (bits & 1) != 0;
      field.value_valid = (bits & 2) != 0;
      field.never_indexed = true;
      HpackTable table;
      table.insert(field);
      HpackField found;
      ASSERT_TRUE(table.find(kFirstDynamic, found));
      EXPECT_EQ(found.id, field.id);
      EXPECT_EQ(found.pseudo, field.pseudo);
      EXPECT_EQ(found.name_valid, field.name_valid);
      EXPECT_EQ(found.value_valid, field.value_valid);
      EXPECT_FALSE(found.never_indexed) << "an entry of a table may be indexed";
    }
  }
}

TEST(HpackTable, TakesAnyNumberOfEmptyFields) {
  HpackTable table;
  for (int i = 0; i < 5000; ++i) table.insert(table_field("", ""));
  EXPECT_EQ(table.entries(), 128u);
  EXPECT_EQ(table_entry(table, 62), "=");
  EXPECT_EQ(table_entry(table, 62 + 127), "=");
  EXPECT_EQ(table_entry(table, 62 + 128), "none");
}

// The table as a plain list.
class HpackTableModel {
 public:
  void insert(const std::string& name, const std::string& value) {
    const size_t size = name.size() + value.size() + 32;
    evict(size > max_size_ ? 0 : max_size_ - size);
    if (size > max_size_) return;
    size_ += size;
    entries_.emplace_front(name, value);
  }
  void set_max_size(size_t size) {
    max_size_ = size;
    evict(size);
  }
  void expect_same(const HpackTable& table) const {
    ASSERT_EQ(table.size(), size_);
    ASSERT_EQ(table.entries(), entries_.size());
    for (uint32_t i = 0; i < entries_.size(); ++i)
      ASSERT_EQ(table_entry(table, kFirstDynamic + i),
                entries_[i].first + "=" + entries_[i].second);
    ASSERT_EQ(table_entry(table, kFirstDynamic + uint32_t(entries_.size())), "none");
  }

 private:
  void evict(size_t size) {
    while (size_ > size) {
      size_ -= entries_.back().first.size() + entries_.back().second.size() + 32;
      entries_.pop_back();
    }
  }
  std::deque<std::pair<std::string, std::string>> entries_;
  size_t size_ = 0, max_size_ = 4096;
};

TEST(HpackTable, EqualsAListAfterRandomChanges) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937 random(seed);
    HpackTable table;
    HpackTableModel model;
    const size_t longest = seed % 4 == 0 ? 4200 : seed % 4 == 1 ? 4 : 40u << (seed % 6);
    for (int step = 0; step < 400; ++step) {
      if (random() % 64 == 0) {
        const size_t size = random() % 3 == 0 ? random() % 4097 : 4096;
        table.set_max_size(size);
        model.set_max_size(size);
      }
      const std::string name(random() % 8, char('a' + step % 26));
      const std::string value(random() % longest, char('A' + step % 26));
      table.insert(table_field(name, value));
      model.insert(name, value);
      ASSERT_LE(table.memory(), 4096u);
      ASSERT_NO_FATAL_FAILURE(model.expect_same(table)) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace weir
