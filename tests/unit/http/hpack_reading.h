// Header blocks as the RFC prints them, and decoded fields as text: a line "name: value" for each,
// with "(never indexed)" behind it where that holds.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/hpack_decoder.h"

namespace weir {

// Blanks are left out.
inline std::string unhex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    const int digit = hex_value(c);
    if (digit < 0) continue;
    if (high >= 0) bytes += char(high * 16 + digit);
    high = high < 0 ? digit : -1;
  }
  EXPECT_EQ(high, -1) << text;
  return bytes;
}

// The decoder of a connection, and what it found in the last block.
class HpackReading final : public HpackSink {
 public:
  using State = HpackOutcome::State;

  // The text of the fields; block and memory are allocated for the call, to the byte.
  std::string read(std::string_view block, size_t limit = 65536, size_t memory = 65536) {
    const std::vector<char> bytes(block.begin(), block.end());
    memory_.assign(memory, '?');
    text.clear();
    fields.clear();
    outcome = decoder.decode({bytes.data(), bytes.size()}, memory_, limit, *this);
    return text;
  }
  std::string read_hex(std::string_view block) { return read(unhex(block)); }

  // The reason why `block` is malformed, for a new connection; empty: it is not.
  static std::string fault(std::string_view block) {
    HpackReading reading;
    reading.read(block);
    EXPECT_EQ(reading.outcome.state == State::malformed, *reading.outcome.reason != '\0');
    return reading.outcome.reason;
  }

  // The newest entry first.
  std::string table() const {
    std::string lines;
    HpackField field;
    for (uint32_t index = 62; decoder.table().find(index, field); ++index) lines += line(field);
    return lines;
  }

  void on_field(const HpackField& field) override {
    const char* const end = fields.empty() ? memory_.data() : text_end_;
    EXPECT_EQ(field.name.data(), end) << "texts stand one behind the other";
    EXPECT_EQ(field.value.data(), end + field.name.size());
    text_end_ = field.value.data() + field.value.size();
    fields.push_back(field);
    text += line(field);
  }

  HpackDecoder decoder;
  HpackOutcome outcome;
  std::string text;
  std::vector<HpackField> fields;  // valid until the next read()

 private:
  static std::string line(const HpackField& field) {
    std::string line(field.name);
    line.append(": ").append(field.value);
    return line + (field.never_indexed ? " (never indexed)\n" : "\n");
  }

  std::vector<char> memory_;
  const char* text_end_ = nullptr;
};

}  // namespace weir
