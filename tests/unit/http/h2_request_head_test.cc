// Requests of HTTP/2: one test for each rule of RFC 9113 8 and RFC 8441 4, and for each fault the
// answer that HTTP/1 gives, or the end of the stream.
#include "h2_reading.h"
#include "http/semantics.h"

namespace weir {
namespace {

const H2Header kGet = {
    {":method", "GET"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/p?q"}};
const H2Header kPost = {
    {":method", "POST"}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/"}};
const H2Header kConnect = {{":method", "CONNECT"}, {":authority", "a.test:443"}};
const H2Header kExtended = {{":method", "CONNECT"},
                            {":protocol", "websocket"},
                            {":scheme", "https"},
                            {":path", "/chat?x"},
                            {":authority", "a.test"}};

std::string with(const std::string& name, const std::string& value) {
  return H2RequestReading(kGet + H2Header{{name, value}}).verdict;
}
// kGet with another value of a pseudo-field, or with one more.
std::string with_pseudo(const std::string& name, const std::string& value) {
  return H2RequestReading(H2Header{{name, value}} + without(kGet, name)).verdict;
}
std::string with_path(const std::string& path, const std::string& method = "GET") {
  return H2RequestReading(H2Header{{":method", method},
                                   {":scheme", "http"},
                                   {":authority", "a.test"},
                                   {":path", path}})
      .verdict;
}

TEST(H2Request, HasTheSameMeaningAsInHttp1) {
  const H2RequestReading read(kGet + H2Header{{"x-a", "1"}, {"accept", ""}});
  ASSERT_EQ(read.verdict, "") << read.fault.fault.reason;
  const RequestHead& head = read.head;
  EXPECT_EQ(head.version(), HttpVersion::http_2);
  EXPECT_EQ(head.method(), "GET");
  EXPECT_EQ(head.target(), "/p?q");
  EXPECT_EQ(head.path(), "/p");
  EXPECT_EQ(head.query(), "q");
  EXPECT_TRUE(head.has_query());
  EXPECT_EQ(head.authority(), "a.test");
  EXPECT_EQ(head.form(), TargetForm::origin);
  EXPECT_EQ(head.framing(), BodyFraming::none);
  EXPECT_TRUE(head.keep_alive());
  EXPECT_FALSE(head.upgrades());
  EXPECT_EQ(head.protocol(), "");
  ASSERT_EQ(head.field_count(), 2u);
  EXPECT_EQ(head.field_name(0), "x-a");
  EXPECT_EQ(head.field_value(0), "1");
  EXPECT_EQ(head.find("Accept"), "");
}

// A head is used again: nothing of the message before remains.
TEST(H2Request, ForgetsTheMessageBefore) {
  std::vector<char> memory(65536);
  RequestHead head;
  H2RequestReader reader;
  HpackDecoder decoder;
  const auto read = [&](const H2Header& fields) {
    const std::string block = h2_block(fields);
    reader.begin(head, memory, {});
    const HpackOutcome outcome = decoder.decode(block, reader.texts(), 32768, reader);
    return h2_verdict(reader.finish(outcome, true));
  };
  EXPECT_EQ(
      read(kExtended + H2Header{{"cookie", "a"}, {"cookie", "b"}, {"expect", "100-continue"}}), "");
  EXPECT_EQ(head.protocol(), "websocket");
  EXPECT_EQ(read({{":scheme", "http"}}), "stream");
  EXPECT_EQ(head.method(), "");
  EXPECT_EQ(head.protocol(), "");
  EXPECT_EQ(head.target(), "");
  EXPECT_EQ(read(kGet), "");
  EXPECT_EQ(head.field_count(), 0u);
  EXPECT_EQ(head.protocol(), "");
  EXPECT_FALSE(head.has(FieldId::cookie));
}

// RFC 9113 8.3.1.
TEST(H2Request, WithoutAMandatoryPseudoFieldIsMalformed) {
  for (const char* name : {":method", ":scheme", ":path"}) {
    EXPECT_EQ(H2RequestReading(without(kGet, name)).verdict, "stream") << name;
    EXPECT_EQ(with_pseudo(name, ""), "stream") << name;
  }
  EXPECT_EQ(H2RequestReading(H2Header{}).verdict, "stream");
}

// RFC 9113 8.3.
TEST(H2Request, WithRepeatedUnknownOrLatePseudoFieldsIsMalformed) {
  for (const auto& field : kGet) {
    EXPECT_EQ(H2RequestReading(kGet + H2Header{field}).verdict, "stream") << field.first;
    EXPECT_EQ(H2RequestReading(without(kGet, field.first) + H2Header{{"x", "y"}, field}).verdict,
              "stream")
        << field.first << " behind a field";
  }
  EXPECT_EQ(with_pseudo(":status", "200"), "stream");
  EXPECT_EQ(with_pseudo(":unknown", "x"), "stream");
  EXPECT_EQ(with_pseudo(":", "x"), "stream");
  EXPECT_EQ(with_pseudo(":Path", "/"), "stream");
}

// RFC 9113 8.2.1.
TEST(H2Request, WithANameThatIsNoTokenInLowerCaseIsMalformed) {
  for (const char* name : {"", "X-a", "x a", "x:a", "x\ta", "x\r", "x\n", "x\x7f", "x\xc3", "(x)"})
    EXPECT_EQ(with(name, "y"), "stream") << name;
  EXPECT_EQ(with(std::string("x\0y", 3), "z"), "stream");
  EXPECT_EQ(with("x-a_b.c!#$%&'*+^`|~9", "y"), "");
}

// RFC 9113 8.2.2.
TEST(H2Request, WithAFieldOfHttp1ConnectionsIsMalformed) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_EQ(with(name, "x"), "stream") << name;
    EXPECT_EQ(with(name, ""), "stream") << name;
  }
  EXPECT_EQ(with("transfer-encoding", "chunked"), "stream");
  EXPECT_EQ(with("te", "trailers"), "");
  for (const char* value : {"", "gzip", "trailers, gzip", "trailers;q=1"})
    EXPECT_EQ(with("te", value), "stream") << value;
}

// RFC 9113 8.2.1, in names of pseudo-fields as well. Such a value is never trimmed.
TEST(H2Request, WithAValueThatCouldSplitItIsMalformed) {
  for (const std::string& value :
       {std::string("a\0b", 3), std::string("a\rb"), std::string("a\nb"), std::string("a\r\nx: y"),
        std::string(" a"), std::string("a "), std::string("\ta"), std::string("a\t"),
        std::string(" "), std::string(" \x01")}) {
    EXPECT_EQ(with("x", value), "stream") << value;
    for (const auto& [name, good] : kGet) {
      EXPECT_EQ(with_pseudo(name, value), "stream") << name << value;
    }
  }
}

// RFC 9110 5.5.
TEST(H2Request, WithAnotherControlByteInAValueIsABadRequest) {
  for (const char* value : {"a\x01z", "\x7f", "\x1f"}) {
    EXPECT_EQ(with("x", value), "400") << value;
    for (const auto& [name, good] : kGet) EXPECT_EQ(with_pseudo(name, value), "400") << name;
  }
  EXPECT_EQ(with("x", "a\tb \x80\xff"), "") << "HTAB and obs-text are field text";
}

// RFC 9110 9.1.
TEST(H2Request, HasAMethodThatIsATokenOfBoundedSize) {
  EXPECT_EQ(with_pseudo(":method", "G T"), "400");
  EXPECT_EQ(with_pseudo(":method", "GET/"), "400");
  EXPECT_EQ(with_pseudo(":method", std::string(32, 'M')), "");
  EXPECT_EQ(with_pseudo(":method", std::string(33, 'M')), "501");
}

// RFC 9113 8.3.1.
TEST(H2Request, HasAPathOrAnAsteriskWithOptions) {
  for (const char* path : {"a", "http://a.test/", "https://a.test/", "*", "?q", "a.test:443",
                           "/a b", "/#f", "/\x80", "/a\x01"})
    EXPECT_EQ(with_path(path), "400") << path;
  for (const char* path : {"/", "//", "/a/../b", "/%2F", "/?", "/a?b?c", "/*"})
    EXPECT_EQ(with_path(path), "") << path;
  EXPECT_EQ(with_path("*", "OPTIONS"), "");
  EXPECT_EQ(with_path("**", "OPTIONS"), "400");
  EXPECT_EQ(with_path("/" + std::string(kMaxH2PathSize - 1, 'a')), "");
  EXPECT_EQ(with_path("/" + std::string(kMaxH2PathSize, 'a')), "414");
  const H2RequestReading options(H2Header{{":method", "OPTIONS"}, {":path", "*"}} +
                                 without(without(kGet, ":method"), ":path"));
  EXPECT_EQ(options.head.form(), TargetForm::asterisk);
}

// RFC 9113 8.3.1, RFC 3986 3.1.
TEST(H2Request, HasTheSchemeHttpOrHttps) {
  for (const char* scheme : {"http", "https", "HTTPS"})
    EXPECT_EQ(with_pseudo(":scheme", scheme), "") << scheme;
  for (const char* scheme : {"ws", "wss", "ftp", "https:", "x"})
    EXPECT_EQ(with_pseudo(":scheme", scheme), "400") << scheme;
}

// RFC 9113 8.3.1, RFC 9110 7.2.
TEST(H2Request, NamesOneHostInAuthorityOrHost) {
  for (const char* authority :
       {"", "a b", "user@a.test", "a.test:x", "a.test:65536", "[::1", "a,b/", "a.test/"}) {
    EXPECT_EQ(with_pseudo(":authority", authority), "400") << authority;
    EXPECT_EQ(H2RequestReading(without(kGet, ":authority") + H2Header{{"host", authority}}).verdict,
              "400")
        << authority;
  }
  EXPECT_EQ(H2RequestReading(without(kGet, ":authority")).verdict, "400");
  EXPECT_EQ(with("host", "b.test"), "400");
  EXPECT_EQ(with("host", "a.test:443"), "400");
  EXPECT_EQ(with("host", ""), "400");
  EXPECT_EQ(with("host", "A.test"), "") << "hosts have no case";
  EXPECT_EQ(H2RequestReading(kGet + H2Header{{"host", "a.test"}, {"host", "a.test"}}).verdict,
            "400");
  const H2RequestReading host(without(kGet, ":authority") + H2Header{{"host", "h.test:8"}});
  EXPECT_EQ(host.verdict, "");
  EXPECT_EQ(host.head.authority(), "h.test:8");
}

// RFC 9113 8.1.1, RFC 9110 8.6.
TEST(H2Request, AnnouncesALengthOnceAndNoneWhenTheStreamEnds) {
  for (const char* length :
       {"", "-1", "+1", "1,1", "0x1", "1 1", "9223372036854775808", "99999999999999999999"}) {
    EXPECT_EQ(H2RequestReading(kPost + H2Header{{"content-length", length}}, false).verdict, "400")
        << length;
  }
  const H2Header twice{{"content-length", "1"}, {"content-length", "1"}};
  EXPECT_EQ(H2RequestReading(kPost + twice, false).verdict, "400");
  EXPECT_EQ(H2RequestReading(kPost + H2Header{{"content-length", "1"}}, true).verdict, "400");
  EXPECT_EQ(H2RequestReading(kPost + H2Header{{"content-length", "0"}}, true).verdict, "");
  EXPECT_EQ(
      H2RequestReading(kPost + H2Header{{"content-length", "9223372036854775807"}}, false).verdict,
      "");
}

TEST(H2Request, IsFramedByEndStreamOrContentLength) {
  struct {
    H2Header fields;
    bool end_stream;
    BodyFraming framing;
    std::optional<uint64_t> length;
  } const rows[] = {
      {{}, true, BodyFraming::none, {}},
      {{}, false, BodyFraming::delimited, {}},
      {{{"content-length", "5"}}, false, BodyFraming::length, 5},
      {{{"content-length", "0"}}, true, BodyFraming::none, 0},
      {{{"content-length", "0"}}, false, BodyFraming::none, 0},
  };
  for (const auto& row : rows) {
    const H2RequestReading read(kPost + row.fields, row.end_stream);
    EXPECT_EQ(read.verdict, "");
    EXPECT_EQ(read.head.framing(), row.framing);
    EXPECT_EQ(read.head.announced_length(), row.length);
  }
}

// RFC 9110 10.1.1.
TEST(H2Request, ExpectsNothingButContinue) {
  EXPECT_EQ(with("expect", "200-ok"), "417");
  const H2Header expect{{"expect", "100-continue"}};
  EXPECT_TRUE(H2RequestReading(kPost + expect, false).head.expects_continue());
  EXPECT_FALSE(H2RequestReading(kPost + expect, true).head.expects_continue());
}

// RFC 6585 5, RFC 9113 10.5.1.
TEST(H2Request, ThatIsTooLargeIsAnswered) {
  HeadLimits limits;
  limits.head = 400;
  EXPECT_EQ(H2RequestReading(kGet, true, limits).verdict, "");
  const H2RequestReading large(kGet + H2Header{{"x", std::string(400, 'y')}}, true, limits);
  EXPECT_EQ(large.verdict, "431");
  EXPECT_EQ(large.head.method(), "GET");
  EXPECT_EQ(large.head.target(), "/p?q");
  const H2Header pseudo{{":method", std::string(400, 'M')}};
  EXPECT_EQ(H2RequestReading(pseudo, true, limits).verdict, "431") << "not a missing :method";
  EXPECT_EQ(H2RequestReading(H2Header{{"X", "y"}} + pseudo, true, limits).verdict, "stream");

  H2Header many = kGet;
  for (int i = 0; i < 100; ++i) many.push_back({"x", "y"});
  EXPECT_EQ(H2RequestReading(many).verdict, "");
  many.push_back({"x", "y"});
  EXPECT_EQ(H2RequestReading(many).verdict, "431");
  EXPECT_EQ(H2RequestReading(many + H2Header{{"upgrade", "y"}}).verdict, "stream");
}

// RFC 9113 8.2.3.
TEST(H2Request, JoinsTheCrumbsOfACookieIntoOneField) {
  const H2RequestReading read(
      kGet +
      H2Header{{"cookie", "a=b"}, {"x", "y"}, {"cookie", "c=d"}, {"cookie", "e=f"}, {"z", "last"}});
  ASSERT_EQ(read.verdict, "");
  ASSERT_EQ(read.head.field_count(), 3u);
  EXPECT_EQ(read.head.find(FieldId::cookie), "a=b; c=d; e=f");
  EXPECT_FALSE(read.head.repeated(FieldId::cookie));
  EXPECT_EQ(read.head.find("x"), "y");
  EXPECT_EQ(read.head.find("z"), "last");
}

// RFC 9113 8.2.1: the value would begin or end with a blank.
TEST(H2Request, JoinsNoEmptyCrumbs) {
  const auto joined = [](const std::vector<std::string>& crumbs) {
    H2Header fields = kGet;
    for (const std::string& crumb : crumbs) fields.push_back({"cookie", crumb});
    const H2RequestReading read(fields);
    EXPECT_EQ(read.verdict, "");
    EXPECT_EQ(read.head.field_count(), 1u);
    return std::string(read.head.find(FieldId::cookie));
  };
  EXPECT_EQ(joined({"", "a", "", "b", ""}), "a; b");
  EXPECT_EQ(joined({"a", ""}), "a");
  EXPECT_EQ(joined({"", ""}), "");
}

TEST(H2Request, MayHaveMoreCrumbsThanFields) {
  H2Header crumbs = kGet;
  std::string joined;
  for (int i = 0; i < 700; ++i) {
    crumbs.push_back({"cookie", i % 2 == 0 ? "" : "v"});
    if (i % 2 != 0) joined += std::string(joined.empty() ? "" : "; ") + "v";
  }
  const H2RequestReading read(crumbs);
  ASSERT_EQ(read.verdict, "");
  EXPECT_EQ(read.head.field_count(), 1u);
  EXPECT_EQ(read.head.find(FieldId::cookie), joined);
}

TEST(H2Request, WithACookieBeyondTheNumberOfFieldsIsAnswered) {
  HeadLimits limits;
  limits.fields = 1;
  const H2Header crumbs{{"cookie", "a"}, {"cookie", "b"}};
  EXPECT_EQ(H2RequestReading(kGet + crumbs, true, limits).verdict, "");
  EXPECT_EQ(H2RequestReading(kGet + H2Header{{"x", "y"}} + crumbs, true, limits).verdict, "431");
}

// RFC 7541 6.2.3 and 7.1.3.
TEST(H2Request, RemembersWhichFieldsAreNeverIndexed) {
  const H2RequestReading read(
      kGet + H2Header{{"!x", "1"}, {"y", "2"}, {"cookie", "a"}, {"!cookie", "b"}, {"z", "3"}});
  ASSERT_EQ(read.head.field_count(), 4u);
  EXPECT_TRUE(read.head.never_indexed(0));
  EXPECT_FALSE(read.head.never_indexed(1));
  EXPECT_TRUE(read.head.never_indexed(2)) << "one crumb of the cookie is";
  EXPECT_FALSE(read.head.never_indexed(3));
}

// RFC 9113 8.5.
TEST(H2Request, ThatIsConnectHasAnAuthorityOnly) {
  const H2RequestReading read(kConnect, false);
  ASSERT_EQ(read.verdict, "") << read.fault.fault.reason;
  EXPECT_EQ(read.head.form(), TargetForm::authority);
  EXPECT_EQ(read.head.target(), "a.test:443");
  EXPECT_EQ(read.head.authority(), "a.test:443");
  EXPECT_EQ(read.head.framing(), BodyFraming::none) << "what follows is no body";
  EXPECT_EQ(H2RequestReading(H2Header{{":path", "/"}} + kConnect).verdict, "stream");
  EXPECT_EQ(H2RequestReading(H2Header{{":scheme", "https"}} + kConnect).verdict, "stream");
  EXPECT_EQ(H2RequestReading(H2Header{{":method", "CONNECT"}}).verdict, "stream");
  EXPECT_EQ(H2RequestReading(H2Header{{":method", "CONNECT"}, {"host", "a.test:443"}}).verdict,
            "stream");
  for (const char* authority : {"", "a.test", "a.test:", "[::1]"}) {
    const H2Header fields{{":method", "CONNECT"}, {":authority", authority}};
    EXPECT_EQ(H2RequestReading(fields).verdict, "400") << authority;
  }
  EXPECT_EQ(H2RequestReading(kConnect + H2Header{{"host", "b.test:443"}}).verdict, "400");
  EXPECT_EQ(H2RequestReading(kConnect + H2Header{{"content-length", "5"}}, false).verdict, "400");
}

// RFC 8441 4.
TEST(H2Request, ThatIsAnExtendedConnectHasAPathAndAProtocol) {
  const H2RequestReading read(kExtended, false);
  ASSERT_EQ(read.verdict, "") << read.fault.fault.reason;
  EXPECT_EQ(read.head.method(), "CONNECT");
  EXPECT_EQ(read.head.protocol(), "websocket");
  EXPECT_EQ(read.head.form(), TargetForm::origin);
  EXPECT_EQ(read.head.path(), "/chat");
  EXPECT_EQ(read.head.authority(), "a.test");
  EXPECT_EQ(read.head.framing(), BodyFraming::none);
  for (const char* name : {":method", ":scheme", ":path", ":authority"})
    EXPECT_EQ(H2RequestReading(without(kExtended, name)).verdict, "stream") << name;
  EXPECT_EQ(with_pseudo(":protocol", "websocket"), "stream") << "with GET";
  const auto protocol = [](const std::string& text) {
    return H2RequestReading(without(kExtended, ":protocol") + H2Header{{":protocol", text}})
        .verdict;
  };
  EXPECT_EQ(protocol(""), "stream");
  EXPECT_EQ(protocol("connect-udp"), "");
  for (const char* text : {"a b", "websocket, foo", "h2c", "a/", "a/b/c", "\"x\""})
    EXPECT_EQ(protocol(text), "400") << text;
}

// RFC 9110 7.8.
TEST(H2Request, ThatIsAnExtendedConnectOffersItsProtocol) {
  const H2RequestReading read(kExtended, false);
  const std::string websocket[] = {"websocket"}, other[] = {"foo"};
  EXPECT_TRUE(offers_upgrade(read.head, websocket));
  EXPECT_FALSE(offers_upgrade(read.head, other));
  EXPECT_FALSE(offers_upgrade(H2RequestReading(kGet).head, websocket));
}

TEST(H2Request, WithSeveralFaultsIsMalformedIfOneOfThemIs) {
  EXPECT_EQ(H2RequestReading(kGet + H2Header{{"x", "\x01"}, {"upgrade", "x"}}).verdict, "stream");
  EXPECT_EQ(H2RequestReading(kGet + H2Header{{"upgrade", "x"}, {"x", "\x01"}}).verdict, "stream");
  EXPECT_EQ(H2RequestReading(without(kGet, ":path") + H2Header{{"x", "\x01"}}).verdict, "stream");
}

}  // namespace
}  // namespace weir
