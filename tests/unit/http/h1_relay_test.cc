// Relayed heads and their framing: one test for each rule.
#include "http/h1_relay.h"

#include <array>

#include "http/h1_parser.h"
#include "http1_reading.h"

namespace weir {
namespace {

// The request that a plan makes of these lines; "" when the writer fails.
std::string relay(std::string_view fields, RequestPlan plan = {}, size_t room = 4096) {
  const std::string input = with_fields(fields);
  H1RequestReader parser;
  EXPECT_EQ(parser.feed(input), H1RequestParser::State::complete) << parser.fault().reason;
  if (plan.target.empty()) plan.target = "/t";
  if (plan.authority.empty()) plan.authority = "backend";
  std::vector<char> memory(room);
  H1HeadWriter out(memory);
  write_request(out, parser.head(input), plan);
  return std::string(out.text());
}

const std::string kProtocols[] = {"websocket", "foo"};

// The fields after Host of the same.
std::string fields_of(std::string_view fields, RequestPlan plan = {}) {
  const std::string text = relay(fields, plan);
  const std::string start = "POST /t HTTP/1.1\r\nHost: backend\r\n";
  if (!text.starts_with(start) || !text.ends_with("\r\n\r\n")) return "failed: " + text;
  return text.substr(start.size(), text.size() - start.size() - 2);
}

std::string answer(std::string_view input, ResponsePlan plan = {}, AnswerTo to = AnswerTo::other,
                   bool plan_body = true) {
  H1ResponseReader parser;
  parser.reset(to);
  EXPECT_EQ(parser.feed(input), H1ResponseParser::State::complete) << parser.fault().reason;
  const ResponseHead& head = parser.head(input);
  if (plan_body) plan.body = relayed_body(head, plan.client);
  std::array<char, 4096> memory;
  H1HeadWriter out(memory);
  write_response(out, head, plan);
  return std::string(out.text());
}

std::string ok(std::string_view fields) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n";
}

TEST(RelayedRequest, IsWrittenAnewWithOneHostFirst) {
  RequestPlan plan{.target = "/new?q", .authority = "b:8080"};
  EXPECT_EQ(relay("X-A:  1 \r\nx-b:\r\nX-A: 2\r\n", plan),
            "POST /new?q HTTP/1.1\r\nHost: b:8080\r\nX-A: 1\r\nx-b: \r\nX-A: 2\r\n\r\n");
}

TEST(RelayedRequest, HasThePlannedCookiesInOneFieldInPlaceOfThoseReceived) {
  const std::string received = "Cookie: a=1; s=2\r\nX: y\r\ncookie: b=3\r\n";
  EXPECT_EQ(fields_of(received), received);
  EXPECT_EQ(fields_of(received, {.cookies = "a=1; b=3"}), "X: y\r\nCookie: a=1; b=3\r\n");
  EXPECT_EQ(fields_of(received, {.cookies = ""}), "X: y\r\n");
  const std::string_view removed[] = {"Cookie"};
  EXPECT_EQ(fields_of(received, {.fields = {.remove = removed}, .cookies = "a=1"}), "X: y\r\n")
      << "the route removes all";
}

TEST(RelayedRequest, ThatDoesNotFitIsNotWrittenAtAll) {
  const std::string whole = relay("X: y\r\n");
  EXPECT_EQ(relay("X: y\r\n", {}, whole.size()), whole);
  for (size_t room = 0; room < whole.size(); ++room) EXPECT_EQ(relay("X: y\r\n", {}, room), "");
}

TEST(RelayedRequest, DropsHopByHopFields) {
  EXPECT_EQ(fields_of("Connection: close, X-Named,x-other\r\nKeep-Alive: timeout=5\r\n"
                      "Proxy-Connection: x\r\nProxy-Authorization: secret\r\nTE: gzip\r\n"
                      "Trailer: X\r\nUpgrade: websocket\r\nHTTP2-Settings: AA\r\nX-Named: 1\r\n"
                      "X-OTHER: 2\r\nExpect: 100-continue\r\nX-Kept: 3\r\n"),
            "X-Kept: 3\r\n");
}

TEST(RelayedRequest, KeepsProtectedFieldsOfAHostileConnectionList) {
  std::string fields;
  std::string list = "close";
  for (const char* name : {"Authorization", "Cookie", "X-Forwarded-For", "X-Forwarded-Proto",
                           "X-Forwarded-Host", "Forwarded", "X-Request-Id", "Via", "X-Real-IP"}) {
    fields += std::string(name) + ": v\r\n";
    list += std::string(", ") + name;
  }
  RequestPlan plan{.body = {BodyFraming::length, 3}, .trusted = true};
  EXPECT_EQ(fields_of("Connection: " + list + ", Host, Content-Length, Transfer-Encoding\r\n" +
                          fields + "Content-Length: 3\r\n",
                      plan),
            fields + "Content-Length: 3\r\n");
}

TEST(RelayedRequest, KeepsTheFieldsOfWeirThatConnectionNames) {
  const FieldText set[] = {{"X-Mine", "1"}};
  const FieldText own[] = {{"X-Forwarded-For", "10.0.0.1"}};
  RequestPlan plan{.fields = {.set = set, .own = own}};
  EXPECT_EQ(fields_of("Connection: X-Mine, X-Forwarded-For\r\nX-Mine: 0\r\n", plan),
            "X-Forwarded-For: 10.0.0.1\r\nX-Mine: 1\r\n");
}

TEST(RelayedRequest, KeepsFieldsAboutTheClientOnlyFromTrustedPeers) {
  const std::string claims =
      "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: a\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /a\r\n"
      "X-Forwarded-Server: a\r\nX-Real-IP: 1.1.1.1\r\nX-Request-Id: 1\r\n";
  EXPECT_EQ(fields_of(claims + "A: b\r\n"), "A: b\r\n");
  EXPECT_EQ(fields_of(claims + "A: b\r\n", {.trusted = true}), claims + "A: b\r\n");
}

TEST(RelayedRequest, DropsNamesThatLookLikeKnownOnes) {
  EXPECT_EQ(fields_of("X_Forwarded_For: 1\r\nContent_Length: 9\r\nTransfer_Encoding: chunked\r\n"
                      "x.request.id: 1\r\nX_Custom: kept\r\n"),
            "X_Custom: kept\r\n");
}

TEST(RelayedRequest, IsFramedAsPlannedAndOnlyOnce) {
  RequestPlan plan{.body = {BodyFraming::length, 5}};
  EXPECT_EQ(fields_of("content-length: 5\r\n", plan), "Content-Length: 5\r\n");
  plan.body = {BodyFraming::delimited, {}};
  EXPECT_EQ(fields_of("Content-Length: 5\r\n", plan), "Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(fields_of("transfer-encoding: CHUNKED\r\n", plan), "Transfer-Encoding: chunked\r\n");
  plan.body = {BodyFraming::none, 0};
  EXPECT_EQ(fields_of("Content-Length: 0\r\n", plan), "Content-Length: 0\r\n");
}

TEST(RelayedRequest, WithAContradictoryPlanFails) {
  for (const BodyPlan& body :
       {BodyPlan{BodyFraming::delimited, 5}, BodyPlan{BodyFraming::length, {}},
        BodyPlan{BodyFraming::none, 5}, BodyPlan{BodyFraming::until_close, {}}})
    EXPECT_EQ(relay("", {.body = body}), "");
  EXPECT_EQ(relay("", {.target = "/a b"}), "");
  EXPECT_EQ(relay("", {.target = "/\r\nX: y"}), "");
  EXPECT_EQ(relay("", {.authority = "a\r\nX: y"}), "");
  for (const char* name : {"Host", "content-length", "Transfer-Encoding", "Connection", "X\r\nY"}) {
    const FieldText fields[] = {{name, "1"}};
    EXPECT_EQ(relay("", {.fields = {.set = fields}}), "") << name;
    EXPECT_EQ(relay("", {.fields = {.add = fields}}), "") << name;
  }
  const FieldText split[] = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(relay("", {.fields = {.add = split}}), "");
}

TEST(RelayedRequest, ReplacesAddsAndRemovesFields) {
  const FieldText set[] = {{"X-Set", "new"}, {"Cookie", "c"}};
  const FieldText add[] = {{"X-Add", "2"}};
  const std::string_view remove[] = {"x-gone", "Authorization"};
  RequestPlan plan{.fields = {.set = set, .add = add, .remove = remove}};
  EXPECT_EQ(fields_of("x-set: 1\r\nX-SET: 2\r\nX_Set: 3\r\nX-Add: 1\r\nX-Gone: 1\r\nX_Gone: 1\r\n"
                      "Cookie: a\r\nCookie: b\r\nAuthorization: a\r\n",
                      plan),
            "X-Add: 1\r\nX-Set: new\r\nCookie: c\r\nX-Add: 2\r\n");
}

TEST(RelayedRequest, PrefersConfiguredFieldsToThoseOfWeir) {
  const FieldText set[] = {{"x-forwarded-proto", "configured"}};
  const FieldText own[] = {{"X-Forwarded-Proto", "http"}, {"X-Request-Id", "1"}};
  const std::string_view remove[] = {"X-Request-ID"};
  EXPECT_EQ(fields_of("", {.fields = {.set = set, .remove = remove, .own = own}}),
            "x-forwarded-proto: configured\r\n");
}

TEST(RelayedRequest, IsAddedToViaWithTheVersionItCameIn) {
  EXPECT_EQ(fields_of("Via: 1.0 a\r\n", {.via = "weir"}), "Via: 1.0 a\r\nVia: 1.1 weir\r\n");
  EXPECT_EQ(fields_of("Via: 1.0 a\r\n"), "Via: 1.0 a\r\n");
  EXPECT_EQ(relay("", {.via = "a b"}), "");
}

TEST(RelayedRequest, OffersAnUpgradeOnlyWhenPlannedAndNeverToH2c) {
  const std::string fields =
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, websocket\r\nUpgrade: foo/1, (\r\n"
      "HTTP2-Settings: AA\r\nSec-WebSocket-Key: k\r\n";
  EXPECT_EQ(fields_of(fields), "Sec-WebSocket-Key: k\r\n");
  EXPECT_EQ(fields_of(fields, {.upgrades = kProtocols}),
            "Sec-WebSocket-Key: k\r\nUpgrade: websocket, foo/1\r\nConnection: upgrade\r\n");
  EXPECT_EQ(fields_of("Connection: upgrade\r\nUpgrade: h2c\r\n", {.upgrades = kProtocols}), "");
  EXPECT_EQ(fields_of("Connection: upgrade\r\nUpgrade: bar\r\n", {.upgrades = kProtocols}), "")
      << "not allowed";
  EXPECT_EQ(fields_of("Upgrade: websocket\r\n", {.upgrades = kProtocols}), "")
      << "not in Connection";
}

TEST(RelayedRequest, AcceptsTrailersAndNoOtherCodings) {
  EXPECT_EQ(fields_of("TE: gzip;q=0.5, Trailers\r\n"), "TE: trailers\r\nConnection: TE\r\n");
  EXPECT_EQ(fields_of("TE: trailers\r\n", {.te = false}), "");
  EXPECT_EQ(fields_of("TE: trailers\r\nConnection: upgrade\r\nUpgrade: foo\r\n",
                      {.upgrades = kProtocols}),
            "Upgrade: foo\r\nTE: trailers\r\nConnection: upgrade, TE\r\n");
}

TEST(RelayedRequest, ExpectsContinueOnlyWhenPlanned) {
  const char* const kFields = "Expect: 100-Continue\r\nContent-Length: 1\r\n";
  RequestPlan plan{.body = {BodyFraming::length, 1}};
  EXPECT_EQ(fields_of(kFields, plan), "Content-Length: 1\r\n");
  plan.expect = true;
  EXPECT_EQ(fields_of(kFields, plan), "Content-Length: 1\r\nExpect: 100-continue\r\n");
  EXPECT_EQ(fields_of("Content-Length: 1\r\n", plan), "Content-Length: 1\r\n");
}

TEST(RelayedResponse, WithACookieOfWeirIsForTheClientOnly) {
  const std::string length = "Content-Length: 0\r\n";
  const auto cookie = [&](const std::string& fields, FieldChanges changes = {}) {
    return answer(ok(fields + length), {.fields = changes, .cookie = "s=1; Path=/"});
  };
  EXPECT_EQ(
      cookie("Set-Cookie: a=1\r\n"),
      ok("Set-Cookie: a=1\r\nSet-Cookie: s=1; Path=/\r\nCache-Control: private\r\n" + length));
  EXPECT_EQ(cookie("Cache-Control: max-age=60\r\n"),
            ok("Cache-Control: max-age=60\r\nSet-Cookie: s=1; Path=/\r\n" + length));
  const FieldText rule[] = {{"Cache-Control", "no-store"}};
  const std::string ruled = "Cache-Control: no-store\r\nSet-Cookie: s=1; Path=/\r\n" + length;
  EXPECT_EQ(cookie("", {.set = rule}), ok(ruled));
  EXPECT_EQ(cookie("", {.add = rule}), ok(ruled));
  const std::string early = "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n";
  EXPECT_EQ(answer(early, {.cookie = "s=1"}), early) << "the final response has it";
}

TEST(RelayedResponse, IsHttp11WithStatusReasonAndFields) {
  EXPECT_EQ(answer("HTTP/1.0 404 Nope\r\nX: 1\r\nContent-Length: 2\r\n\r\n"),
            "HTTP/1.1 404 Nope\r\nX: 1\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 204\r\n\r\n"), "HTTP/1.1 204 \r\n\r\n");
}

TEST(RelayedResponse, DropsHopByHopFieldsAndKeepsCookies) {
  EXPECT_EQ(answer(ok("Connection: close, X-A, Set-Cookie, Content-Length\r\nKeep-Alive: x\r\n"
                      "X-A: 1\r\nProxy-Authenticate: Basic\r\nTrailer: X\r\nSet-Cookie: a\r\n"
                      "Set-Cookie: b\r\nContent_Type: x\r\nUpgrade: h2c\r\nContent-Length: 0\r\n")),
            "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n");
}

TEST(RelayedResponse, OfUnknownLengthIsChunkedForHttp11AndEndsWithTheConnectionForHttp10) {
  for (const char* fields : {"Transfer-Encoding: chunked\r\n", ""}) {
    EXPECT_EQ(answer(ok(fields)), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    ResponsePlan plan{.connection = ConnectionOption::close, .client = HttpVersion::http_1_0};
    EXPECT_EQ(answer(ok(fields), plan), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    plan.connection = ConnectionOption::keep_alive;
    EXPECT_EQ(answer(ok(fields), plan), "") << "its end could not be seen";
  }
}

TEST(RelayedResponse, OfUnknownLengthIsDelimitedForHttp2) {
  for (const char* fields : {"Transfer-Encoding: chunked\r\n", ""}) {
    const std::string input = ok(fields);
    H1ResponseReader parser;
    ASSERT_EQ(parser.feed(input), H1ResponseParser::State::complete);
    const BodyPlan body = relayed_body(parser.head(input), HttpVersion::http_2);
    EXPECT_EQ(body.framing, BodyFraming::delimited) << fields;
    EXPECT_FALSE(body.length) << fields;
  }
}

TEST(RelayedResponse, IsNeverChunkedToHttp10) {
  ResponsePlan plan{.body = {BodyFraming::delimited, {}},
                    .connection = ConnectionOption::close,
                    .client = HttpVersion::http_1_0};
  EXPECT_EQ(answer(ok(""), plan, AnswerTo::other, false), "");
}

TEST(RelayedResponse, ToHeadAndA304KeepTheLengthOfTheBodyTheyDoNotHave) {
  EXPECT_EQ(answer(ok("Content-Length: 9\r\n"), {}, AnswerTo::head),
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(answer(ok("Transfer-Encoding: chunked\r\n"), {}, AnswerTo::head),
            "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 304 x\r\nContent-Length: 9\r\nETag: a\r\n\r\n"),
            "HTTP/1.1 304 x\r\nETag: a\r\nContent-Length: 9\r\n\r\n");
}

TEST(RelayedResponse, With204OrInterimHasNoFramingFields) {
  EXPECT_EQ(answer("HTTP/1.1 204 x\r\nContent-Length: 9\r\n\r\n"), "HTTP/1.1 204 x\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "HTTP/1.1 204 x\r\n\r\n");
  for (const char* status : {"100", "103", "204"}) {
    const std::string input = "HTTP/1.1 " + std::string(status) + " x\r\n\r\n";
    for (const BodyPlan& body : {BodyPlan{BodyFraming::none, 0}, BodyPlan{BodyFraming::length, 1},
                                 BodyPlan{BodyFraming::delimited, {}}})
      EXPECT_EQ(answer(input, {.body = body}, AnswerTo::other, false), "") << status;
  }
}

TEST(RelayedResponse, WithABodyOfNoEndFails) {
  EXPECT_EQ(answer(ok(""), {}, AnswerTo::other, false), "");
  EXPECT_EQ(answer(ok(""), {.body = {BodyFraming::until_close, {}}}, AnswerTo::other, false), "");
  EXPECT_EQ(answer(ok(""), {.body = {BodyFraming::delimited, 3}}, AnswerTo::other, false), "");
}

TEST(RelayedResponse, ThatIsInterimIsFilteredGetsNoFieldsAndIsRefusedForHttp10) {
  const FieldText set[] = {{"X", "1"}};
  ResponsePlan plan{.connection = ConnectionOption::close,
                    .fields = {.set = set},
                    .via = "weir",
                    .date = "now",
                    .server = "weir"};
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  EXPECT_EQ(answer(hints, plan), hints);
  EXPECT_EQ(answer("HTTP/1.1 103 Early Hints\r\nServer: b\r\nX: 2\r\nLink: </a>\r\n\r\n", plan),
            hints);
  EXPECT_EQ(answer(hints, {.client = HttpVersion::http_1_0}), "");
}

TEST(RelayedResponse, GetsADateWhenItHasNone) {
  const std::string end = "Content-Length: 0\r\n\r\n";
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n" + end, {.date = "now"}),
            "HTTP/1.1 200 OK\r\nDate: now\r\n" + end);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nDate: then\r\n" + end, {.date = "now"}),
            "HTTP/1.1 200 OK\r\nDate: then\r\n" + end);
  const FieldText set[] = {{"date", "set"}};
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n" + end, {.fields = {.set = set}, .date = "now"}),
            "HTTP/1.1 200 OK\r\ndate: set\r\n" + end);
}

TEST(RelayedResponse, PassesOrReplacesServer) {
  const std::string end = "Content-Length: 0\r\n\r\n";
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nServer: b\r\n" + end),
            "HTTP/1.1 200 OK\r\nServer: b\r\n" + end);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nServer: b\r\n" + end, {.server = "weir"}),
            "HTTP/1.1 200 OK\r\nServer: weir\r\n" + end);
  const std::string_view remove[] = {"Server"};
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nServer: b\r\n" + end,
                   {.fields = {.remove = remove}, .server = "weir"}),
            "HTTP/1.1 200 OK\r\n" + end);
}

