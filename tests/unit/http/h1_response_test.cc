// The rules of RFC 9112 for responses, one test for each rule.
#include "http/h1_parser.h"
#include "http/semantics.h"
#include "http1_reading.h"

namespace weir {
namespace {

using State = H1ResponseParser::State;

std::string answer_of(std::string_view fields, std::string_view body = "") {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

unsigned fault_of(std::string_view input, std::string_view method = "GET") {
  return read_responses(input, method).status();
}

// Parses a complete head; the head lives until the next call.
const ResponseHead& response_of(const std::string& input, AnswerTo to = AnswerTo::other) {
  static H1ResponseReader parser;
  parser.reset(to);
  EXPECT_EQ(parser.feed(input), State::complete) << parser.fault().reason;
  return parser.head(input);
}

const RequestHead& request_of(const std::string& input) {
  static H1RequestReader parser;
  parser.reset();
  EXPECT_EQ(parser.feed(input), State::complete) << parser.fault().reason;
  return parser.head(input);
}

TEST(ResponseParser, ReadsVersionStatusReasonAndFields) {
  const std::string input =
      "HTTP/1.0 404 Not \xc3\xa4 Found\r\nServer: a b\r\nX:\r\nContent-Length: 3\r\n\r\nabc";
  H1ResponseReader parser;
  ASSERT_EQ(parser.feed(input), State::complete);
  const ResponseHead& head = parser.head(input);
  EXPECT_EQ(head.version(), HttpVersion::http_1_0);
  EXPECT_EQ(head.status(), 404u);
  EXPECT_EQ(head.reason(), "Not \xc3\xa4 Found");
  EXPECT_EQ(head.find(FieldId::server), "a b");
  EXPECT_EQ(head.find("x"), "");
  EXPECT_NE(head.find("x").data(), nullptr);
  EXPECT_EQ(head.framing(), BodyFraming::length);
  EXPECT_EQ(head.content_length(), 3u);
  EXPECT_EQ(input.substr(parser.head_size()), "abc");
}

TEST(ResponseParser, TakesAnEmptyReasonWithAndWithoutItsSpace) {
  EXPECT_EQ(response_of("HTTP/1.1 200 \r\n\r\n").reason(), "");
  EXPECT_EQ(response_of("HTTP/1.1 200\r\n\r\n").reason(), "");
  EXPECT_EQ(response_of("HTTP/1.1 200  \r\n\r\n").reason(), " ");
}

TEST(ResponseParser, RefusesOtherStatusLines) {
  for (const char* line :
       {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
        "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 2x0 OK",
        "HTTP/1.1 +20 OK", "HTTP/1.1 099 Low", "HTTP/1.1 000 Zero", " HTTP/1.1 200 OK", "200 OK",
        "ICY 200 OK", "SSH-2.0-OpenSSH", "HTTP/1.1-200 OK"})
    EXPECT_EQ(fault_of(std::string(line) + "\r\n\r\n"), 502u) << line;
}

TEST(ResponseParser, RefusesOtherVersions) {
  for (const char* version :
       {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/2", "http/1.1", "HTTP/1.10"})
    EXPECT_EQ(fault_of(std::string(version) + " 200 OK\r\n\r\n"), 502u) << version;
}

TEST(ResponseParser, PassesStatusesItDoesNotKnow) {
  for (const char* status : {"299", "451", "599", "999"})
    EXPECT_EQ(read_responses("HTTP/1.1 " + std::string(status) + " x\r\nContent-Length: 0\r\n\r\n")
                  .responses(),
              1);
}

TEST(ResponseParser, RefusesAnEmptyLineBeforeTheStatusLine) {
  EXPECT_EQ(fault_of("\r\n" + answer_of("")), 502u);
}

TEST(ResponseParser, HasTheFieldRulesOfRequests) {
  for (const char* fields :
       {"X: a\n", "X: a\rb\r\n", "X: a\r\n b\r\n", " X: a\r\n", "X : a\r\n", ": a\r\n", "X\r\n",
        "X(: a\r\n", "X: \x01\r\n", "X: \x7f\r\n", "X: a\n\r\n"})
    EXPECT_EQ(fault_of(answer_of(fields)), 502u) << fields;
  EXPECT_EQ(fault_of(answer_of(std::string("X: a\0b\r\n", 8))), 502u);
  EXPECT_EQ(fault_of("HTTP/1.1 200 O\x01K\r\n\r\n"), 502u);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\n\n"), 502u);
}

TEST(ResponseParser, BoundsTheStatusLineTheHeadAndTheNumberOfFields) {
  const HeadLimits limits{.head = 256};
  EXPECT_EQ(read_responses("HTTP/1.1 200 " + std::string(256, 'a'), "GET", limits).status(), 502u);
  EXPECT_EQ(read_responses(answer_of("X: " + std::string(256, 'a')), "GET", limits).status(), 502u);
  std::string fields;
  for (size_t i = 0; i <= HeadLimits().fields; ++i) fields += "X: y\r\n";
  EXPECT_EQ(fault_of(answer_of(fields)), 502u);
}

TEST(ResponseParser, ReadsNoHeadAboveTheLargestThatCanBeConfigured) {
  const HeadLimits limits{.head = 2 * kMaxHeadSize};
  H1ResponseReader parser(limits);
  EXPECT_EQ(parser.feed(answer_of("X: " + std::string(kMaxHeadSize - 100, 'a') + "\r\n")),
            State::complete);
  parser.reset();
  EXPECT_EQ(parser.feed(answer_of("X: " + std::string(kMaxHeadSize, 'a') + "\r\n")), State::failed);
  H1RequestReader request(limits);
  EXPECT_EQ(request.feed("GET /" + std::string(kMaxHeadSize, 'a') + " HTTP/1.1\r\n"),
            State::failed);
  EXPECT_EQ(request.fault().status, 414u);
}

TEST(ResponseBody, IsItsLengthAndTheNextResponseFollows) {
  Http1ResponseTranscript read = read_responses(answer_of("Content-Length: 3\r\n", "abc") +
                                                answer_of("Content-Length: 0\r\n"));
  EXPECT_EQ(read.responses(), 2) << read.text();
  EXPECT_EQ(read.body(), "abc");
}

TEST(ResponseBody, IsChunkedWhenItSaysSo) {
  Http1ResponseTranscript read =
      read_responses(answer_of("Transfer-Encoding: Chunked\r\n", "3\r\nabc\r\n0\r\nX: y\r\n\r\n") +
                     answer_of("", "d"));
  EXPECT_EQ(read.responses(), 2) << read.text();
  EXPECT_EQ(read.body(), "abcd");
}

TEST(ResponseBody, EndsWithTheConnectionWithoutOtherFraming) {
  Http1ResponseTranscript read = read_responses(answer_of("", "HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_EQ(read.responses(), 1);
  EXPECT_EQ(read.body(), "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_FALSE(response_of(answer_of("")).keep_alive());
  EXPECT_FALSE(response_of(answer_of("Connection: keep-alive\r\n")).keep_alive());
}

TEST(ResponseBody, ThatIsCutIsAFaultUnlessItEndsWithTheConnection) {
  EXPECT_EQ(fault_of(answer_of("Content-Length: 3\r\n", "ab")), 400u);
  EXPECT_EQ(fault_of(answer_of("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n")), 400u);
  EXPECT_EQ(fault_of(answer_of("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n")), 400u);
}

TEST(ResponseBody, NeverFollowsAnAnswerToHeadNor204Nor304) {
  const std::string next = answer_of("Content-Length: 0\r\n");
  for (const char* fields : {"Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
    const std::string input = answer_of(fields);
    EXPECT_EQ(read_responses(input + input, "HEAD").responses(), 2) << fields;
    for (const char* status : {"204 No Content", "304 Not Modified"})
      EXPECT_EQ(read_responses("HTTP/1.1 " + std::string(status) + "\r\n" + fields + "\r\n" + next)
                    .responses(),
                2)
          << status << fields;
  }
  EXPECT_EQ(response_of(answer_of("Content-Length: 9\r\n"), AnswerTo::head).announced_length(), 9u);
}

TEST(ResponseBody, AnnouncedBy204ClosesTheConnection) {
  EXPECT_TRUE(response_of("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n").keep_alive());
  EXPECT_FALSE(response_of("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n").keep_alive());
  EXPECT_FALSE(response_of("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n").keep_alive());
  EXPECT_TRUE(response_of("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n").keep_alive());
}

TEST(ResponseBody, OfConnectIsATunnelAfter2xxOnly) {
  const std::string tunnel = answer_of("Content-Length: 3\r\n", "HTTP/9");
  Http1ResponseTranscript read = read_responses(tunnel, "CONNECT");
  EXPECT_EQ(read.rest(), "HTTP/9");
  EXPECT_TRUE(response_of(answer_of(""), AnswerTo::connect).opens_tunnel());
  EXPECT_FALSE(response_of(answer_of(""), AnswerTo::connect).keep_alive());
  EXPECT_FALSE(response_of(answer_of("")).opens_tunnel());
  EXPECT_EQ(read_responses("HTTP/1.1 403 no\r\nContent-Length: 2\r\n\r\nno", "CONNECT").body(),
            "no");
}

TEST(ResponseFraming, RefusesEveryContradictionOfLengthAndCoding) {
  const char* const kChunked = "Transfer-Encoding: chunked\r\n";
  const char* const kLength = "Content-Length: 5\r\n";
  for (const std::string& fields :
       {std::string(kChunked) + kLength, std::string(kLength) + kChunked,
        std::string(kLength) + kLength, std::string(kChunked) + kChunked,
        std::string(kLength) + "Content-Length: 6\r\n"}) {
    EXPECT_EQ(fault_of(answer_of(fields, "0\r\n\r\n")), 502u) << fields;
    EXPECT_EQ(fault_of(answer_of(fields), "HEAD"), 502u) << fields;
  }
}

TEST(ResponseFraming, RefusesEveryCodingButChunked) {
  for (const char* coding :
       {"", "identity", "xchunked", "gzip", "gzip, chunked", "chunked, identity",
        "chunked, chunked", "chunked,", ",chunked", "chunked;q=1", "\"chunked\"", "chun ked"})
    EXPECT_EQ(
        fault_of(answer_of("Transfer-Encoding: " + std::string(coding) + "\r\n", "0\r\n\r\n")),
        502u)
        << coding;
  EXPECT_EQ(fault_of("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 502u);
}

TEST(ResponseFraming, RefusesLengthsThatAreNotPlainNumbers) {
  for (const char* length : {"", "+3", "-1", "0 0", "3,3", "3, 3", "0x3", "3.0", "1e3",
                             "9223372036854775808", "18446744073709551617"})
    EXPECT_EQ(fault_of(answer_of("Content-Length: " + std::string(length) + "\r\n", "abc")), 502u)
        << length;
}

TEST(InterimResponse, IsFollowedByAnother) {
  Http1ResponseTranscript read =
      read_responses("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
                     answer_of("Content-Length: 1\r\n", "a"));
  EXPECT_EQ(read.responses(), 1);
  EXPECT_EQ(read.body(), "a");
  EXPECT_TRUE(response_of("HTTP/1.1 100 Continue\r\n\r\n").interim());
  EXPECT_FALSE(response_of("HTTP/1.1 101 Switching\r\n\r\n").interim());
}

TEST(InterimResponse, ThatAnnouncesABodyIsRefused) {
  EXPECT_EQ(fault_of("HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n"), 502u);
  EXPECT_EQ(fault_of("HTTP/1.1 100 x\r\nTransfer-Encoding: chunked\r\n\r\n"), 502u);
}

TEST(ResponseConnection, PersistsAsTheVersionAndTheFieldSay) {
  const std::string length = "Content-Length: 0\r\n";
  EXPECT_TRUE(response_of(answer_of(length)).keep_alive());
  EXPECT_FALSE(response_of(answer_of(length + "Connection: close\r\n")).keep_alive());
  EXPECT_FALSE(response_of("HTTP/1.0 200 OK\r\n" + length + "\r\n").keep_alive());
  EXPECT_TRUE(
      response_of("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + length + "\r\n").keep_alive());
}

TEST(ResponseConnection, HasTheSecondsOfKeepAlive) {
  EXPECT_EQ(response_of(answer_of("Keep-Alive: timeout=5, max=100\r\n")).keep_alive_timeout(), 5u);
  EXPECT_EQ(response_of(answer_of("Keep-Alive: max=1,Timeout = 60\r\n")).keep_alive_timeout(), 60u);
  for (const char* value : {"", "timeout", "timeout=", "timeout=x", "timeout=-1", "xtimeout=5",
                            "timeout=99999999999", "300"})
    EXPECT_EQ(
        response_of(answer_of("Keep-Alive: " + std::string(value) + "\r\n")).keep_alive_timeout(),
        std::nullopt)
        << value;
  EXPECT_EQ(response_of(answer_of("")).keep_alive_timeout(), std::nullopt);
}

TEST(SwitchingProtocols, NeedsConnectionAndUpgradeInHttp11) {
  auto switches = [](const char* version, const char* fields) {
    return response_of(std::string(version) + " 101 x\r\n" + fields + "\r\n").switches_protocols();
  };
  EXPECT_TRUE(switches("HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_FALSE(switches("HTTP/1.1", "Upgrade: websocket\r\n"));
  EXPECT_FALSE(switches("HTTP/1.1", "Connection: upgrade\r\n"));
  EXPECT_FALSE(switches("HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
}

TEST(SwitchingProtocols, AnswersOnlyRequestedProtocols) {
  auto answers = [](const char* offered, const char* answered) {
    const std::string request = with_fields(offered);
    const std::string response =
        std::string("HTTP/1.1 101 x\r\nConnection: upgrade\r\n") + answered + "\r\n";
    const std::string allowed[] = {"websocket", "FOO", "one/1"};
    return answers_upgrade(request_of(request), response_of(response), allowed);
  };
  const char* const kOffer = "Connection: upgrade\r\nUpgrade: foo/2, WebSocket, bar\r\n";
  EXPECT_TRUE(answers(kOffer, "Upgrade: websocket\r\n"));
  EXPECT_TRUE(answers(kOffer, "Upgrade: foo/2\r\n"));
  EXPECT_TRUE(answers(kOffer, "Upgrade: foo/2, websocket\r\n"));
  EXPECT_TRUE(answers(kOffer, "Upgrade: ,websocket,\r\n"));
  EXPECT_TRUE(answers(kOffer, "Upgrade: foo/2\r\nUpgrade: websocket\r\n"));
  EXPECT_FALSE(answers(kOffer, "Upgrade: bar\r\n")) << "offered, but not allowed";
  EXPECT_FALSE(answers(kOffer, "Upgrade: one/1\r\n")) << "allowed, but not offered";
  EXPECT_FALSE(answers(kOffer, "Upgrade: foo/3\r\n"));
  EXPECT_FALSE(answers(kOffer, "Upgrade: bar, websocket\r\n"));
  EXPECT_FALSE(answers(kOffer, "Upgrade: (, websocket\r\n"));
  EXPECT_FALSE(answers(kOffer, "Upgrade: websocket\r\nUpgrade: bar\r\n"));
  EXPECT_FALSE(answers(kOffer, "Upgrade:\r\n"));
  EXPECT_FALSE(answers("Upgrade: websocket\r\n", "Upgrade: websocket\r\n"));
  EXPECT_FALSE(answers("", "Upgrade: websocket\r\n"));
  EXPECT_FALSE(answers("Connection: upgrade\r\nUpgrade: h2c\r\n", "Upgrade: h2c\r\n"));
}

TEST(SwitchingProtocols, IsOfferedByRequestsWithMoreThanH2c) {
  const std::string allowed[] = {"websocket", "h2c"};
  auto offers = [&](const char* fields) {
    return offers_upgrade(request_of(with_fields(fields)), allowed);
  };
  EXPECT_TRUE(offers("Connection: Upgrade, x\r\nUpgrade: h2c, websocket\r\n"));
  EXPECT_FALSE(offers("Connection: Upgrade\r\nUpgrade: H2C\r\n"));
  EXPECT_FALSE(offers("Connection: keep-alive\r\nUpgrade: websocket\r\n"));
  EXPECT_FALSE(offers("Connection: Upgrade\r\n"));
}

TEST(Protocols, AreComparedByNameInAnyCaseAndByVersionWhereOneIsGiven) {
  const std::string allowed[] = {"WebSocket", "spdy/3.1"};
  for (const char* protocol : {"websocket", "WEBSOCKET/13", "SPDY/3.1"})
    EXPECT_TRUE(allows_protocol(allowed, protocol)) << protocol;
  for (const char* protocol : {"websocke", "websockets", "SPDY", "SPDY/3", "SPDY/3.10", "", "/3.1"})
    EXPECT_FALSE(allows_protocol(allowed, protocol)) << protocol;
  EXPECT_FALSE(allows_protocol({}, "websocket"));
}

TEST(Protocols, AreLimitedInNumber) {
  std::string offer = "Connection: upgrade\r\nUpgrade: a";
  for (size_t i = 1; i < kMaxConnectionOptions; ++i) offer += ",a";
  EXPECT_EQ(read_http1(with_fields(offer + "\r\n")).requests(), 1);
  EXPECT_EQ(status_of(with_fields(offer + "\r\nUpgrade: b\r\n")), 400u);
}

TEST(Connection, WithTooManyOptionsIsRefused) {
  std::string options = "a";
  for (size_t i = 1; i < kMaxConnectionOptions; ++i) options += ",a";
  EXPECT_EQ(read_http1(with_fields("Connection: " + options + "\r\n")).requests(), 1);
  EXPECT_EQ(status_of(with_fields("Connection: " + options + "\r\nConnection: b\r\n")), 400u);
}

}  // namespace
}  // namespace weir
