// Heads from one version of HTTP to the other, field by field: RFC 9113 8, RFC 8441, RFC 9110 7.
#include "http/h2_relay.h"

#include "h2_reading.h"
#include "hpack_reading.h"
#include "http/h1_parser.h"
#include "http/h1_relay.h"

namespace weir {
namespace {

const H2Header kFromHttp2 = {
    {":method", "POST"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/p?q"}};
const H2Header kWebSocketFromHttp2 = {{":method", "CONNECT"},
                                      {":protocol", "websocket"},
                                      {":scheme", "https"},
                                      {":path", "/chat"},
                                      {":authority", "a.test"}};
constexpr std::string_view kStart =
    ":method: POST\n:scheme: https\n:path: /p?q\n:authority: a.test\n";

std::string from_http1(std::string_view fields, std::string_view method = "POST") {
  return std::string(method) + " /p?q HTTP/1.1\r\nHost: a.test\r\n" + std::string(fields) + "\r\n";
}

// The fields of the block; "" when the writer fails. A backend reads it as it was meant.
std::string as_h2(const RequestHead& head, RequestPlan plan, bool plan_body = true) {
  if (plan.target.empty()) plan.target = head.target();
  if (plan.authority.empty()) plan.authority = head.authority();
  if (plan_body && plan.body.framing == BodyFraming::none) plan.body = relayed_body(head);
  std::vector<char> memory(4096);
  HpackWriter out(memory);
  write_h2_request(out, head, plan, "https");
  if (!out.ok()) return "";
  HpackReading reading;
  reading.read(out.block());
  RequestHead again;
  H2RequestReader reader;
  std::vector<char> texts(65536);
  reader.begin(again, texts, {});
  HpackDecoder decoder;
  const HpackOutcome outcome = decoder.decode(out.block(), reader.texts(), 32768, reader);
  const bool ends = plan.body.framing == BodyFraming::none && plan.protocol.empty();
  const H2HeadFault fault = reader.finish(outcome, ends);
  EXPECT_FALSE(fault) << fault.fault.reason << "\n" << reading.text;
  EXPECT_EQ(again.framing(), plan.body.framing);
  return reading.text;
}

std::string http1_as_h2(const std::string& input, const RequestPlan& plan = {}) {
  H1RequestReader parser;
  EXPECT_EQ(parser.feed(input), H1RequestParser::State::complete) << parser.fault().reason;
  return as_h2(parser.head(input), plan);
}
std::string h2_as_h2(const H2Header& fields, const RequestPlan& plan = {}, bool end = true) {
  const H2RequestReading read(fields, end);
  EXPECT_EQ(read.verdict, "") << read.fault.fault.reason;
  return as_h2(read.head, plan);
}

// The head for a backend of HTTP/1, which reads one request in it: RFC 9112 11.2.
std::string h2_as_http1(const H2Header& fields, RequestPlan plan = {}, bool end = true) {
  const H2RequestReading read(fields, end);
  EXPECT_EQ(read.verdict, "") << read.fault.fault.reason;
  if (plan.target.empty()) plan.target = read.head.target();
  if (plan.authority.empty()) plan.authority = read.head.authority();
  plan.body = relayed_body(read.head);
  std::vector<char> memory(4096);
  H1HeadWriter out(memory);
  write_request(out, read.head, plan);
  const std::string text(out.text());
  if (text.empty()) return text;
  H1RequestReader parser;
  EXPECT_EQ(parser.feed(text), H1RequestParser::State::complete) << text;
  EXPECT_EQ(parser.head_size(), text.size());
  const RequestHead& again = parser.head(text);
  EXPECT_EQ(again.method(), plan.protocol.empty() ? read.head.method() : "GET");
  EXPECT_EQ(again.target(), plan.target);
  EXPECT_EQ(again.authority(), plan.authority);
  EXPECT_EQ(again.framing(), read.head.framing());
  EXPECT_EQ(again.announced_length(), read.head.announced_length());
  return text;
}

std::string response_as_h2(const ResponseHead& head, ResponsePlan plan) {
  plan.body = relayed_body(head, HttpVersion::http_2);
  std::vector<char> memory(4096);
  HpackWriter out(memory);
  write_h2_response(out, head, plan);
  HpackReading reading;
  return reading.read(out.block());
}
std::string http1_response_as_h2(const std::string& input, const ResponsePlan& plan = {},
                                 AnswerTo to = AnswerTo::other) {
  H1ResponseReader parser;
  parser.reset(to);
  EXPECT_EQ(parser.feed(input), H1ResponseParser::State::complete) << parser.fault().reason;
  return response_as_h2(parser.head(input), plan);
}
std::string h2_response_as_h2(const H2Header& fields, bool end = false,
                              AnswerTo to = AnswerTo::other) {
  const H2ResponseReading read(fields, end, to);
  EXPECT_FALSE(read.fault) << read.fault.fault.reason;
  return response_as_h2(read.head, {});
}
std::string h2_response_as_http1(const H2Header& fields, ResponsePlan plan = {}, bool end = false,
                                 AnswerTo to = AnswerTo::other) {
  const H2ResponseReading read(fields, end, to);
  EXPECT_FALSE(read.fault) << read.fault.fault.reason;
  plan.body = relayed_body(read.head, plan.client);
  std::vector<char> memory(4096);
  H1HeadWriter out(memory);
  write_response(out, read.head, plan);
  return std::string(out.text());
}

// RFC 9113 8.2.1 and 8.3.1.
TEST(RequestFromHttp1ToHttp2, HasPseudoFieldsAndNamesInLowerCase) {
  EXPECT_EQ(http1_as_h2(from_http1("X-Any: 1\r\nACCEPT: */*\r\n")),
            std::string(kStart) + "x-any: 1\naccept: */*\n");
  EXPECT_EQ(http1_as_h2(from_http1(""), {.target = "/new", .authority = "b:8080"}),
            ":method: POST\n:scheme: https\n:path: /new\n:authority: b:8080\n");
  EXPECT_EQ(http1_as_h2("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
            ":method: OPTIONS\n:scheme: https\n:path: *\n:authority: a\n");
}

// RFC 9113 8.2.2, RFC 9110 7.6.1.
TEST(RequestFromHttp1ToHttp2, HasNoFieldsOfTheConnection) {
  EXPECT_EQ(http1_as_h2(from_http1("Connection: close, X-A, TE\r\nKeep-Alive: timeout=5\r\n"
                                   "Proxy-Connection: keep-alive\r\nUpgrade: websocket\r\n"
                                   "X-A: 1\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n"
                                   "HTTP2-Settings: AAMAAABk\r\nX-B: 2\r\n")),
            std::string(kStart) + "x-b: 2\n");
}

// RFC 9113 8.2.2, RFC 9110 10.1.4.
TEST(RequestFromHttp1ToHttp2, KeepsOnlyTrailersOfTe) {
  EXPECT_EQ(http1_as_h2(from_http1("TE: gzip, trailers\r\nConnection: TE\r\n")),
            std::string(kStart) + "te: trailers\n");
  EXPECT_EQ(http1_as_h2(from_http1("TE: gzip\r\n")), kStart);
  EXPECT_EQ(http1_as_h2(from_http1("TE: trailers\r\n"), {.te = false}), kStart);
}

// RFC 9113 8.1.1, RFC 9112 6.
TEST(RequestFromHttp1ToHttp2, KeepsContentLengthAndNoTransferEncoding) {
  EXPECT_EQ(http1_as_h2(from_http1("Content-Length: 5\r\n")),
            std::string(kStart) + "content-length: 5\n");
  EXPECT_EQ(http1_as_h2(from_http1("Content-Length: 0\r\n")),
            std::string(kStart) + "content-length: 0\n");
  EXPECT_EQ(http1_as_h2(from_http1("Transfer-Encoding: chunked\r\n")), kStart);
}

// RFC 9110 10.1.1, 7.6.3.
TEST(RequestFromHttp1ToHttp2, KeepsExpectAndIsAddedToVia) {
  const std::string input = from_http1("Content-Length: 5\r\nExpect: 100-continue\r\n");
  EXPECT_EQ(http1_as_h2(input, {.expect = true}),
            std::string(kStart) + "content-length: 5\nexpect: 100-continue\n");
  EXPECT_EQ(http1_as_h2(input), std::string(kStart) + "content-length: 5\n");
  EXPECT_EQ(http1_as_h2(from_http1("Via: 1.0 x\r\n"), {.via = "weir"}),
            std::string(kStart) + "via: 1.0 x\nvia: 1.1 weir\n");
}

TEST(RequestFromHttp1ToHttp2, IsEditedAsInHttp1) {
  const FieldText set[] = {{"X-Set", " padded "}}, own[] = {{"X-Forwarded-For", "1.2.3.4"}};
  const std::string_view remove[] = {"X-Gone"};
  RequestPlan plan;
  plan.fields = {.set = set, .remove = remove, .own = own};
  EXPECT_EQ(http1_as_h2(from_http1("X-Gone: 1\r\nX-Set: 2\r\nX-Forwarded-For: 9\r\n"
                                   "X_Forwarded_For: 9\r\nForwarded: for=x\r\n"),
                        plan),
            std::string(kStart) + "x-forwarded-for: 1.2.3.4\nx-set: padded\n");
  const FieldText bad[] = {{"TE", "gzip"}};
  plan.fields = {.set = bad};
  EXPECT_EQ(http1_as_h2(from_http1(""), plan), "");
}

// RFC 7541 7.1.3.
TEST(RequestFromHttp1ToHttp2, HidesCredentialsFromTables) {
  EXPECT_EQ(http1_as_h2(from_http1("Authorization: Basic eA==\r\nCookie: a=b\r\n")),
            std::string(kStart) +
                "authorization: Basic eA== (never indexed)\ncookie: a=b (never indexed)\n");
}

TEST(RequestToHttp2, WithAContradictoryPlanFails) {
  const std::string input = from_http1("");
  H1RequestReader parser;
  ASSERT_EQ(parser.feed(input), H1RequestParser::State::complete);
  const RequestHead& head = parser.head(input);
  for (const BodyPlan& body :
       {BodyPlan{BodyFraming::delimited, 5}, BodyPlan{BodyFraming::length, {}},
        BodyPlan{BodyFraming::none, 5}, BodyPlan{BodyFraming::until_close, {}}})
    EXPECT_EQ(as_h2(head, {.body = body}, false), "");
  for (const char* target : {"p", "http://a.test/", "/a b", "/#", "*", "/\x80"})
    EXPECT_EQ(as_h2(head, {.target = target}), "") << target;
  EXPECT_EQ(as_h2(head, {.authority = "a b"}), "");
  EXPECT_EQ(as_h2(head, {.via = "a b"}), "");
  EXPECT_EQ(as_h2(head, {.protocol = "a b"}), "");
}

// RFC 9113 8.5.
TEST(RequestToHttp2, ThatIsConnectHasMethodAndAuthorityOnly) {
  const std::string lines = ":method: CONNECT\n:authority: b.test:443\n";
  EXPECT_EQ(http1_as_h2("CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n"), lines);
  EXPECT_EQ(h2_as_h2({{":method", "CONNECT"}, {":authority", "b.test:443"}}), lines);
}

TEST(RequestFromHttp2ToHttp2, KeepsItsFields) {
  EXPECT_EQ(h2_as_h2(kFromHttp2 + H2Header{{"x", "1"},
                                           {"cookie", "a=b"},
                                           {"te", "trailers"},
                                           {"cookie", "c=d; e=0123456789abcdef"},
                                           {"!secret", "s"},
                                           {"host", "a.test"},
                                           {"via", "2.0 x"}},
                     {.via = "weir"}),
            std::string(kStart) +
                "x: 1\ncookie: a=b; c=d; e=0123456789abcdef\nsecret: s (never indexed)\n"
                "via: 2.0 x\nvia: 2.0 weir\nte: trailers\n");
  EXPECT_EQ(h2_as_h2(kFromHttp2 + H2Header{{"content-length", "3"}}, {}, false),
            std::string(kStart) + "content-length: 3\n");
  EXPECT_EQ(h2_as_h2(kFromHttp2, {}, false), kStart);
}

// RFC 9113 8.3.1: exactly one Host, first.
TEST(RequestFromHttp2ToHttp1, HasOneHostAndOriginForm) {
  EXPECT_EQ(h2_as_http1(kFromHttp2 + H2Header{{"x", "1"}, {"host", "A.TEST"}, {"!y", ""}}),
            "POST /p?q HTTP/1.1\r\nHost: a.test\r\nx: 1\r\ny: \r\n\r\n");
  EXPECT_EQ(h2_as_http1(without(kFromHttp2, ":authority") + H2Header{{"host", "h"}}),
            "POST /p?q HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(h2_as_http1(
                {{":method", "OPTIONS"}, {":scheme", "http"}, {":authority", "a"}, {":path", "*"}}),
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(h2_as_http1({{":method", "CONNECT"}, {":authority", "b.test:443"}}),
            "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n");
}

// RFC 9112 6.1, RFC 9113 8.1.
TEST(RequestFromHttp2ToHttp1, IsChunkedUnlessItHasEndedOrHasALength) {
  const std::string start = "POST /p?q HTTP/1.1\r\nHost: a.test\r\n";
  EXPECT_EQ(h2_as_http1(kFromHttp2, {}, false), start + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(h2_as_http1(kFromHttp2), start + "\r\n");
  for (const bool end : {false, true})
    EXPECT_EQ(h2_as_http1(kFromHttp2 + H2Header{{"content-length", "0"}}, {}, end),
              start + "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(h2_as_http1(kFromHttp2 + H2Header{{"content-length", "7"}}, {}, false),
            start + "Content-Length: 7\r\n\r\n");
}

// RFC 9110 10.1.4, 10.1.1 and 7.6.3, RFC 9113 8.2.3.
TEST(RequestFromHttp2ToHttp1, TurnsTeExpectCookieAndVia) {
  const std::string start = "POST /p?q HTTP/1.1\r\nHost: a.test\r\n";
  EXPECT_EQ(h2_as_http1(kFromHttp2 + H2Header{{"te", "trailers"}}),
            start + "TE: trailers\r\nConnection: TE\r\n\r\n");
  EXPECT_EQ(h2_as_http1(kFromHttp2 + H2Header{{"expect", "100-continue"}}, {.expect = true}, false),
            start + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(h2_as_http1(kFromHttp2 + H2Header{{"cookie", "a"}, {"cookie", "b"}}),
            start + "cookie: a; b\r\n\r\n");
  EXPECT_EQ(h2_as_http1(kFromHttp2, {.via = "weir"}), start + "Via: 2.0 weir\r\n\r\n");
}

TEST(RequestFromHttp2ToHttp1, DropsWhatHttp1ClientsCannotSendEither) {
  EXPECT_EQ(h2_as_http1(kFromHttp2 + H2Header{{"x-forwarded-for", "9"},
                                              {"forwarded", "for=9"},
                                              {"content_length", "9"},
                                              {"transfer_encoding", "chunked"},
                                              {"http2-settings", "x"},
                                              {"trailer", "x"},
                                              {"proxy-authorization", "x"}}),
            "POST /p?q HTTP/1.1\r\nHost: a.test\r\n\r\n");
}

// RFC 8441 5, RFC 6455 4.1.
TEST(WebSocketFromHttp2ToHttp1, IsAGetThatUpgrades) {
  const RequestPlan plan{.protocol = "websocket", .websocket_key = "dGhlIHNhbXBsZSBub25jZQ=="};
  const std::string start = "GET /chat HTTP/1.1\r\nHost: a.test\r\n";
  const std::string upgrade =
      "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_EQ(h2_as_http1(kWebSocketFromHttp2, plan, false),
            start + upgrade + "Sec-WebSocket-Version: 13\r\nConnection: upgrade\r\n\r\n");
  EXPECT_EQ(h2_as_http1(kWebSocketFromHttp2 + H2Header{{"sec-websocket-version", "13"},
                                                       {"sec-websocket-key", "evil"},
                                                       {"sec-websocket-protocol", "chat"}},
                        plan, false),
            start + "sec-websocket-version: 13\r\nsec-websocket-protocol: chat\r\n" + upgrade +
                "Connection: upgrade\r\n\r\n");
  EXPECT_EQ(h2_as_http1(kWebSocketFromHttp2, {}, false), "") << "never CONNECT with a path";
  EXPECT_EQ(h2_as_http1(kWebSocketFromHttp2, {.protocol = "websocket"}, false), "");
  EXPECT_EQ(h2_as_http1(kFromHttp2, plan), "") << "the request is none";
}

TEST(ExtendedConnectFromHttp2ToHttp1, ForAnotherProtocolHasNoKey) {
  const H2Header fields =
      H2Header{{":protocol", "connect-udp"}} + without(kWebSocketFromHttp2, ":protocol");
  EXPECT_EQ(h2_as_http1(fields, {.protocol = "connect-udp"}, false),
            "GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: connect-udp\r\n"
            "Connection: upgrade\r\n\r\n");
}

// RFC 8441 4 and 5.
TEST(WebSocketToHttp2, IsAnExtendedConnect) {
  const std::string start =
      ":method: CONNECT\n:protocol: websocket\n:scheme: https\n:path: /chat\n:authority: a.test\n";
  const RequestPlan plan{.protocol = "websocket"};
  EXPECT_EQ(http1_as_h2("GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
                        plan),
            start + "sec-websocket-version: 13\nsec-websocket-protocol: chat\n");
  EXPECT_EQ(h2_as_h2(kWebSocketFromHttp2 + H2Header{{"sec-websocket-version", "13"}}, plan, false),
            start + "sec-websocket-version: 13\n");
  EXPECT_EQ(h2_as_h2(kWebSocketFromHttp2, {}, false), "");
}

// RFC 9113 8.3.2 and 8.2.2.
TEST(ResponseFromHttp1ToHttp2, HasAStatusAndNoFieldsOfTheConnection) {
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 404 Nope\r\nConnection: close, X-A\r\nX-A: 1\r\n"
                                 "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\n"
                                 "Set-Cookie: a\r\nContent-Length: 2\r\n\r\n"),
            ":status: 404\nset-cookie: a\ncontent-length: 2\n");
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ":status: 200\n");
  EXPECT_EQ(http1_response_as_h2("HTTP/1.0 200 OK\r\n\r\n", {.via = "weir"}),
            ":status: 200\nvia: 1.0 weir\n")
      << "until close";
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 426 x\r\nUpgrade: foo\r\nConnection: upgrade\r\n"
                                 "Content-Length: 0\r\n\r\n",
                                 {.upgrade = true}),
            ":status: 426\ncontent-length: 0\n");
}

// RFC 9110 8.6.
TEST(ResponseFromHttp1ToHttp2, WithoutABodyKeepsTheLengthThatDescribesOne) {
  EXPECT_EQ(
      http1_response_as_h2("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", {}, AnswerTo::head),
      ":status: 200\ncontent-length: 9\n");
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n"),
            ":status: 304\ncontent-length: 9\n");
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 204 x\r\nContent-Length: 9\r\n\r\n"), ":status: 204\n");
}

