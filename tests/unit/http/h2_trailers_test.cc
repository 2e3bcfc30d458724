// Trailers of HTTP/2, RFC 9113 8.1, as lines. A fault in them is one of the stream.
#include "h2_reading.h"

namespace weir {
namespace {

// The lines; "fault" when they are at fault.
std::string trailers(const H2Header& fields, bool end_stream = true, size_t memory = 1024) {
  const std::string block = h2_block(fields);
  std::vector<char> texts(65536), lines(memory);
  H2TrailerReader reader;
  reader.begin(lines);
  HpackDecoder decoder;
  const H2HeadFault fault = reader.finish(decoder.decode(block, texts, 65536, reader), end_stream);
  if (!fault) return std::string(reader.lines());
  EXPECT_EQ(h2_verdict(fault), "stream");
  EXPECT_STRNE(fault.fault.reason, "");
  return "fault";
}

TEST(H2Trailers, AreLines) {
  EXPECT_EQ(trailers({{"grpc-status", "0"}, {"grpc-message", ""}, {"x-sum", "a b"}}),
            "grpc-status: 0\r\ngrpc-message: \r\nx-sum: a b\r\n");
  EXPECT_EQ(trailers({}), "");
}

// RFC 9113 8.1.
TEST(H2Trailers, EndTheStreamAndHaveNoPseudoFields) {
  EXPECT_EQ(trailers({{"x", "y"}}, false), "fault");
  for (const char* name : {":status", ":path", ":unknown", ":"})
    EXPECT_EQ(trailers({{name, "200"}}), "fault") << name;
}

// RFC 9113 8.2.1 and 8.2.2.
TEST(H2Trailers, WithAFieldAtFaultAreAtFault) {
  for (const char* name : {"", "X", "a b", "a:", "connection", "keep-alive", "proxy-connection",
                           "transfer-encoding", "upgrade", "te"})
    EXPECT_EQ(trailers({{"a", "b"}, {name, "x"}}), "fault") << name;
  for (const std::string& value :
       {std::string("a\0", 2), std::string("a\r\nb: c"), std::string("\n"), std::string(" a"),
        std::string("a "), std::string("\x01")})
    EXPECT_EQ(trailers({{"a", value}, {"b", "c"}}), "fault") << value;
}

TEST(H2Trailers, ThatDoNotFitAreAtFaultAndNeverCut) {
  EXPECT_EQ(trailers({{"a", "b"}, {"c", "d"}}, true, 12), "a: b\r\nc: d\r\n");
  EXPECT_EQ(trailers({{"a", "b"}, {"c", "d"}}, true, 11), "fault");
  EXPECT_EQ(trailers({{"x", std::string(65536, 'y')}}), "fault");
  EXPECT_EQ(trailers({}, true, 0), "");
}

}  // namespace
}  // namespace weir
