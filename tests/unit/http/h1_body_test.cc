// The end of a body: RFC 9112 6 and 7.1, one test for each rule.
#include "http/h1_body.h"

#include <array>
#include <vector>

#include "http/h1_parser.h"
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

TEST(ChunkedBody, RequiresCrLfAfterSizesAndData) {
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
  EXPECT_EQ(status_of(chunked("0\r\nX: " + std::string(kMaxHeadSize, 'y'))), 431u);
}

const FieldFilter kAnyFields;

// Decodes a chunked body in pieces of `step` bytes and gives the trailers that may be relayed; the
// memory for them begins with `room` bytes.
std::string trailers_of(std::string_view trailers, size_t room = 256, size_t step = 1) {
  const std::string head = with_fields("Transfer-Encoding: chunked\r\n");
  const std::string body = "1\r\na\r\n0\r\n" + std::string(trailers) + "\r\n";
  H1RequestReader parser;
  EXPECT_EQ(parser.feed(head), H1RequestParser::State::complete);
  std::vector<char> memory(room);
  H1BodyDecoder decoder;
  decoder.start(parser.head(head), 100);
  decoder.keep_trailers(memory, kAnyFields);
  for (size_t i = 0; i < body.size();) {
    i += decoder.next(std::string_view(body).substr(i, step)).consumed;
    if (!decoder.wants_trailer_memory()) continue;
    memory.resize(memory.size() + 1);
    decoder.keep_trailers(memory, kAnyFields);
  }
  EXPECT_EQ(decoder.state(), H1BodyDecoder::State::done) << decoder.fault().reason;
  return std::string(decoder.trailers());
}

TEST(Trailers, AreKeptAndWrittenAnew) {
  for (size_t step : {1u, 2u, 3u, 1000u})
    EXPECT_EQ(trailers_of("X-Sum:abc\r\nServer-Timing: \t a b \r\nE:\r\n", 256, step),
              "X-Sum: abc\r\nServer-Timing: a b\r\nE: \r\n");
}

TEST(Trailers, ThatFrameRouteAuthenticateOrNameAConnectionAreNeverRelayed) {
  for (const char* name : {"Content-Length",
                           "transfer-encoding",
                           "Host",
                           "Connection",
                           "Keep-Alive",
                           "Trailer",
                           "TE",
                           "Upgrade",
                           "Authorization",
                           "Cookie",
                           "Set-Cookie",
                           "Proxy-Authorization",
                           "X-Forwarded-For",
                           "Forwarded",
                           "X-Request-Id",
                           "Via",
                           "Content-Type",
                           "Content-Encoding",
                           "Content-Range",
                           "Cache-Control",
                           "Expect",
                           "Range",
                           "If-Match",
                           "Location",
                           "Vary",
                           "Date",
                           "Max-Forwards",
                           "WWW-Authenticate",
                           "X_Forwarded_For",
                           "Content_Length"})
    EXPECT_EQ(trailers_of("A: 1\r\n" + std::string(name) + ": x\r\nB: 2\r\n"), "A: 1\r\nB: 2\r\n")
        << name;
}

TEST(Trailers, AreKeptInMemoryThatGrows) {
  const std::string whole = trailers_of("A:1\r\nB: 2\r\nC:\r\n");
  EXPECT_EQ(whole, "A: 1\r\nB: 2\r\nC: \r\n");
  for (size_t room = 0; room < whole.size() + 8; ++room)
    for (size_t step : {1u, 3u, 1000u})
      EXPECT_EQ(trailers_of("A:1\r\nB: 2\r\nC:\r\n", room, step), whole) << room;
}

TEST(Trailers, BeyondTheLimitAreLeftOutTogetherOrAFault) {
  const std::string head = with_fields("Transfer-Encoding: chunked\r\n");
  const std::string body = "1\r\na\r\n0\r\nA: 1\r\nB: 2\r\n\r\n";
  for (const auto excess : {H1BodyDecoder::Excess::fault, H1BodyDecoder::Excess::leave_out})
    for (const size_t limit : {13u, 12u, 1u}) {  // 13: both lines, and the empty one begins
      H1RequestReader parser;
      ASSERT_EQ(parser.feed(head), H1RequestParser::State::complete);
      std::array<char, 64> memory;
      H1BodyDecoder decoder;
      decoder.start(parser.head(head), 100);
      decoder.limit_trailers(limit, excess);
      decoder.keep_trailers(memory, kAnyFields);
      std::string_view rest = body;
      while (decoder.state() == H1BodyDecoder::State::more)
        rest.remove_prefix(decoder.next(rest).consumed);
      const bool fits = limit == 13;
      EXPECT_EQ(decoder.trailers(), fits ? "A: 1\r\nB: 2\r\n" : "");
      EXPECT_EQ(decoder.trailers_left_out(), !fits && excess == H1BodyDecoder::Excess::leave_out);
      EXPECT_EQ(decoder.fault().status, fits || decoder.trailers_left_out() ? 0u : 431u);
    }
}