// RFC 9110 15.2, RFC 9113 8.1 and 8.6.
TEST(ResponseFromHttp1ToHttp2, ThatIsInterimGetsNoFieldsAnd101Fails) {
  const ResponsePlan plan{.via = "weir", .date = "now", .server = "weir"};
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 103 x\r\nLink: </a>\r\n\r\n", plan),
            ":status: 103\nlink: </a>\n");
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 100 x\r\n\r\n", plan), ":status: 100\n");
  const std::string switches =
      "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
  EXPECT_EQ(http1_response_as_h2(switches, {.upgrade = true}), "");
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 101 x\r\n\r\n", {.protocol = "websocket"}), "");
  EXPECT_EQ(http1_response_as_h2(switches, {.protocol = "websocket"}),
            ":status: 200\nsec-websocket-protocol: chat\n");
}

TEST(ResponseFromHttp1ToHttp2, GetsTheFieldsOfWeir) {
  const FieldText set[] = {{"X-Set", "1"}};
  const ResponsePlan plan{.fields = {.set = set}, .date = "now", .server = "weir"};
  EXPECT_EQ(http1_response_as_h2("HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: 0\r\n\r\n", plan),
            ":status: 200\nx-set: 1\ndate: now\nserver: weir\ncontent-length: 0\n");
}

