// Any bytes as the header blocks of one connection: the first byte selects a limit, then each block
// follows a byte with its length. A limit changes neither the table nor the fields in front of it;
// fields that are written anew are the same fields.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "http/hpack_decoder.h"
#include "http/hpack_writer.h"

namespace {

using namespace weir;
using State = HpackOutcome::State;

// More than a block of 255 bytes can refer to.
constexpr size_t kAll = 256 * (kHpackTableSize + kHpackEntryOverhead);

struct Field {
  std::string name, value;
  bool valid = false, never_indexed = false;
  PseudoField pseudo = PseudoField::none;
  bool operator==(const Field&) const = default;
};

Field copy_of(const HpackField& field) {
  return {std::string(field.name), std::string(field.value), field.name_valid && field.value_valid,
          field.never_indexed, field.pseudo};
}

class Connection final : public HpackSink {
 public:
  Connection(size_t limit, size_t memory)
      : limit_(limit), memory_(std::make_unique_for_overwrite<char[]>(memory)), size_(memory) {}

  State decode(std::string_view block) {
    const std::vector<char> bytes(block.begin(), block.end());
    fields.clear();
    text_ = 0;
    outcome = decoder_.decode({bytes.data(), bytes.size()}, {memory_.get(), size_}, limit_, *this);
    CHECK((outcome.state == State::malformed) == (*outcome.reason != '\0'));
    CHECK(text_ + fields.size() * kHpackEntryOverhead <= limit_ && text_ <= size_);
    CHECK(outcome.size >= text_ + fields.size() * kHpackEntryOverhead);
    const HpackTable& table = decoder_.table();
    CHECK(table.size() <= table.max_size() && table.memory() <= kHpackTableSize);
    return outcome.state;
  }

  std::vector<Field> table() const {
    std::vector<Field> entries;
    HpackField field;
    uint32_t index = uint32_t(kHpackStatic.size());
    for (; decoder_.table().find(index, field); ++index) entries.push_back(copy_of(field));
    CHECK(entries.size() == decoder_.table().entries());
    return entries;
  }

  void on_field(const HpackField& field) override {
    CHECK(field.name.data() == memory_.get() + text_);
    CHECK(field.value.data() == field.name.data() + field.name.size());
    CHECK(!field.name_valid || field.pseudo != PseudoField::none || valid_field_name(field.name));
    CHECK(field.pseudo == pseudo_field(field.name));
    CHECK(!field.name_valid || field.id == field_id(field.name));
    CHECK(field.value_valid == valid_field_value(field.value));
    text_ += field.name.size() + field.value.size();
    fields.push_back(copy_of(field));
  }

  HpackOutcome outcome;
  std::vector<Field> fields;

 private:
  HpackDecoder decoder_;
  size_t limit_;
  std::unique_ptr<char[]> memory_;
  size_t size_;
  size_t text_ = 0;
};

// A connection with a limit, or without memory, against one that decodes everything.
bool check_limited(Connection& limited, const Connection& whole, std::string_view block) {
  const State state = limited.decode(block);
  CHECK(limited.fields.size() <= whole.fields.size());
  CHECK(std::equal(limited.fields.begin(), limited.fields.end(), whole.fields.begin()));
  if (state == State::excessive) return false;
  if (whole.outcome.state == State::malformed) {
    CHECK(state == State::malformed && limited.outcome.size == whole.outcome.size);
    return false;
  }
  CHECK(state == State::complete || state == State::too_large);
  CHECK((state == State::complete) == (limited.fields.size() == whole.fields.size()));
  CHECK(limited.outcome.size == whole.outcome.size);
  CHECK(limited.table() == whole.table());
  return true;
}

void write(HpackWriter& writer, const Field& field) {
  const auto indexing =
      field.never_indexed ? HpackWriter::Indexing::never : HpackWriter::Indexing::allowed;
  if (field.pseudo != PseudoField::none)
    writer.pseudo_field(field.pseudo, field.value, indexing);
  else
    writer.field(field.name, field.value, indexing);
}

void check_written(const Field& field) {
  if (field.name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos) return;
  std::string memory(field.name.size() + field.value.size() + 16, '\0');
  HpackWriter writer(memory);
  writer.empty_table();
  write(writer, field);
  CHECK(writer.ok() == field.valid);
  if (!writer.ok()) return;
  const std::string block(writer.block());
  Connection connection(kAll, memory.size());
  CHECK(connection.decode(block) == State::complete && connection.fields.size() == 1);
  const Field& again = connection.fields[0];
  CHECK(again.name == field.name && again.value == field.value && again.valid);
  CHECK(again.never_indexed || !field.never_indexed);
  std::vector<char> small(block.size() - 1);
  HpackWriter cut(small);
  cut.empty_table();
  write(cut, field);
  CHECK(!cut.ok() && cut.block().empty());
}

// The first fields of a block, without repetitions: that bounds the time of an input.
void check_written(const std::vector<Field>& fields) {
  constexpr size_t kWritten = 16;
  for (size_t i = 0; i < std::min(fields.size(), kWritten); ++i) {
    if (i == 0 || fields[i] != fields[i - 1]) check_written(fields[i]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  const size_t limit = size_t(32) << (data[0] & 7);
  input.remove_prefix(1);
  Connection whole(kAll, kAll), limited(limit, limit), forgetful(kAll, 0);
  bool limited_lives = true;
  while (!input.empty()) {
    const std::string_view block = input.substr(1, static_cast<unsigned char>(input[0]));
    input.remove_prefix(1 + block.size());
    const State state = whole.decode(block);
    CHECK(state == State::complete || state == State::malformed);
    if (limited_lives) limited_lives = check_limited(limited, whole, block);
    const bool lives = check_limited(forgetful, whole, block);
    CHECK(lives == (state == State::complete));
    if (state == State::complete) check_written(whole.fields);
    if (state == State::malformed) break;
  }
  return 0;
}
