// Header blocks of RFC 7541: the examples of its Appendix C, and every way in which a block is
// wrong.
#include "http/hpack_decoder.h"

#include "hpack_reading.h"

namespace weir {
namespace {

using HpackState = HpackOutcome::State;

// A literal without Huffman code: RFC 7541 5.2, of less than 127 bytes.
std::string hpack_literal(std::string_view text) {
  return char(text.size()) + std::string(text);
}
std::string plain_field(std::string_view name, std::string_view value) {
  return '\x00' + hpack_literal(name) + hpack_literal(value);
}
std::string indexing_field(std::string_view name, std::string_view value) {
  return '\x40' + hpack_literal(name) + hpack_literal(value);
}

TEST(HpackDecoder, DecodesAnEmptyBlock) {
  HpackReading reading;
  EXPECT_EQ(reading.read(""), "");
  EXPECT_EQ(reading.outcome.state, HpackState::complete);
  EXPECT_EQ(reading.outcome.size, 0u);
}

// RFC 7541 C.1, as sizes of the table, which have a prefix of five bits.
TEST(HpackDecoder, DecodesTheIntegersOfAppendixC1) {
  HpackReading reading;
  reading.read_hex("2a");
  EXPECT_EQ(reading.decoder.table().max_size(), 10u);
  reading.read_hex("3f9a0a");
  EXPECT_EQ(reading.decoder.table().max_size(), 1337u);
}

TEST(HpackDecoder, DecodesTheRepresentationsOfAppendixC2) {
  HpackReading indexing;
  EXPECT_EQ(indexing.read_hex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"),
            "custom-key: custom-header\n");
  EXPECT_EQ(indexing.table(), "custom-key: custom-header\n");
  EXPECT_EQ(indexing.decoder.table().size(), 55u);
  HpackReading reading;
  EXPECT_EQ(reading.read_hex("040c 2f73 616d 706c 652f 7061 7468"), ":path: /sample/path\n");
  EXPECT_EQ(reading.read_hex("1008 7061 7373 776f 7264 0673 6563 7265 74"),
            "password: secret (never indexed)\n");
  EXPECT_EQ(reading.read_hex("82"), ":method: GET\n");
  EXPECT_EQ(reading.table(), "");
}

// Of C.3 and C.4, and of C.5 and C.6, which are the same without and with Huffman code.
void expect_requests(const std::array<const char*, 3>& blocks) {
  HpackReading reading;
  EXPECT_EQ(reading.read_hex(blocks[0]),
            ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n");
  EXPECT_EQ(reading.outcome.size, 42u + 43 + 38 + 57);
  EXPECT_EQ(reading.table(), ":authority: www.example.com\n");
  EXPECT_EQ(reading.decoder.table().size(), 57u);
  EXPECT_EQ(reading.read_hex(blocks[1]),
            ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
            "cache-control: no-cache\n");
  EXPECT_EQ(reading.table(), "cache-control: no-cache\n:authority: www.example.com\n");
  EXPECT_EQ(reading.decoder.table().size(), 110u);
  EXPECT_EQ(reading.read_hex(blocks[2]),
            ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n"
            "custom-key: custom-value\n");
  EXPECT_EQ(reading.table(),
            "custom-key: custom-value\ncache-control: no-cache\n:authority: www.example.com\n");
  EXPECT_EQ(reading.decoder.table().size(), 164u);
  EXPECT_EQ(reading.outcome.state, HpackState::complete);
}

TEST(HpackDecoder, DecodesTheRequestsOfAppendixC3) {
  expect_requests({"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                   "8286 84be 5808 6e6f 2d63 6163 6865",
                   "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"});
}

TEST(HpackDecoder, DecodesTheRequestsOfAppendixC4) {
  expect_requests({"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", "8286 84be 5886 a8eb 1064 9cbf",
                   "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"});
}

// The table has 256 bytes, so entries are evicted.
void expect_responses(const std::array<const char*, 3>& blocks) {
  HpackReading reading;
  reading.read_hex("3fe101");
  EXPECT_EQ(reading.decoder.table().max_size(), 256u);
  EXPECT_EQ(reading.read_hex(blocks[0]),
            ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n"
            "location: https://www.example.com\n");
  EXPECT_EQ(reading.table(),
            "location: https://www.example.com\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n"
            "cache-control: private\n:status: 302\n");
  EXPECT_EQ(reading.decoder.table().size(), 222u);
  EXPECT_EQ(reading.read_hex(blocks[1]),
            ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n"
            "location: https://www.example.com\n");
  EXPECT_EQ(reading.table(),
            ":status: 307\nlocation: https://www.example.com\n"
            "date: Mon, 21 Oct 2013 20:13:21 GMT\ncache-control: private\n");
  EXPECT_EQ(reading.decoder.table().size(), 222u);
  EXPECT_EQ(reading.read_hex(blocks[2]),
            ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n"
            "location: https://www.example.com\ncontent-encoding: gzip\n"
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n");
  EXPECT_EQ(reading.table(),
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
            "content-encoding: gzip\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n");
  EXPECT_EQ(reading.decoder.table().size(), 215u);
  EXPECT_EQ(reading.outcome.state, HpackState::complete);
}

TEST(HpackDecoder, DecodesTheResponsesOfAppendixC5) {
  expect_responses(
      {"4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a"
       "3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
       "4803 3330 37c1 c0bf",
       "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04"
       "677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49"
       "553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31"});
}

TEST(HpackDecoder, DecodesTheResponsesOfAppendixC6) {
  expect_responses(
      {"4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e"
       "919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
       "4883 640e ffc1 c0bf",
       "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7"
       "821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed"
       "4ee5 b106 3d50 07"});
}

TEST(HpackDecoder, ReportsABlockThatIsCutAnywhereButBetweenItsFields) {
  const std::string block = unhex(
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e"
      "919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3");
  HpackReading whole;
  whole.read(block);
  for (size_t size = 0; size < block.size(); ++size) {
    HpackReading cut;
    cut.read(block.substr(0, size));
    EXPECT_TRUE(whole.text.starts_with(cut.text)) << cut.text;
    const bool between = size == 0 || size == 4 || size == 11 || size == 35;
    EXPECT_EQ(cut.outcome.state, between ? HpackState::complete : HpackState::malformed) << size;
  }
}

// RFC 7541 6.1 and 2.3.3.
TEST(HpackDecoder, RefusesTheIndexZero) {
  EXPECT_EQ(HpackReading::fault("\x80"), "an index beyond the tables");
}

TEST(HpackDecoder, RefusesIndicesBeyondTheTables) {
  const std::string one_entry = indexing_field("a", "b");
  EXPECT_EQ(HpackReading::fault("\xbd"), "") << "61, the last one of the static table";
  EXPECT_EQ(HpackReading::fault("\xbe"), "an index beyond the tables");
  EXPECT_EQ(HpackReading::fault(one_entry + "\xbe"), "");
  EXPECT_EQ(HpackReading::fault(one_entry + "\xbf"), "an index beyond the tables");
  EXPECT_EQ(HpackReading::fault(unhex("ffffffff07")), "an index beyond the tables");
  for (const char* name : {"7f00 0161", "0f30 0161", "1f30 0161"})  // 63 with each literal
    EXPECT_EQ(HpackReading::fault(one_entry + unhex(name)), "an index beyond the tables") << name;
}

// RFC 7541 5.1: "Integer encodings that exceed implementation limits -- in value or octet length --
// MUST be treated as decoding errors."
TEST(HpackDecoder, RefusesIntegersOfMoreThanSixBytes) {
  EXPECT_EQ(HpackReading::fault(unhex("3f8080808000")), "") << "31 in six bytes";
  EXPECT_EQ(HpackReading::fault(unhex("3f808080808000")), "an integer is too long");
  EXPECT_EQ(HpackReading::fault(unhex("ff808080808000")), "an integer is too long");
  EXPECT_EQ(HpackReading::fault('\x00' + unhex("7f808080808000")), "an integer is too long");
}

TEST(HpackDecoder, RefusesIntegersBeyondTwoToThe31) {
  EXPECT_EQ(HpackReading::fault(unhex("3fe1ffffff07")), "a table size update beyond the limit")
      << "2^31";
  EXPECT_EQ(HpackReading::fault(unhex("3fe2ffffff07")), "an integer is too large") << "2^31 + 1";
  EXPECT_EQ(HpackReading::fault(unhex("ffffffffff7f")), "an integer is too large");
  EXPECT_EQ(HpackReading::fault('\x00' + unhex("7fffffffff7f")), "an integer is too large");
  EXPECT_EQ(HpackReading::fault(unhex("ff8180808010")), "an integer is too large")
      << "2^32 + 128, 128 in 32 bits";
}

TEST(HpackDecoder, RefusesABlockThatEndsInAnInteger) {
  for (const char* block : {"3f", "3f80", "ff", "ff80", "7f", "0f", "1f80", "007f", "007f80"})
    EXPECT_EQ(HpackReading::fault(unhex(block)), "the block ends in an integer") << block;
}

TEST(HpackDecoder, RefusesStringsBeyondTheBlock) {
  EXPECT_EQ(HpackReading::fault(unhex("00 03 6162")), "a string is longer than the block");
  EXPECT_EQ(HpackReading::fault(unhex("00 01 61 03 6162")), "a string is longer than the block");
  EXPECT_EQ(HpackReading::fault(unhex("00 83 6162")), "a string is longer than the block");
  EXPECT_EQ(HpackReading::fault(unhex("00 7fff07 61")), "a string is longer than the block");
  EXPECT_EQ(HpackReading::fault(unhex("00")), "the block ends before a string");
  EXPECT_EQ(HpackReading::fault(unhex("00 01 61")), "the block ends before a string");
  EXPECT_EQ(HpackReading::fault(unhex("41")), "the block ends before a string");
}

// RFC 7541 5.2, in names and in values; hpack_huffman_test.cc has the ways to be wrong.
TEST(HpackDecoder, RefusesInvalidHuffmanCode) {
  for (const char* wrong : {"85 ff fffffffc", "81 ff", "82 07ff", "81 06", "84 3fffffff"}) {
    const std::string text = unhex(wrong);
    EXPECT_EQ(HpackReading::fault('\x00' + text + hpack_literal("b")), "an invalid Huffman code");
    EXPECT_EQ(HpackReading::fault('\x00' + hpack_literal("a") + text), "an invalid Huffman code");
    EXPECT_EQ(HpackReading::fault('\x41' + text), "an invalid Huffman code");
    EXPECT_EQ(HpackReading::fault('\x11' + text), "an invalid Huffman code");
  }
}

TEST(HpackDecoder, RefusesInvalidHuffmanCodeBehindTheLimit) {
  HpackReading reading;
  reading.read(plain_field("a", "b") + unhex("00 01 61 81 ff"), 33);
  EXPECT_EQ(reading.outcome.state, HpackState::malformed);
  reading.read(plain_field("a", "b") + unhex("40 01 61 81 ff"), 33);
  EXPECT_EQ(reading.outcome.state, HpackState::malformed);
}

// RFC 7541 6.3: "The new maximum size MUST be lower than or equal to the limit [...] A value that
// exceeds this limit MUST be treated as a decoding error."
TEST(HpackDecoder, RefusesATableSizeUpdateBeyondTheLimit) {
  EXPECT_EQ(HpackReading::fault(unhex("3fe11f")), "") << 4096;
  EXPECT_EQ(HpackReading::fault(unhex("3fe21f")), "a table size update beyond the limit") << 4097;
}

// RFC 7541 4.2: "MUST occur at the beginning of the first header block".
TEST(HpackDecoder, RefusesATableSizeUpdateBehindAField) {
  const char* const reason = "a table size update behind a field or a third one";
  EXPECT_EQ(HpackReading::fault(unhex("8220")), reason);
  EXPECT_EQ(HpackReading::fault(unhex("208220")), reason);
  EXPECT_EQ(HpackReading::fault(plain_field("a", "b") + '\x20'), reason);
}

// RFC 7541 4.2: the smallest size of the interval, and the final one.
TEST(HpackDecoder, TakesTwoTableSizeUpdatesAndRefusesAThird) {
  HpackReading reading;
  reading.read(indexing_field("a", "b"));
  EXPECT_EQ(reading.read_hex("20 3fe11f 82"), ":method: GET\n");
  EXPECT_EQ(reading.outcome.state, HpackState::complete);
  EXPECT_EQ(reading.decoder.table().max_size(), 4096u);
  EXPECT_EQ(reading.table(), "") << "the first one evicted the entry";
  EXPECT_EQ(HpackReading::fault(unhex("20 20 20 82")),
            "a table size update behind a field or a third one");
  EXPECT_EQ(HpackReading::fault(unhex("20 20")), "");
}

// RFC 7541 4.4: "it references the name of an entry in the dynamic table that will be evicted".
TEST(HpackDecoder, TakesTheNameOfAnEntryThatTheNewOneEvicts) {
  const std::string block = unhex("3f21") + indexing_field("a", "b") + '\x7e' + hpack_literal("cc");
  HpackReading reading;
  EXPECT_EQ(reading.read(block), "a: b\na: cc\n");
  EXPECT_EQ(reading.table(), "a: cc\n") << "the table has 64 bytes";
  HpackReading too_large;
  EXPECT_EQ(too_large.read(block, 34), "a: b\n");
  EXPECT_EQ(too_large.table(), "a: cc\n");
}

TEST(HpackDecoder, EmptiesTheTableForAFieldThatIsLargerThanTheTable) {
  HpackReading reading;
  const std::string large(60, 'x');
  EXPECT_EQ(reading.read(unhex("3f21") + indexing_field("a", "b") + indexing_field("c", large)),
            "a: b\nc: " + large + "\n");
  EXPECT_EQ(reading.table(), "");
}

// RFC 7541 6.2.2, 6.2.3.
TEST(HpackDecoder, AddsOnlyFieldsWithIndexingToTheTable) {
  HpackReading reading;
  EXPECT_EQ(
      reading.read('\x00' + hpack_literal("a") + hpack_literal("1") + '\x40' + hpack_literal("b") +
                   hpack_literal("2") + '\x10' + hpack_literal("c") + hpack_literal("3")),
      "a: 1\nb: 2\nc: 3 (never indexed)\n");
  EXPECT_EQ(reading.table(), "b: 2\n");
  EXPECT_EQ(reading.read(unhex("1f08") + hpack_literal("x")), "authorization: x (never indexed)\n");
}

HpackField only_field(HpackReading& reading, const std::string& block) {
  reading.read(block);
  EXPECT_EQ(reading.fields.size(), 1u);
  return reading.fields.empty() ? HpackField() : reading.fields[0];
}

// RFC 9113 8.2.1 and 8.3.
TEST(HpackDecoder, RecognisesNames) {
  HpackReading reading;
  EXPECT_EQ(only_field(reading, plain_field("via", "x")).id, FieldId::via);
  EXPECT_EQ(only_field(reading, plain_field("x-other", "x")).id, FieldId::other);
  EXPECT_EQ(only_field(reading, unhex("a6")).id, FieldId::host) << "by index";
  EXPECT_EQ(only_field(reading, unhex("0f17 0161")).id, FieldId::host) << "by the name's index";
  EXPECT_EQ(only_field(reading, plain_field(":status", "200")).pseudo, PseudoField::status);
  EXPECT_EQ(only_field(reading, plain_field(":protocol", "x")).pseudo, PseudoField::protocol);
  EXPECT_EQ(only_field(reading, unhex("82")).pseudo, PseudoField::method);
  EXPECT_EQ(only_field(reading, plain_field("path", "x")).pseudo, PseudoField::none);
  for (const char* name : {"a", "x-other", "!#$%&'*+-.^_`|~09az", ":path", ":protocol"})
    EXPECT_TRUE(only_field(reading, plain_field(name, "x")).name_valid) << name;
  for (const char* name : {"", "A", "Via", "a b", "a:", ":", ":unknown", ":Path", "::path", "a\x7f",
                           "a\x80", "a\n", "path:"})
    EXPECT_FALSE(only_field(reading, plain_field(name, "x")).name_valid) << name;
}

TEST(HpackDecoder, ChecksValues) {
  using namespace std::string_view_literals;
  HpackReading reading;
  for (std::string_view value : {""sv, "a"sv, "a b\tc"sv, "\x80\xff"sv, "~!"sv})
    EXPECT_TRUE(only_field(reading, plain_field("a", value)).value_valid) << value;
  for (std::string_view value :
       {"\0"sv, "a\r"sv, "a\nb"sv, " a"sv, "a "sv, "\ta"sv, "a\t"sv, "a\x01"sv, "a\x7f"sv, " "sv})
    EXPECT_FALSE(only_field(reading, plain_field("a", value)).value_valid) << value;
}

TEST(HpackDecoder, RemembersWhatItFoundOutAboutAnEntry) {
  HpackReading reading;
  for (const char* name : {"via", "Via", ":path", ":unknown"}) {
    for (const char* value : {"x", " x"}) {
      const HpackField first = only_field(reading, indexing_field(name, value));
      const HpackField again = only_field(reading, "\xbe");
      EXPECT_EQ(again.name, name);
      EXPECT_EQ(again.value, value);
      EXPECT_EQ(again.id, first.id);
      EXPECT_EQ(again.pseudo, first.pseudo);
      EXPECT_EQ(again.name_valid, first.name_valid);
      EXPECT_EQ(again.value_valid, first.value_valid);
      const HpackField other = only_field(reading, '\x0f' + unhex("2f") + hpack_literal("y "));
      EXPECT_EQ(other.name_valid, first.name_valid) << "the name of the entry";
      EXPECT_FALSE(other.value_valid) << "but another value";
    }
  }
}

// RFC 9113 6.5.2 counts 32 bytes for each field.
TEST(HpackDecoder, ReportsAHeadThatIsLargerThanTheLimit) {
  const std::string block = "\x82" + plain_field("a", "b");
  HpackReading reading;
  EXPECT_EQ(reading.read(block, 42 + 34), ":method: GET\na: b\n");
  EXPECT_EQ(reading.outcome.state, HpackState::complete);
  for (size_t limit = 42; limit < 42 + 34; ++limit) {
    EXPECT_EQ(reading.read(block, limit), ":method: GET\n") << "the fields that fit";
    EXPECT_EQ(reading.outcome.state, HpackState::too_large);
    EXPECT_EQ(reading.outcome.size, 42u + 34);
  }
  EXPECT_EQ(reading.read(block, 41), "");
  EXPECT_EQ(reading.outcome.state, HpackState::too_large);
}

TEST(HpackDecoder, CountsEmptyFields) {
  HpackReading reading;
  EXPECT_EQ(reading.read(plain_field("", ""), 32), ": \n");
  EXPECT_EQ(reading.outcome.state, HpackState::complete);
  EXPECT_EQ(reading.read(plain_field("", ""), 31), "");
  EXPECT_EQ(reading.outcome.state, HpackState::too_large);
}

TEST(HpackDecoder, GivesNoFieldBehindTheFirstThatDoesNotFit) {
  const std::string block =
      plain_field("a", "b") + plain_field("c", std::string(100, 'x')) + plain_field("d", "e");
  HpackReading reading;
  EXPECT_EQ(reading.read(block, 100), "a: b\n");
  EXPECT_EQ(reading.outcome.state, HpackState::too_large);
  EXPECT_EQ(reading.outcome.size, 34u + 133 + 34);
}

TEST(HpackDecoder, ReportsAHeadThatDoesNotFitInTheMemory) {
  const std::string block = indexing_field("name", "value") + indexing_field("a", "b");
  HpackReading reading;
  EXPECT_EQ(reading.read(block, 1000, 11), "name: value\na: b\n");
  EXPECT_EQ(reading.outcome.state, HpackState::complete);
  for (size_t memory = 0; memory < 11; ++memory) {
    HpackReading small;
    EXPECT_EQ(small.read(block, 1000, memory), memory < 9 ? "" : "name: value\n");
    EXPECT_EQ(small.outcome.state, HpackState::too_large);
    EXPECT_EQ(small.table(), "a: b\nname: value\n") << "the table is in step";
  }
}

TEST(HpackDecoder, KeepsTheTableInStepWhenAHeadIsTooLarge) {
  const std::string block = unhex(
      "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8"
      "2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8"
      "e9ae 82ae 43d3 4883 640e ffc1 c0bf");
  HpackReading whole;
  whole.read(block);
  ASSERT_EQ(whole.outcome.state, HpackState::complete);
  for (size_t limit = whole.outcome.size / 8 + 1; limit < whole.outcome.size; ++limit) {
    HpackReading reading;
    reading.read(block, limit);
    EXPECT_EQ(reading.outcome.state, HpackState::too_large);
    EXPECT_EQ(reading.outcome.size, whole.outcome.size);
    EXPECT_TRUE(whole.text.starts_with(reading.text)) << reading.text;
    EXPECT_EQ(reading.table(), whole.table());
  }
}

TEST(HpackDecoder, KeepsTheTableInStepForAFieldThatIsLargerThanTheTable) {
  HpackReading reading;
  const std::string size = unhex("7fe220");  // 127 + 4194 = 4321
  reading.read(indexing_field("a", "b") + '\x40' + hpack_literal("c") + size +
                   std::string(4321, 'x') + indexing_field("d", "e"),
               1000);
  EXPECT_EQ(reading.outcome.state, HpackState::too_large);
  EXPECT_EQ(reading.table(), "d: e\n");
}

TEST(HpackDecoder, EndsAHeadOfMoreThanEightTimesTheLimit) {
  HpackReading reading;
  reading.read(std::string(8, '\x82'), 42);
  EXPECT_EQ(reading.outcome.state, HpackState::too_large);
  reading.read(std::string(9, '\x82'), 42);
  EXPECT_EQ(reading.outcome.state, HpackState::excessive);
}

// A byte refers to 4 KiB: "HPACK bomb".
TEST(HpackDecoder, BoundsWhatABlockRefersTo) {
  constexpr size_t kLimit = 32 * 1024;
  const std::string large = '\x40' + hpack_literal("a") + unhex("7fa11e") + std::string(4000, 'x');
  HpackReading reading;
  reading.read(large);
  ASSERT_EQ(reading.outcome.size, 4033u);
  reading.read(std::string(15000, '\xbe'), kLimit, kLimit);
  EXPECT_EQ(reading.outcome.state, HpackState::excessive);
  EXPECT_EQ(reading.fields.size(), kLimit / 4033);
  EXPECT_LE(reading.outcome.size, 8 * kLimit + 4033);
}

TEST(HpackDecoder, BoundsTheNamesThatABlockCopies) {
  constexpr size_t kLimit = 32 * 1024;
  HpackReading reading;
  reading.read('\x40' + unhex("7fa11e") + std::string(4000, 'n') + hpack_literal(""));
  std::string block;
  for (int i = 0; i < 20000; ++i) block += unhex("7e00");
  reading.read(block, kLimit, kLimit);
  EXPECT_EQ(reading.outcome.state, HpackState::excessive);
  EXPECT_LE(reading.outcome.size, 8 * kLimit + 4032);
}

}  // namespace
}  // namespace weir