TEST(ChunkWriter, WritesWhatTheDecoderReads) {
  std::array<char, kChunkHeadSize> memory;
  EXPECT_EQ(chunk_head(1, memory), "1\r\n");
  EXPECT_EQ(chunk_head(255, memory), "ff\r\n");
  EXPECT_EQ(chunk_head(UINT64_MAX, memory), "ffffffffffffffff\r\n");
  std::array<char, 12> end;
  EXPECT_EQ(last_chunk("", end), "0\r\n\r\n");
  EXPECT_EQ(last_chunk("AA: bb\r\n", end).data(), nullptr);
  EXPECT_EQ(last_chunk("A: \r\n", end), "0\r\nA: \r\n\r\n");
}

TEST(BodyDecoder, LetsAPumpMoveBytesThatAreCertainlyData) {
  const std::string head = with_fields("Transfer-Encoding: chunked\r\n");
  H1RequestReader parser;
  ASSERT_EQ(parser.feed(head), H1RequestParser::State::complete);
  H1BodyDecoder decoder;
  decoder.start(parser.head(head), 100);
  EXPECT_EQ(decoder.data_ahead(), 0u);
  EXPECT_EQ(decoder.next("10\r\n").consumed, 4u);
  EXPECT_EQ(decoder.data_ahead(), 16u);
  decoder.skip_data(15);
  EXPECT_EQ(decoder.next("x\r\n0\r\n\r\n").data, "x");
  EXPECT_EQ(decoder.data_ahead(), 0u);
  EXPECT_EQ(decoder.next("\r\n0\r\n\r\n").state, H1BodyDecoder::State::done);
}

TEST(BodyDecoder, IsDoneWhenAPumpMovedTheWholeLength) {
  const std::string head = with_fields("Content-Length: 5\r\n");
  H1RequestReader parser;
  ASSERT_EQ(parser.feed(head), H1RequestParser::State::complete);
  H1BodyDecoder decoder;
  decoder.start(parser.head(head), 100);
  decoder.skip_data(decoder.data_ahead());
  EXPECT_EQ(decoder.state(), H1BodyDecoder::State::done);
}

TEST(CloseDelimitedBody, HasALimitToo) {
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  H1ResponseReader parser;
  ASSERT_EQ(parser.feed(head), H1ResponseParser::State::complete);
  H1BodyDecoder decoder;
  decoder.start(parser.head(head), 3);
  EXPECT_EQ(decoder.next("abc").data, "abc");
  EXPECT_EQ(decoder.state(), H1BodyDecoder::State::more);
  EXPECT_EQ(decoder.next("d").state, H1BodyDecoder::State::failed);
  EXPECT_EQ(decoder.fault().status, 413u);
}

// The bytes of a stream, RFC 9113 8.1.1: without framing, and the end is that of the input.
struct BodyUntilEnd {
  H1BodyDecoder decoder;
  std::string body;

  BodyUntilEnd(const std::string& fields, const std::string& input, uint64_t limit = 100) {
    const std::string text = "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
    ResponseHead head;
    H1ResponseParser parser;
    EXPECT_EQ(parser.feed(text, head), H1ResponseParser::State::complete);
    decoder.start_until_end(head, limit);
    for (const char& c : input) body += decoder.next({&c, 1}).data;
  }
};

TEST(BodyUntilEnd, EndsWithItsInput) {
  for (const char* fields : {"Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", ""}) {
    BodyUntilEnd read(fields, "0\r\n\r\n");
    EXPECT_EQ(read.body, "0\r\n\r\n") << fields;
    EXPECT_EQ(read.decoder.state(), H1BodyDecoder::State::more) << fields;
    EXPECT_EQ(read.decoder.end_of_input(), H1BodyDecoder::State::done) << fields;
  }
}

TEST(BodyUntilEnd, HasTheLengthThatItsHeadAnnounces) {
  BodyUntilEnd longer("Content-Length: 5\r\n", "hello!");
  EXPECT_EQ(longer.decoder.fault().status, 400);
  EXPECT_EQ(longer.body, "hello");
  BodyUntilEnd shorter("Content-Length: 5\r\n", "hell");
  EXPECT_EQ(shorter.decoder.end_of_input(), H1BodyDecoder::State::failed);
  EXPECT_EQ(BodyUntilEnd("Content-Length: 0\r\n", "!").decoder.fault().status, 400);
}

TEST(BodyUntilEnd, BeyondTheLimitIs413) {
  EXPECT_EQ(BodyUntilEnd("Content-Length: 6\r\n", "", 5).decoder.fault().status, 413);
  EXPECT_EQ(BodyUntilEnd("", "hello!", 5).decoder.fault().status, 413);
  BodyUntilEnd whole("", "hello", 5);
  EXPECT_EQ(whole.decoder.end_of_input(), H1BodyDecoder::State::done);
}

}  // namespace
}  // namespace weir
