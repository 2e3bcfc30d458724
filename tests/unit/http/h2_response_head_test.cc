// Responses of HTTP/2: one test for each rule of RFC 9113 8. Every fault is one of the backend.
#include "h2_reading.h"
#include "http/semantics.h"

namespace weir {
namespace {

const H2Header kOk = {{":status", "200"}};

bool is_fault(const H2Header& fields, bool end_stream = false, AnswerTo request = AnswerTo::other) {
  const H2ResponseReading read(fields, end_stream, request);
  EXPECT_EQ(read.fault.fault.status, read.fault ? 502u : 0u);
  EXPECT_EQ(h2_verdict(read.fault), read.fault ? "stream" : "");
  return bool(read.fault);
}

TEST(H2Response, HasTheSameMeaningAsInHttp1) {
  const H2ResponseReading read(H2Header{{":status", "404"}, {"x-a", "1"}, {"!set-cookie", "b"}});
  ASSERT_FALSE(read.fault) << read.fault.fault.reason;
  EXPECT_EQ(read.head.version(), HttpVersion::http_2);
  EXPECT_EQ(read.head.status(), 404u);
  EXPECT_EQ(read.head.reason(), "");
  EXPECT_TRUE(read.head.keep_alive());
  ASSERT_EQ(read.head.field_count(), 2u);
  EXPECT_EQ(read.head.find("x-a"), "1");
  EXPECT_FALSE(read.head.never_indexed(0));
  EXPECT_TRUE(read.head.never_indexed(1));
}

// RFC 9113 8.3.2.
TEST(H2Response, HasOneStatusOfThreeDigitsAndNoOtherPseudoField) {
  for (const char* status : {"", "20", "2000", "2x0", "+20", "099", "000", "600", "999", "200 "})
    EXPECT_TRUE(is_fault({{":status", status}})) << status;
  for (const char* status : {"100", "102", "103", "199", "200", "299", "599"})
    EXPECT_FALSE(is_fault({{":status", status}})) << status;
  EXPECT_TRUE(is_fault({}));
  EXPECT_TRUE(is_fault(kOk + kOk));
  EXPECT_TRUE(is_fault(H2Header{{"x", "y"}} + kOk));
  for (const char* name :
       {":method", ":path", ":scheme", ":authority", ":protocol", ":unknown", ":"})
    EXPECT_TRUE(is_fault(kOk + H2Header{{name, "/"}})) << name;
}

// RFC 9113 8.6: HTTP/2 does not switch protocols.
TEST(H2Response, IsNever101) {
  EXPECT_TRUE(is_fault({{":status", "101"}}));
}

// RFC 9113 8.2.1 and 8.2.2.
TEST(H2Response, WithAFieldAtFaultIsAtFault) {
  for (const char* name : {"", "X", "a b", "a:", "connection", "keep-alive", "proxy-connection",
                           "transfer-encoding", "upgrade", "te"})
    EXPECT_TRUE(is_fault(kOk + H2Header{{name, "x"}})) << name;
  for (const std::string& value : {std::string("a\0", 2), std::string("\r\n"), std::string("a\nb"),
                                   std::string(" a"), std::string("a\t"), std::string("\x01")})
    EXPECT_TRUE(is_fault(kOk + H2Header{{"x", value}})) << value;
}

// RFC 9113 8.1.
TEST(H2Response, ThatIsInterimDoesNotEndTheStreamAndHasNoBody) {
  for (const char* status : {"100", "102", "103"}) {
    const H2Header interim{{":status", status}};
    EXPECT_FALSE(is_fault(interim));
    EXPECT_TRUE(H2ResponseReading(interim).head.interim());
    EXPECT_TRUE(is_fault(interim, true)) << status;
    EXPECT_TRUE(is_fault(interim + H2Header{{"content-length", "1"}})) << status;
  }
}

TEST(H2Response, IsFramedByEndStreamOrContentLength) {
  struct {
    const char* status;
    const char* length;  // null: none
    bool end_stream;
    AnswerTo request;
    bool fault;
    BodyFraming framing;
  } const rows[] = {
      {"200", nullptr, false, AnswerTo::other, false, BodyFraming::delimited},
      {"200", nullptr, true, AnswerTo::other, false, BodyFraming::none},
      {"200", "5", false, AnswerTo::other, false, BodyFraming::length},
      {"200", "0", false, AnswerTo::other, false, BodyFraming::none},
      {"200", "0", true, AnswerTo::other, false, BodyFraming::none},
      {"200", "5", true, AnswerTo::other, true, BodyFraming::none},
      {"200", "5x", false, AnswerTo::other, true, BodyFraming::none},
      {"200", "9223372036854775808", false, AnswerTo::other, true, BodyFraming::none},
      // RFC 9110 8.6, 9.3.2 and 15.4.5: a length that describes another message.
      {"200", "5", true, AnswerTo::head, false, BodyFraming::none},
      {"200", "5", false, AnswerTo::head, false, BodyFraming::none},
      {"200", nullptr, false, AnswerTo::head, false, BodyFraming::none},
      {"304", "5", true, AnswerTo::other, false, BodyFraming::none},
      {"304", "x", true, AnswerTo::other, true, BodyFraming::none},
      {"204", "5", true, AnswerTo::other, false, BodyFraming::none},
      {"204", nullptr, false, AnswerTo::other, false, BodyFraming::none},
      // RFC 9110 9.3.6.
      {"200", "x", false, AnswerTo::connect, false, BodyFraming::none},
      {"200", nullptr, true, AnswerTo::connect, false, BodyFraming::none},
      {"403", "5", false, AnswerTo::connect, false, BodyFraming::length},
  };
  for (const auto& row : rows) {
    H2Header fields{{":status", row.status}};
    if (row.length != nullptr) fields.push_back({"content-length", row.length});
    const H2ResponseReading read(fields, row.end_stream, row.request);
    EXPECT_EQ(bool(read.fault), row.fault) << row.status << " " << row.end_stream;
    EXPECT_EQ(read.head.framing(), row.framing) << row.status << " " << row.end_stream;
  }
  EXPECT_TRUE(is_fault(kOk + H2Header{{"content-length", "5"}, {"content-length", "5"}}));
  const H2ResponseReading tunnel(kOk, false, AnswerTo::connect);
  EXPECT_TRUE(tunnel.head.opens_tunnel());
}

TEST(H2Response, ThatIsTooLargeIsAtFault) {
  HeadLimits limits;
  limits.head = 100;
  const H2Header large = kOk + H2Header{{"x", std::string(100, 'y')}};
  EXPECT_TRUE(H2ResponseReading(large, false, AnswerTo::other, limits).fault);
  H2Header many = kOk;
  for (int i = 0; i < 100; ++i) many.push_back({"x", "y"});
  EXPECT_FALSE(is_fault(many));
  EXPECT_TRUE(is_fault(many + H2Header{{"x", "y"}}));
}

}  // namespace
}  // namespace weir