// A response of gRPC that has trailers only stays one HEADERS frame.
TEST(ResponseFromHttp2ToHttp2, WithoutABodyGetsNoLength) {
  EXPECT_EQ(h2_response_as_h2({{":status", "200"}, {"grpc-status", "5"}}, true),
            ":status: 200\ngrpc-status: 5\n");
  EXPECT_EQ(h2_response_as_h2({{":status", "200"}, {"content-length", "0"}}, true),
            ":status: 200\ncontent-length: 0\n");
  EXPECT_EQ(h2_response_as_h2({{":status", "200"}, {"!x", "y"}}),
            ":status: 200\nx: y (never indexed)\n");
  EXPECT_EQ(
      h2_response_as_h2({{":status", "200"}, {"content-length", "5"}}, false, AnswerTo::connect),
      ":status: 200\n");
}

// RFC 9113 8.3.2, RFC 9112 4 and 6.
TEST(ResponseFromHttp2ToHttp1, HasTheReasonOfItsStatusAndAnEnd) {
  EXPECT_EQ(h2_response_as_http1({{":status", "201"}, {"x", "y"}}),
            "HTTP/1.1 201 Created\r\nx: y\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(h2_response_as_http1({{":status", "200"}}, {.via = "weir"}, true),
            "HTTP/1.1 200 OK\r\nVia: 2.0 weir\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(h2_response_as_http1({{":status", "599"}, {"content-length", "3"}}),
            "HTTP/1.1 599 Unknown\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(h2_response_as_http1({{":status", "200"}}, {.connection = ConnectionOption::close,
                                                        .client = HttpVersion::http_1_0}),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(h2_response_as_http1({{":status", "103"}, {"link", "</a>"}}),
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
  EXPECT_EQ(h2_response_as_http1({{":status", "103"}}, {.client = HttpVersion::http_1_0}), "");
}

