// Header blocks that weir writes: RFC 7541, without dynamic table and Huffman code.
#include "http/hpack_writer.h"

#include <array>
#include <functional>

#include "hpack_reading.h"

namespace weir {
namespace {

using HpackIndexing = HpackWriter::Indexing;

std::string written_block(const std::function<void(HpackWriter&)>& write) {
  std::array<char, 4096> memory;
  HpackWriter writer(memory);
  write(writer);
  return writer.ok() ? std::string(writer.block()) : "failed";
}
std::string written_field(std::string_view name, std::string_view value,
                          HpackIndexing indexing = HpackIndexing::allowed) {
  return written_block([&](HpackWriter& writer) { writer.field(name, value, indexing); });
}
std::string written_pseudo(PseudoField name, std::string_view value,
                           HpackIndexing indexing = HpackIndexing::allowed) {
  return written_block([&](HpackWriter& writer) { writer.pseudo_field(name, value, indexing); });
}
std::string written_status(unsigned status) {
  return written_block([&](HpackWriter& writer) { writer.status(status); });
}

// RFC 7541 C.2.2 to C.2.4.
TEST(HpackWriter, WritesTheExamplesThatNeedNoDynamicTable) {
  EXPECT_EQ(written_pseudo(PseudoField::path, "/sample/path"),
            unhex("040c 2f73 616d 706c 652f 7061 7468"));
  EXPECT_EQ(written_field("password", "secret", HpackIndexing::never),
            unhex("1008 7061 7373 776f 7264 0673 6563 7265 74"));
  EXPECT_EQ(written_pseudo(PseudoField::method, "GET"), unhex("82"));
}

TEST(HpackWriter, WritesFieldsOfTheStaticTableAsTheirIndex) {
  EXPECT_EQ(written_pseudo(PseudoField::method, "POST"), unhex("83"));
  EXPECT_EQ(written_pseudo(PseudoField::path, "/index.html"), unhex("85"));
  EXPECT_EQ(written_pseudo(PseudoField::scheme, "https"), unhex("87"));
  EXPECT_EQ(written_status(200), unhex("88"));
  EXPECT_EQ(written_status(204), unhex("89"));
  EXPECT_EQ(written_status(206), unhex("8a"));
  EXPECT_EQ(written_status(304), unhex("8b"));
  EXPECT_EQ(written_status(400), unhex("8c"));
  EXPECT_EQ(written_status(404), unhex("8d"));
  EXPECT_EQ(written_status(500), unhex("8e"));
  EXPECT_EQ(written_field("accept-encoding", "gzip, deflate"), unhex("90"));
  EXPECT_EQ(written_field("accept", ""), unhex("93"));
}

TEST(HpackWriter, WritesNamesOfTheStaticTableAsTheirIndex) {
  EXPECT_EQ(written_status(201), unhex("08 03 323031"));
  EXPECT_EQ(written_pseudo(PseudoField::method, "PUT"), unhex("02 03 505554"));
  EXPECT_EQ(written_pseudo(PseudoField::authority, "a"), unhex("01 01 61"));
  EXPECT_EQ(written_field("accept-charset", "a"), unhex("0f00 01 61"))
      << "15, which fills the prefix";
  EXPECT_EQ(written_field("accept-encoding", "br"), unhex("0f01 02 6272"));
  EXPECT_EQ(written_field("www-authenticate", "a"), unhex("0f2e 01 61"));
}

TEST(HpackWriter, FindsEveryNameOfTheStaticTable) {
  for (size_t row = 15; row < kHpackStatic.size(); ++row) {
    EXPECT_EQ(written_field(kHpackStatic[row].name, "x", HpackIndexing::never),
              char(0x1f) + std::string(1, char(row - 15)) + "\1x");
  }
}

TEST(HpackWriter, WritesOtherNamesAsLiterals) {
  EXPECT_EQ(written_field("x-a", "b"), unhex("00 03 782d61 01 62"));
  EXPECT_EQ(written_field("x-a", ""), unhex("00 03 782d61 00"));
  EXPECT_EQ(written_pseudo(PseudoField::protocol, "websocket"),
            unhex("00 09") + ":protocol" + "\x09" + "websocket");
}

// RFC 9113 8.2.1.
TEST(HpackWriter, WritesNamesInLowerCase) {
  EXPECT_EQ(written_field("X-Custom_Name", "Value"), written_field("x-custom_name", "Value"));
  EXPECT_EQ(written_field("Content-Type", "a"), written_field("content-type", "a"));
}

TEST(HpackWriter, WritesNumbers) {
  EXPECT_EQ(
      written_block([](HpackWriter& writer) { writer.field("content-length", uint64_t(307)); }),
      unhex("0f0d 03 333037"));
}

// RFC 7541 7.1.3.
TEST(HpackWriter, WritesCredentialsAsNeverIndexed) {
  EXPECT_EQ(written_field("authorization", "x"), unhex("1f08 01 78"));
  EXPECT_EQ(written_field("Authorization", ""), unhex("1f08 00"));
  EXPECT_EQ(written_field("cookie", std::string(19, 'x')), unhex("1f11 13") + std::string(19, 'x'));
  EXPECT_EQ(written_field("cookie", std::string(20, 'x')), unhex("0f11 14") + std::string(20, 'x'));
}

// RFC 7541 6.2.3: "Intermediaries MUST use the same representation for encoding this header field."
TEST(HpackWriter, WritesFieldsThatArrivedSoAsNeverIndexed) {
  EXPECT_EQ(written_field("accept-encoding", "gzip, deflate", HpackIndexing::never),
            unhex("1f01 0d") + "gzip, deflate");
  EXPECT_EQ(written_field("x-a", "b", HpackIndexing::never), unhex("10 03 782d61 01 62"));
  EXPECT_EQ(written_pseudo(PseudoField::path, "/", HpackIndexing::never), unhex("14 01 2f"));
}

TEST(HpackWriter, BeginsTheFirstBlockWithTheSizeZero) {
  EXPECT_EQ(written_block([](HpackWriter& writer) {
              writer.empty_table();
              writer.status(200);
            }),
            unhex("20 88"));
}

TEST(HpackWriter, WritesLengthsOfAnySize) {
  for (size_t size : {0u, 1u, 126u, 127u, 128u, 254u, 255u, 256u, 3000u}) {
    HpackReading reading;
    const std::string value(size, 'v'), name(size + 1, 'n');
    EXPECT_EQ(reading.read(written_field("a", value)), "a: " + value + "\n");
    EXPECT_EQ(reading.read(written_field(name, "")), name + ": \n");
  }
  EXPECT_EQ(written_field("a", std::string(126, 'v')).substr(0, 4), unhex("00 01 61 7e"));
  EXPECT_EQ(written_field("a", std::string(127, 'v')).substr(0, 5), unhex("00 01 61 7f00"));
  EXPECT_EQ(written_field("a", std::string(1464, 'v')).substr(0, 6), unhex("00 01 61 7fb90a"));
}

TEST(HpackWriter, FailsForAFieldThatIsNotValid) {
  using namespace std::string_view_literals;
  for (std::string_view name : {""sv, "a b"sv, "a:"sv, ":path"sv, "a\n"sv, "\0"sv, "a\x80"sv})
    EXPECT_EQ(written_field(name, "x"), "failed") << name;
  for (std::string_view value : {"a\r\nb"sv, "\n"sv, "\0"sv, " a"sv, "a "sv, "\x7f"sv}) {
    EXPECT_EQ(written_field("x-a", value), "failed") << value;
    EXPECT_EQ(written_field("authorization", value), "failed") << value;
    EXPECT_EQ(written_pseudo(PseudoField::path, value), "failed") << value;
  }
  EXPECT_EQ(written_status(99), "failed");
  EXPECT_EQ(written_status(1000), "failed");
}

void write_head(HpackWriter& writer) {
  writer.empty_table();
  writer.pseudo_field(PseudoField::method, "GET");
  writer.pseudo_field(PseudoField::path, "/a");
  writer.field("X-Name", "value");
  writer.field("authorization", "secret");
  writer.field("content-length", uint64_t(17));
}

TEST(HpackWriter, FailsWhenItsMemoryIsTooSmallAndCutsNothing) {
  const std::string whole = written_block(write_head);
  for (size_t size = 0; size <= whole.size(); ++size) {
    std::string memory(whole.size() + 1, '?');
    HpackWriter writer({memory.data(), size});
    write_head(writer);
    EXPECT_EQ(writer.ok(), size == whole.size());
    EXPECT_EQ(writer.block(), size == whole.size() ? whole : "");
    EXPECT_EQ(memory.substr(size), std::string(whole.size() + 1 - size, '?'));
  }
}

TEST(HpackWriter, WritesNothingAfterAFailure) {
  EXPECT_EQ(written_block([](HpackWriter& writer) {
              writer.field("a", "\n");
              writer.field("a", "b");
            }),
            "failed");
}

TEST(HpackWriter, IsUnderstoodByTheDecoder) {
  HpackReading reading;
  EXPECT_EQ(reading.read(written_block(write_head)),
            ":method: GET\n:path: /a\nx-name: value\nauthorization: secret (never indexed)\n"
            "content-length: 17\n");
  EXPECT_EQ(reading.outcome.state, HpackReading::State::complete);
  EXPECT_EQ(reading.decoder.table().max_size(), 0u);
  EXPECT_EQ(reading.decoder.table().memory(), 0u);
  for (const HpackField& field : reading.fields) {
    EXPECT_TRUE(field.name_valid && field.value_valid) << field.name;
  }
}

}  // namespace
}  // namespace weir
