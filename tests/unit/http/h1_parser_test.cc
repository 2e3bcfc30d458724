// The rules of RFC 9112 for a request head, one test for each rule.
#include "http/h1_parser.h"

#include "http1_reading.h"

namespace weir {
namespace {

using State = H1RequestParser::State;

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

TEST(RequestParser, ReadsMethodTargetVersionAndFields) {
  std::string input =
      "GET /a/b?x=1&y HTTP/1.1\r\nHost: example.org:80\r\nX-Empty:\r\nAccept: \t a b "
      "\t\r\n\r\nrest";
  H1RequestReader parser;
  ASSERT_EQ(parser.feed(input), State::complete);
  const RequestHead& head = parser.head(input);
  EXPECT_EQ(head.method(), "GET");
  EXPECT_EQ(head.target(), "/a/b?x=1&y");
  EXPECT_EQ(head.path(), "/a/b");
  EXPECT_EQ(head.query(), "x=1&y");
  EXPECT_EQ(head.authority(), "example.org:80");
  EXPECT_EQ(head.version(), HttpVersion::http_1_1);
  EXPECT_EQ(head.framing(), BodyFraming::none);
  ASSERT_EQ(head.field_count(), 3u);
  EXPECT_EQ(head.field_name(1), "X-Empty");
  EXPECT_EQ(head.field_value(1), "");
  EXPECT_EQ(head.find("ACCEPT"), "a b");
  EXPECT_EQ(head.find("absent").data(), nullptr);
  EXPECT_EQ(input.substr(parser.head_size()), "rest");
}

TEST(RequestParser, StaysValidWhenTheBufferMovesBetweenFeeds) {
  H1RequestReader parser;
  auto first = std::make_unique<std::string>("GET /path HTTP/1.1\r\nHo");
  ASSERT_EQ(parser.feed(*first), State::incomplete);
  auto second = std::make_unique<std::string>(*first + "st: example\r\n\r\n");
  first.reset();
  ASSERT_EQ(parser.feed(*second), State::complete);
  EXPECT_EQ(parser.head(*second).path(), "/path");
  EXPECT_EQ(parser.head(*second).authority(), "example");
}

TEST(RequestParser, ReadsPipelinedRequestsOneAfterTheOther) {
  Http1Transcript read = read_http1(
      get("/1") + "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get("/3"));
  EXPECT_EQ(read.status(), 0u);
  EXPECT_EQ(read.requests(), 3);
  EXPECT_NE(read.text().find("abc\n.\nGET|/3|"), std::string::npos) << read.text();
}

TEST(RequestParser, IgnoresOneEmptyLineBeforeTheRequest) {
  EXPECT_EQ(read_http1("\r\n" + get("/")).requests(), 1);
  EXPECT_EQ(status_of("\r\n\r\n" + get("/")), 400u);
}

TEST(RequestParser, RefusesABareLineFeed) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400u);
  EXPECT_EQ(status_of("\nGET / HTTP/1.1\r\n"), 400u);
}

TEST(RequestParser, RefusesABareCarriageReturn) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400u);
  EXPECT_EQ(status_of(with_fields("X: a\rb\r\n")), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), 400u);
}

TEST(RequestParser, RefusesControlBytesAnywhere) {
  for (int c = 0; c < 0x20; ++c) {
    if (c == '\t' || c == '\r' || c == '\n') continue;
    EXPECT_EQ(status_of(with_fields(std::string("X: a") + char(c) + "b\r\n")), 400u) << c;
    std::string target = "/";
    target += char(c);
    EXPECT_EQ(status_of(get(target)), 400u) << c;
  }
  EXPECT_EQ(status_of(with_fields("X: a\x7f\r\n")), 400u);
}

TEST(RequestParser, ReportsGarbageAtItsFirstForbiddenByteWithoutWaitingForALine) {
  EXPECT_EQ(status_of(std::string("\x16\x03\x01", 3)), 400u);  // a TLS client
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: \x01"), 400u);
}

TEST(RequestParser, AllowsTabAndBytesAbove127InValues) {
  EXPECT_EQ(read_http1(with_fields("X: a\tb\xc3\xa4\xff\r\n")).requests(), 1);
}

