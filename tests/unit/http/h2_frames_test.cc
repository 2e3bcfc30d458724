#include "http/h2_frames.h"

#include "http/h2_frame_writer.h"
#include "unit/http/h2_bytes.h"

namespace weir::h2test {
namespace {

using Type = H2FrameType;

// RFC 9113 4.1
TEST(H2Frames, FrameHeaderIsNineBytesInNetworkOrder) {
  const H2FrameHeader header{0x010203, H2FrameType::continuation, 0x25, 0x04050607};
  const auto bytes = write_h2_frame_header(header);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "\x01\x02\x03\x09\x25\x04\x05\x06\x07");
  const H2FrameHeader read = read_h2_frame_header(bytes.data());
  EXPECT_EQ(read.size, header.size);
  EXPECT_EQ(read.type, header.type);
  EXPECT_EQ(read.flags, header.flags);
  EXPECT_EQ(read.stream, header.stream);
}

// RFC 9113 4.1: "The value of a reserved field ... MUST be ignored when receiving"
TEST(H2Frames, ReservedBitOfAStreamIdIsIgnored) {
  const std::string bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  const H2FrameHeader read = read_h2_frame_header(bytes.data());
  EXPECT_EQ(read.size, 0xffffffu);
  EXPECT_EQ(read.stream, kH2MaxStreamId);
  EXPECT_TRUE(read.has(kH2Padded));
}

TEST(H2Frames, NumbersOfFourBytesAreBigEndian) {
  char bytes[4];
  write_u32(bytes, 0xfe00017f);
  EXPECT_EQ(std::string(bytes, 4), std::string("\xfe\x00\x01\x7f", 4));
  EXPECT_EQ(read_u32(bytes), 0xfe00017fu);
}

// RFC 9113 6.1 to 6.10, RFC 9218 7.1
TEST(H2Frames, EachTypeHasItsPlaceAndSize) {
  using Place = H2FrameRule::Place;
  for (const Type type : {Type::data, Type::headers, Type::priority, Type::rst_stream,
                          Type::push_promise, Type::continuation})
    EXPECT_EQ(h2_frame_rule(type).place, Place::stream) << int(type);
  for (const Type type : {Type::settings, Type::ping, Type::goaway, Type::priority_update})
    EXPECT_EQ(h2_frame_rule(type).place, Place::connection) << int(type);
  for (const Type type : {Type::window_update, Type(0xa), Type(0xff)})
    EXPECT_EQ(h2_frame_rule(type).place, Place::any) << int(type);
  const auto fixed = [](Type type) {
    const H2FrameRule rule = h2_frame_rule(type);
    return rule.min_size == rule.max_size ? rule.min_size : 0;
  };
  EXPECT_EQ(fixed(Type::rst_stream), 4u);
  EXPECT_EQ(fixed(Type::window_update), 4u);
  EXPECT_EQ(fixed(Type::ping), 8u);
  EXPECT_EQ(h2_frame_rule(Type::goaway).min_size, 8u);
  EXPECT_EQ(h2_frame_rule(Type::priority_update).min_size, 4u);
}

class Written final : public H2Output {
 public:
  void append(std::string_view bytes) override { all += bytes; }
  std::string all;
};

TEST(H2FrameWriter, WritesWholeFrames) {
  Written out;
  H2FrameWriter writer(out);
  writer.settings_ack();
  writer.ping(0x4142434445464748);
  writer.ping_ack("abcdefgh");
  writer.goaway(7, H2Error::cancel, "why");
  writer.window_update(3, 0x7fffffff);
  writer.rst_stream(5, H2Error::http_1_1_required);
  EXPECT_EQ(out.all, settings_ack() + ping("ABCDEFGH") + ping("abcdefgh", kH2Ack) +
                         goaway(7, H2Error::cancel, "why") + window_update(3, 0x7fffffff) +
                         rst(5, H2Error::http_1_1_required));
}

TEST(H2FrameWriter, CutsTheDebugDataOfAGoaway) {
  Written out;
  H2FrameWriter writer(out);
  const std::string text(H2FrameWriter::kMaxDebug, 'x');
  writer.goaway(0, H2Error::no_error, text + "y");
  EXPECT_EQ(out.all, goaway(0, H2Error::no_error, text));
}

TEST(H2FrameWriter, CountsWhatThePeerHasCausedUntilItHasLeft) {
  Written out;
  H2FrameWriter writer(out);
  writer.ping(1);
  writer.window_update(0, 1);
  writer.goaway(0, H2Error::no_error, {});
  EXPECT_EQ(writer.owed(), 0u);
  writer.settings_ack();
  EXPECT_EQ(writer.owed_for(), H2ErrorReason::flood_settings);
  writer.rst_stream(1, H2Error::cancel);
  EXPECT_EQ(writer.owed_for(), H2ErrorReason::flood_reset);
  writer.ping_ack("12345678");
  EXPECT_EQ(writer.owed_for(), H2ErrorReason::flood_ping);
  EXPECT_EQ(writer.owed(), 3u);
  writer.note_flushed();
  EXPECT_EQ(writer.owed(), 0u);
}

}  // namespace
}  // namespace weir::h2test
