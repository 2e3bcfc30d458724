#include "support/value_text.h"

namespace weir::config {
namespace {

using testing::HasSubstr;

TEST(Sizes, HaveAUnit) {
  EXPECT_EQ(read<types::size>("64KiB"), "64KiB");
  EXPECT_EQ(read<types::size>("1024KiB"), "1MiB");
  EXPECT_EQ(read<types::size>("1GB"), "1GB");
  EXPECT_EQ(read<types::size>("1500B"), "1500B");
  EXPECT_EQ(read<types::size>("1024TiB"), "1024TiB");
  EXPECT_EQ(read<types::size>("0"), "0");
  EXPECT_EQ(read<types::size>("0B"), "0");
  for (const char* wrong : {"", "64", "KiB", "64kb", "1.5MiB", "-1B", "1 KiB", "01KiB", "1KiBs"})
    EXPECT_EQ(read<types::size>(wrong), "E126") << wrong;
  EXPECT_EQ(read<types::size>("1025TiB"), "E111");
  EXPECT_EQ(read<types::size>("99999999999999999999B"), "E111");
  EXPECT_THAT(hint<types::size>("64"), HasSubstr("'64KiB' or '64MiB'"));
}

TEST(Sizes, OfHeadsAreBounded) {
  EXPECT_EQ(read<types::header_size>("1KiB"), "1KiB");
  EXPECT_EQ(read<types::header_size>("1MiB"), "1MiB");
  EXPECT_EQ(read<types::header_size>("0"), "E111");
  EXPECT_EQ(read<types::header_size>("2MiB"), "E111");
}

TEST(Rates, ArePerSecond) {
  EXPECT_EQ(read<types::byte_rate>("240B/s"), "240B/s");
  EXPECT_EQ(read<types::byte_rate>("2KiB/s"), "2KiB/s");
  EXPECT_EQ(read<types::byte_rate>("0"), "0");
  for (const char* wrong : {"", "/s", "240", "240/s", "1KiB", "1KiB/m"})
    EXPECT_EQ(read<types::byte_rate>(wrong), "E127") << wrong;
}

TEST(StatusSets, AreStatusesAndRanges) {
  EXPECT_EQ(read<types::status_set>("200-299"), "200-299");
  EXPECT_EQ(read<types::status_set>("200-299,304"), "200-299, 304");
  EXPECT_EQ(read<types::status_set>(" 200 , 301-302 "), "200, 301-302");
  for (const char* wrong :
       {"", "99", "600", "2xx", "299-200", "200-", "-200", "200,", ",200", "0200"})
    EXPECT_EQ(read<types::status_set>(wrong), "E128") << wrong;
  StatusSet set;
  ASSERT_FALSE(types::status_set::type.read("200-299, 304", &set));
  EXPECT_TRUE(set.contains(200) && set.contains(299) && set.contains(304));
  EXPECT_FALSE(set.contains(199) || set.contains(300) || set.contains(305));
}

TEST(HashBy, IsAPartOfARequestWithItsName) {
  for (const char* right :
       {"client", "host", "path", "header:X-User", "cookie:sid", "query:user id"})
    EXPECT_EQ(read<types::hash_by>(right), right);
  EXPECT_EQ(read<types::hash_by>("query:a:b"), "query:a:b");
  for (const char* wrong : {"", "ip", "Client", "headers:a", ":a"})
    EXPECT_EQ(read<types::hash_by>(wrong), "E104") << wrong;
  for (const char* wrong : {"header", "cookie:", "query", "path:/a", "client:a"})
    EXPECT_EQ(read<types::hash_by>(wrong), "E133") << wrong;
  for (const char* wrong : {"header:a b", "cookie:a=b"})
    EXPECT_EQ(read<types::hash_by>(wrong), "E136") << wrong;
  EXPECT_THAT(hint<types::hash_by>("cookie"), HasSubstr("write \"cookie:NAME\""));
  EXPECT_THAT(hint<types::hash_by>("address"), HasSubstr("client, host, path"));
  EXPECT_THAT(hint<types::hash_by>("coockie:sid"), HasSubstr("did you mean 'cookie'?"));
}

TEST(Hosts, AreNamesInLowerCaseWithoutAPort) {
  EXPECT_EQ(read<types::host_pattern>("Example.COM"), "example.com");
  EXPECT_EQ(read<types::host_pattern>("*.Example.com"), "*.example.com");
  EXPECT_EQ(read<types::host_pattern>("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(read<types::host_pattern>("[::1]"), "[::1]");
  for (const char* wrong :
       {"", "*", "*.", "a.*", "*a.b", "*.*.b", "a:80", "[::1]:80", "a.", ".a", "a b", "a/b",
        "http://a", "ä.example", "a..b", "[::1", "[10.0.0.1]", "-a"})
    EXPECT_EQ(read<types::host_pattern>(wrong), "E135") << wrong;
  EXPECT_THAT(hint<types::host_pattern>("A.b:80"), HasSubstr("write a.b"));
  EXPECT_THAT(hint<types::host_pattern>("ä.example"), HasSubstr("xn--"));
  EXPECT_EQ(read<types::authority>("App.internal:8080"), "app.internal:8080");
  EXPECT_EQ(read<types::authority>("[::1]:80"), "[::1]:80");
  EXPECT_EQ(read<types::authority>("app"), "app");
  EXPECT_EQ(read<types::authority>("app:0"), "E111");
  EXPECT_EQ(read<types::authority>("app:x"), "E110");
}

TEST(Networks, AreNetworksOrAddresses) {
  for (const char* good : {"10.0.0.0/8", "2001:db8::/32", "10.0.0.1", "::1", "unix:"})
    EXPECT_EQ(read<types::network>(good), good);
  for (const char* wrong : {"", "10.0.0.1/8", "10.0.0.0/33", "localhost", "10.0.0.0/8\n"})
    EXPECT_EQ(read<types::network>(wrong), "E134") << wrong;
}

TEST(Fields, HaveNamesThatAreTokensAndValuesWithoutControls) {
  EXPECT_EQ(read<types::field_name>("X-Canary"), "X-Canary");
  for (const char* wrong : {"", "x canary", "x:", ":authority", "é", "x\r\n"})
    EXPECT_EQ(read<types::field_name>(wrong), "E136") << wrong;
  EXPECT_EQ(read<types::field_value>("a b\tc, é"), "a b\tc, é");
  EXPECT_EQ(read<types::field_value>(""), "");
  for (const char* wrong : {" a", "a ", "a\r\nb", "a\x7f", "\t"})
    EXPECT_EQ(read<types::field_value>(wrong), "E137") << wrong;
  EXPECT_EQ(read<types::field_value>(std::string_view("a\0b", 3)), "E137");
}

TEST(Fields, ThatFrameAMessageCannotBeChanged) {
  for (const char* own : {"Content-Length", "transfer-encoding", "Connection", "HOST", "Keep-Alive",
                          "Upgrade", "TE", "Trailer", "Proxy-Connection", "Expect"})
    EXPECT_EQ(read<types::edited_field>(own), "E138") << own;
  EXPECT_EQ(read<types::edited_field>("Server"), "Server");
  EXPECT_THAT(hint<types::edited_field>("Host"), HasSubstr("'rewrite'"));
}

TEST(Methods, AreTokensAsTheyAreSent) {
  EXPECT_EQ(read<types::method>("GET"), "GET");
  EXPECT_EQ(read<types::method>("M-SEARCH"), "M-SEARCH");
  EXPECT_EQ(read<types::method>("get"), "E139");
  EXPECT_EQ(read<types::method>("GE T"), "E139");
  EXPECT_THAT(hint<types::method>("Post"), HasSubstr("write POST"));
}

TEST(RequestPaths, ArePercentEncodedAndHaveNoQuery) {
  for (const char* good : {"/", "/v1/", "/a%20b", "/a//b", "/a*b"})
    EXPECT_EQ(read<types::path>(good), good);
  for (const char* wrong : {"", "v1", "/a b", "/é", "/a?b", "/a#b", "/%", "/%4", "/%zz", "/v1/*"})
    EXPECT_EQ(read<types::path>(wrong), "E132") << wrong;
  EXPECT_EQ(read<types::target_path>("/a?b=c"), "/a?b=c");
  EXPECT_EQ(read<types::target_path>("*"), "E132");
  EXPECT_EQ(read<types::request_target>("/a?b=c"), "/a?b=c");
  EXPECT_EQ(read<types::request_target>("*"), "*");
  EXPECT_EQ(read<types::request_target>("*?a"), "E132");
}

TEST(RequestPaths, HaveOneSpellingWhereRoutesCompareThem) {
  EXPECT_EQ(read<types::path>("/%61dmin/%7euser/%c3%a9%2f"), "/admin/~user/%C3%A9%2F");
  EXPECT_EQ(read<types::target_path>("/%61?%62=c"), "/%61?%62=c");
}

TEST(RetryReasons, AreWordsOrStatuses) {
  for (const char* good : {"safe", "connect_failure", "gateway_error", "503", "429"})
    EXPECT_EQ(read<types::retry_on>(good), good);
  for (const char* wrong : {"", "200", "600", "always", "5xx"})
    EXPECT_EQ(read<types::retry_on>(wrong), "E142") << wrong;
}

TEST(Statuses, AreOfTheirKind) {
  EXPECT_EQ(read<types::redirect_status>("308"), "308");
  EXPECT_EQ(read<types::redirect_status>("304"), "E111");
  EXPECT_EQ(read<types::respond_status>("100"), "E111");
  EXPECT_EQ(read<types::respond_status>("599"), "599");
}

TEST(Names, OfRoutesMayBeTheirMatch) {
  EXPECT_EQ(read<types::route_name>("GET:api.example.com/v1/*"), "GET:api.example.com/v1/*");
  EXPECT_EQ(read<types::route_name>("none"), "E131");
  EXPECT_EQ(read<types::route_name>("a b"), "E131");
  EXPECT_EQ(read<types::expected_route>("none"), "none");
}

TEST(Upgrades, AreProtocolsThatMayBeForwarded) {
  EXPECT_EQ(read<types::upgrade_protocol>("WebSocket"), "websocket");
  EXPECT_EQ(read<types::upgrade_protocol>("none"), "none");
  EXPECT_EQ(read<types::upgrade_protocol>("SPDY/3.1"), "spdy/3.1");
  EXPECT_EQ(read<types::upgrade_protocol>("SPDY/"), "E133");
  EXPECT_EQ(read<types::upgrade_protocol>("/3.1"), "E133");
  EXPECT_EQ(read<types::upgrade_protocol>("h2c"), "E138");
  EXPECT_EQ(read<types::upgrade_protocol>("a b"), "E133");
}

}  // namespace
}  // namespace weir::config