TEST(RequestParser, RefusesAFoldedHeaderLine) {
  EXPECT_EQ(status_of(with_fields("X: a\r\n b\r\n")), 400u);
  EXPECT_EQ(status_of(with_fields("X: a\r\n\tb\r\n")), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400u);
}

TEST(RequestParser, RefusesWhitespaceBeforeTheColon) {
  EXPECT_EQ(status_of(with_fields("X : a\r\n")), 400u);
  EXPECT_EQ(status_of(with_fields("X\t: a\r\n")), 400u);
}

TEST(RequestParser, RefusesNamesThatAreNotTokens) {
  for (const char* line : {": a", "a b: c", "a(b): c", "a\"b: c", "a/b: c", "a\xc3: c", "{a}: c"})
    EXPECT_EQ(status_of(with_fields(line + std::string("\r\n"))), 400u) << line;
  EXPECT_EQ(read_http1(with_fields("!#$%&'*+-.^_`|~0aZ: c\r\n")).requests(), 1);
}

TEST(RequestParser, RefusesALineWithoutAColon) {
  EXPECT_EQ(status_of(with_fields("X\r\n")), 400u);
}

TEST(RequestParser, RequiresExactlyOneSpaceBetweenThePartsOfTheRequestLine) {
  for (const char* line :
       {"GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1", "GET / a HTTP/1.1", "GET /", "GET", "GET HTTP/1.1"})
    EXPECT_EQ(status_of(line + std::string("\r\nHost: a\r\n\r\n")), 400u) << line;
}

TEST(RequestParser, PassesMethodsItDoesNotKnow) {
  EXPECT_EQ(read_http1("BREW / HTTP/1.1\r\nHost: a\r\n\r\n").requests(), 1);
  EXPECT_EQ(status_of("BR(EW / HTTP/1.1\r\nHost: a\r\n\r\n"), 400u);
}

