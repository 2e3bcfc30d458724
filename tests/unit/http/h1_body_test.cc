// Where a body ends: RFC 9112 6 and 7.1, one test a rule.
#include "http/h1_body.h"

#include "http1_reading.h"

namespace weir {
namespace {

std::string chunked(std::string_view body) {
  return with_fields("Transfer-Encoding: chunked\r\n") + std::string(body);
}

// The decoded body of the only request in `input`; fails the test when it is not complete.
std::string body_of(const std::string& input) {
  Http1Transcript read = read_http1(input);
  EXPECT_EQ(read.requests(), 1) << read.text();
  std::string text = read.text();
  std::string marker = "Transfer-Encoding|chunked|\n";
  size_t begin = text.find(marker) + marker.size();
  return text.substr(begin, text.size() - begin - 3);
}

TEST(LengthBody, EndsAfterItsLengthAndTheNextRequestFollows) {
  Http1Transcript read =
      read_http1(with_fields("Content-Length: 4\r\n") + "GET " + with_fields(""));
  EXPECT_EQ(read.requests(), 2) << read.text();
}

TEST(LengthBody, IsIncompleteUntilItsLastByte) {
  EXPECT_EQ(read_http1(with_fields("Content-Length: 4\r\n") + "abc").requests(), 0);
}

TEST(LengthBody, BeyondTheLimitIs413BeforeAnyOfItArrives) {
  EXPECT_EQ(read_http1(with_fields("Content-Length: 10\r\n") + "0123456789", {}, 10).requests(), 1);
  EXPECT_EQ(read_http1(with_fields("Content-Length: 11\r\n"), {}, 10).status(), 413u);
}

TEST(NoBody, FollowsWhenNoFieldAnnouncesOne) {
  EXPECT_EQ(read_http1(with_fields("") + with_fields("")).requests(), 2);
}

TEST(ChunkedBody, JoinsItsChunks) {
  EXPECT_EQ(body_of(chunked("3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n")), "abc0123456789");
  EXPECT_EQ(body_of(chunked("0\r\n\r\n")), "");
  EXPECT_EQ(body_of(chunked("000\r\n\r\n")), "");
  EXPECT_EQ(body_of(chunked("2\r\n\r\n\r\n0\r\n\r\n")), "\r\n") << "data may look like framing";
}

TEST(ChunkedBody, IsFollowedByTheNextRequest) {
  EXPECT_EQ(read_http1(chunked("1\r\na\r\n0\r\n\r\n") + with_fields("")).requests(), 2);
}

TEST(ChunkedBody, SkipsExtensionsUpToALimit) {
  EXPECT_EQ(body_of(chunked("3;a=b;c=\"d e\"\r\nabc\r\n0;last\r\n\r\n")), "abc");
  EXPECT_EQ(body_of(chunked("1;" + std::string(kMaxChunkExtensions, 'x') + "\r\na\r\n0\r\n\r\n")),
            "a");
  EXPECT_EQ(
      status_of(chunked("1;" + std::string(kMaxChunkExtensions + 1, 'x') + "\r\na\r\n0\r\n\r\n")),
      400u);
  std::string many;
  for (size_t i = 0; i <= kMaxChunkExtensions / 64; ++i)
    many += "1;" + std::string(64, 'x') + "\r\na\r\n";
  EXPECT_EQ(status_of(chunked(many)), 400u) << "the limit is for all chunks of a body together";
}

TEST(ChunkedBody, RefusesSizesThatAreNotPlainHexadecimal) {
  for (const char* size : {"", " 3", "3 ", "3\t", "0x3", "+3", "-3", "g", "3,", "\"3\""})
    EXPECT_EQ(status_of(chunked(size + std::string("\r\nabc\r\n0\r\n\r\n"))), 400u) << size;
  EXPECT_EQ(status_of(chunked(";x\r\n")), 400u);
}

TEST(ChunkedBody, RefusesSizesOfMoreThan16DigitsAndThoseBeyondTheLimit) {
  EXPECT_EQ(status_of(chunked("00000000000000001\r\na\r\n")), 400u);
  EXPECT_EQ(body_of(chunked("0000000000000001\r\na\r\n0\r\n\r\n")), "a");
  EXPECT_EQ(status_of(chunked("ffffffffffffffff\r\n")), 413u);
  EXPECT_EQ(status_of(chunked("8000000000000000\r\n")), 413u);
}

TEST(ChunkedBody, CountsAllChunksAgainstTheLimit) {
  EXPECT_EQ(read_http1(chunked("5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n"), {}, 10).requests(), 1);
  EXPECT_EQ(read_http1(chunked("5\r\nabcde\r\n6\r\nabcdef\r\n0\r\n\r\n"), {}, 10).status(), 413u);
}

TEST(ChunkedBody, WantsCrLfAfterSizesAndData) {
  EXPECT_EQ(status_of(chunked("1\na\r\n0\r\n\r\n")), 400u);
  EXPECT_EQ(status_of(chunked("1\r\na\n0\r\n\r\n")), 400u);
  EXPECT_EQ(status_of(chunked("1\r\nab\r\n0\r\n\r\n")), 400u) << "longer than its size";
  EXPECT_EQ(status_of(chunked("2\r\na\r\n0\r\n\r\n")), 400u) << "shorter than its size";
  EXPECT_EQ(status_of(chunked("1;x\na\r\n0\r\n\r\n")), 400u) << "an extension ended by LF";
  EXPECT_EQ(status_of(chunked("1;x\ry\r\na\r\n0\r\n\r\n")), 400u);
  EXPECT_EQ(status_of(chunked("1\r\na\r0\r\n\r\n")), 400u);
  EXPECT_EQ(status_of(chunked("0\r\n\n")), 400u);
  EXPECT_EQ(status_of(chunked("0\r\n\rX")), 400u);
}

TEST(ChunkedBody, ChecksAndDropsTrailers) {
  EXPECT_EQ(body_of(chunked("1\r\na\r\n0\r\nX: y\r\nContent-Length:9\r\nEmpty:\r\n\r\n")), "a");
  for (const char* trailer : {"X\r\n", ": y\r\n", "X : y\r\n", " X: y\r\n", "X: a\r\n b\r\n",
                              "X: \x01\r\n", "X: y\n", "X(: y\r\n"})
    EXPECT_EQ(status_of(chunked("0\r\n" + std::string(trailer) + "\r\n")), 400u) << trailer;
}

TEST(ChunkedBody, AnswersTooManyTrailersWith431) {
  EXPECT_EQ(status_of(chunked("0\r\nX: " + std::string(kMaxTrailers, 'y'))), 431u);
}

}  // namespace
}  // namespace weir