TEST(RelayedResponse, HasTheConnectionFieldOfThePlan) {
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  EXPECT_EQ(answer(start + "\r\n", {.connection = ConnectionOption::close}),
            start + "Connection: close\r\n\r\n");
  EXPECT_EQ(answer(start + "\r\n",
                   {.connection = ConnectionOption::keep_alive, .client = HttpVersion::http_1_0}),
            start + "Connection: keep-alive\r\n\r\n");
}

TEST(RelayedResponse, SwitchesProtocolsOnlyWhenPlanned) {
  const std::string input =
      "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nA: b\r\n\r\n";
  EXPECT_EQ(answer(input), "");
  EXPECT_EQ(answer(input, {.upgrade = true}),
            "HTTP/1.1 101 x\r\nA: b\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
  EXPECT_EQ(answer("HTTP/1.1 101 x\r\n\r\n", {.upgrade = true}), "");
  EXPECT_EQ(
      answer("HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", {.upgrade = true}),
      "");
}

TEST(RelayedResponse, With426KeepsUpgrade) {
  EXPECT_EQ(answer("HTTP/1.1 426 x\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n",
                   {.upgrade = true}),
            "HTTP/1.1 426 x\r\nContent-Length: 0\r\nUpgrade: websocket\r\n"
            "Connection: upgrade\r\n\r\n");
}

}  // namespace
}  // namespace weir