TEST(RequestParser, AnswersAnOverlongMethodWith501) {
  EXPECT_EQ(read_http1(std::string(32, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n").requests(), 1);
  EXPECT_EQ(status_of(std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 501u);
  EXPECT_EQ(status_of(std::string(40'000, 'A')), 501u);
}

TEST(RequestParser, AnswersOtherVersionsWith505AndNonsenseWith400) {
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0"})
    EXPECT_EQ(status_of("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n"), 505u) << version;
  for (const char* version : {"http/1.1", "HTTP/1", "HTTP/1.", "HTTP/1.10", "HTTP/11", "HTTPS/1.1",
                              "HTTP/+1.1", "HTTP/1.x"})
    EXPECT_EQ(status_of("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n"), 400u) << version;
}

TEST(RequestParser, AnswersThePrefaceOfHttp2With505) {
  EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505u);
}

TEST(RequestParser, AnswersAnOverlongRequestLineWith414) {
  HeadLimits limits{.head = 64};
  std::string fits = "GET /" + std::string(64 - 16 - 11, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(fits.size(), 64u);
  EXPECT_EQ(read_http1(fits, limits).requests(), 1);
  std::string longer = "GET /" + std::string(65 - 16, 'a') + " HTTP/1.1\r\n";
  EXPECT_EQ(read_http1(longer + "Host: a\r\n\r\n", limits).status(), 414u);
  EXPECT_EQ(read_http1("GET /" + std::string(59, 'a'), limits).status(), 414u) << "without its end";
}

TEST(RequestParser, AnswersAnOverlongHeadWith431) {
  HeadLimits limits{.head = 128};
  std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  std::string fits = start + std::string(128 - start.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(read_http1(fits, limits).requests(), 1);
  std::string longer = start + std::string(129 - start.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(read_http1(longer, limits).status(), 431u);
  EXPECT_EQ(read_http1(start + std::string(500, 'x'), limits).status(), 431u);
}

TEST(RequestParser, AnswersTooManyFieldsWith431) {
  std::string fields;
  for (size_t i = 1; i < HeadLimits().fields; ++i) fields += "X: y\r\n";  // with Host
  EXPECT_EQ(read_http1(with_fields(fields)).requests(), 1);
  EXPECT_EQ(status_of(with_fields(fields + "X: y\r\n")), 431u);
}

TEST(RequestParser, KeepsAnyNumberOfFieldsThatTheLimitAllows) {
  for (const size_t count : {kInlineFields - 1, kInlineFields, kInlineFields + 1, size_t{500}}) {
    std::string fields;
    for (size_t i = 1; i < count; ++i)
      fields += "X-" + std::to_string(i) + ": " + std::to_string(i) + "\r\n";
    const std::string input = with_fields(fields);
    H1RequestReader parser(HeadLimits{.fields = count});
    for (size_t size = 0; size < input.size(); size += 100)
      ASSERT_EQ(parser.feed(std::string_view(input).substr(0, size)), State::incomplete);
    ASSERT_EQ(parser.feed(input), State::complete) << count;
    const RequestHead& head = parser.head(input);
    EXPECT_EQ(head.field_count(), count);
    for (size_t i = 1; i < count; ++i)
      EXPECT_EQ(head.find("x-" + std::to_string(i)), std::to_string(i));
    EXPECT_EQ(head.find(FieldId::host), "a");
  }
}

TEST(RequestParser, ParsesEveryByteOnce) {
  // 1 MiB one byte at a time: quadratic scanning would be 500 billion steps and time out.
  H1RequestReader parser(HeadLimits{.head = kMaxHeadSize});
  std::string input = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  input.append(1000 * 1024, 'x').append("\r\n\r\n");
  for (size_t size = 1; size < input.size(); ++size)
    ASSERT_EQ(parser.feed(std::string_view(input).substr(0, size)), State::incomplete);
  EXPECT_EQ(parser.feed(input), State::complete);
}

TEST(RequestTarget, IsAPathForOriginForm) {
  EXPECT_EQ(read_http1(get("/a%20b?c=/d?e")).requests(), 1);
  EXPECT_EQ(read_http1(get("//double/..//slash")).requests(), 1);
  EXPECT_EQ(status_of(get("a/b")), 400u);
}

TEST(RequestTarget, HoldsVisibleAsciiWithoutAFragment) {
  EXPECT_EQ(status_of(get("/a#b")), 400u);
  EXPECT_EQ(status_of(get("/\x80")), 400u);
  EXPECT_EQ(status_of(get("/\xff")), 400u);
}

TEST(RequestTarget, OfAbsoluteFormOverridesTheHostField) {
  std::string input = "GET HTTP://real.example:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n";
  H1RequestReader parser;
  ASSERT_EQ(parser.feed(input), State::complete);
  EXPECT_EQ(parser.head(input).form(), TargetForm::absolute);
  EXPECT_EQ(parser.head(input).authority(), "real.example:81");
  EXPECT_EQ(parser.head(input).path(), "/p");
  EXPECT_EQ(parser.head(input).query(), "q");
}

TEST(RequestTarget, OfAbsoluteFormWithoutAPathMeansTheRoot) {
  for (const char* target : {"http://h", "https://h?q"}) {
    std::string input = get(target);
    H1RequestReader parser;
    ASSERT_EQ(parser.feed(input), State::complete) << target;
    EXPECT_EQ(parser.head(input).path(), "/");
    EXPECT_EQ(parser.head(input).authority(), "h");
  }
}

TEST(RequestTarget, OfAbsoluteFormNeedsAHostAndAnHttpScheme) {
  for (const char* target : {"http://", "http:///p", "http://?q", "http://u@h/", "http://h:x/",
                             "http://h:65536/", "ftp://h/", "http:/h", "urn:a"})
    EXPECT_EQ(status_of(get(target)), 400u) << target;
}

TEST(RequestTarget, OfConnectIsHostAndPort) {
  EXPECT_EQ(read_http1("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n").requests(), 1);
  EXPECT_EQ(read_http1("CONNECT [::1]:443 HTTP/1.1\r\nHost: h\r\n\r\n").requests(), 1);
  for (const char* target : {"h", "h:", "/", "http://h:443", "u@h:443", "[::1]", ":443"})
    EXPECT_EQ(status_of("CONNECT " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"), 400u)
        << target;
  EXPECT_EQ(status_of(get("h:443")), 400u) << "authority-form is for CONNECT only";
}

TEST(RequestTarget, AsteriskIsForOptionsOnly) {
  EXPECT_EQ(read_http1("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").requests(), 1);
  EXPECT_EQ(status_of(get("*")), 400u);
}

}  // namespace
}  // namespace weir