// RFC 8441 5, RFC 6455 4.2.2.
TEST(WebSocketResponseFromHttp2ToHttp1, SwitchesProtocols) {
  const ResponsePlan plan{.protocol = "websocket",
                          .websocket_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="};
  const H2Header fields{{":status", "200"},
                        {"sec-websocket-protocol", "chat"},
                        {"sec-websocket-accept", "other"},
                        {"content-length", "5"}};
  EXPECT_EQ(h2_response_as_http1(fields, plan, false, AnswerTo::connect),
            "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "Connection: upgrade\r\n\r\n");
  EXPECT_EQ(h2_response_as_http1({{":status", "200"}}, plan), "") << "the tunnel is not open";
  ResponsePlan old = plan;
  old.client = HttpVersion::http_1_0;
  EXPECT_EQ(h2_response_as_http1({{":status", "200"}}, old, false, AnswerTo::connect), "");
}

TEST(HeadToHttp2, ThatDoesNotFitIsNotWrittenAtAll) {
  const std::string input = from_http1("X: y\r\nVia: 1.1 a\r\n");
  H1RequestReader parser;
  ASSERT_EQ(parser.feed(input), H1RequestParser::State::complete);
  const RequestHead& head = parser.head(input);
  const RequestPlan plan{.target = "/", .authority = head.authority(), .via = "weir"};
  size_t whole = 0;
  for (size_t size = 0; size < 200; ++size) {
    std::vector<char> memory(size);
    HpackWriter out(memory);
    write_h2_request(out, head, plan, "http");
    if (!out.ok()) {
      EXPECT_EQ(whole, 0u);
      EXPECT_TRUE(out.block().empty());
    } else if (whole == 0) {
      whole = size;
      EXPECT_EQ(out.block().size(), size);
    }
  }
  EXPECT_GT(whole, 0u);
}

}  // namespace
}  // namespace weir
