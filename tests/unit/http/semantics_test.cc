// The fields that determine the host of a request, its end, and whether the connection stays open.
#include "http/semantics.h"

#include "http/h1_parser.h"
#include "http1_reading.h"

namespace weir {
namespace {

// Parses a complete head; the head lives until the next call.
const RequestHead& head_of(const std::string& input) {
  static H1RequestReader parser;
  parser.reset();
  EXPECT_EQ(parser.feed(input), H1RequestParser::State::complete) << parser.fault().reason;
  return parser.head(input);
}

TEST(Host, IsNeededExactlyOnceInHttp11) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400u);
  EXPECT_EQ(status_of("GET http://a/ HTTP/1.1\r\n\r\n"), 400u) << "absolute-form needs it too";
}

TEST(Host, MayBeMissingButNotDoubledInHttp10) {
  EXPECT_EQ(read_http1("GET / HTTP/1.0\r\n\r\n").requests(), 1);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400u);
}

TEST(Host, IsANameOrAnAddressWithAnOptionalPort) {
  for (const char* host :
       {"a", "a.b-c_d:80", "127.0.0.1:1", "[::1]", "[::ffff:1.2.3.4]:65535", "a:", "xn--a%20"})
    EXPECT_TRUE(valid_authority(host)) << host;
  for (const char* host : {"",         ":80",  "a b",  "a,b",   "u@h",   "a:b",    "a:65536",
                           "a:000080", "a:-1", "a/b",  "[::1",  "::1",   "[::1]x", "[]",
                           "[g::]",    "a%2",  "a%zz", "a\xff", "a:1:2", "a?b",    "a\\b"}) {
    if (std::string_view(host) == "a,b")
      continue;  // ',' is a sub-delim: a registered name may hold it
    EXPECT_FALSE(valid_authority(host)) << host;
  }
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"), 400u);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400u);
}

TEST(ContentLength, IsDigitsOnly) {
  EXPECT_EQ(read_http1(with_fields("Content-Length: 0\r\n")).requests(), 1);
  EXPECT_EQ(read_http1(with_fields("Content-Length: 03\r\n") + "abc").requests(), 1);
  for (const char* length : {"", "+3", "-1", "0 0", "3,3", "3, 3", "0x3", "3.0", "1e3", "\xd9\xa3"})
    EXPECT_EQ(status_of(with_fields("Content-Length: " + std::string(length) + "\r\n") + "abc"),
              400u)
        << length;
}

TEST(ContentLength, IsRefusedWhenRepeatedEvenWithTheSameValue) {
  EXPECT_EQ(status_of(with_fields("Content-Length: 3\r\nContent-Length: 3\r\n") + "abc"), 400u);
  EXPECT_EQ(status_of(with_fields("Content-Length: 3\r\ncontent-length: 4\r\n") + "abc"), 400u);
}

TEST(ContentLength, BeyondTwoToThe63IsRefused) {
  EXPECT_EQ(status_of(with_fields("Content-Length: 9223372036854775808\r\n")), 400u);
  EXPECT_EQ(status_of(with_fields("Content-Length: 18446744073709551617\r\n")), 400u);
  EXPECT_EQ(head_of(with_fields("Content-Length: 9223372036854775807\r\n")).content_length(),
            9223372036854775807u);
}

TEST(TransferEncoding, TogetherWithContentLengthIsRefusedInEitherOrder) {
  EXPECT_EQ(
      status_of(with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
      400u);
  EXPECT_EQ(
      status_of(with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n"),
      400u);
}

TEST(TransferEncoding, IsChunkedInAnyCase) {
  EXPECT_EQ(read_http1(with_fields("tRANSFER-eNCODING:\tCHUNKED \r\n") + "0\r\n\r\n").requests(),
            1);
}

TEST(TransferEncoding, OtherThanChunkedLastIsRefused) {
  for (const char* coding :
       {"", "identity", "xchunked", "chunkedx", "gzip", "chunked, identity", "chunked, gzip",
        "chunked, chunked", "chunked,", "\"chunked\"", "chunked;q=1", "chun ked",
        "\x0b"
        "chunked"})
    EXPECT_EQ(
        status_of(with_fields("Transfer-Encoding: " + std::string(coding) + "\r\n") + "0\r\n\r\n"),
        400u)
        << coding;
}

TEST(TransferEncoding, BeforeChunkedIsNotImplemented) {
  EXPECT_EQ(status_of(with_fields("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n"), 501u);
  EXPECT_EQ(status_of(with_fields("Transfer-Encoding: ,chunked\r\n") + "0\r\n\r\n"), 501u);
}

TEST(TransferEncoding, InTwoFieldsIsRefused) {
  EXPECT_EQ(status_of(with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
            400u);
  EXPECT_EQ(status_of(with_fields("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")),
            400u);
}

TEST(TransferEncoding, InHttp10IsRefused) {
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400u);
}

TEST(Connection, PersistsByDefaultInHttp11Only) {
  EXPECT_TRUE(head_of(with_fields("")).keep_alive());
  EXPECT_FALSE(head_of("GET / HTTP/1.0\r\n\r\n").keep_alive());
  EXPECT_TRUE(head_of("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive());
}

TEST(Connection, CloseWinsAtAnyPlace) {
  EXPECT_FALSE(head_of(with_fields("Connection: close\r\n")).keep_alive());
  EXPECT_FALSE(
      head_of(with_fields("Connection: keep-alive\r\nConnection: x, CLOSE\r\n")).keep_alive());
  EXPECT_FALSE(head_of("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive());
  EXPECT_TRUE(head_of(with_fields("Connection: closed, x-close\r\n")).keep_alive());
}

TEST(Expect, IsContinueOrRefused) {
  EXPECT_TRUE(
      head_of(with_fields("Expect: 100-Continue\r\nContent-Length: 1\r\n")).expects_continue());
  EXPECT_FALSE(head_of(with_fields("Expect: 100-continue\r\n")).expects_continue())
      << "no body to wait for";
  EXPECT_EQ(status_of(with_fields("Expect: 200-ok\r\n")), 417u);
}

TEST(Expect, IsIgnoredInHttp10) {
  EXPECT_FALSE(head_of("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
                   .expects_continue());
}

TEST(Authority, IsAHostAndThePortThatIsGiven) {
  for (const auto& [text, host, port] : std::vector<std::tuple<std::string, std::string, int>>{
           {"example.com", "example.com", 0},
           {"example.com:8080", "example.com", 8080},
           {"example.com:", "example.com", 0},
           {"[::1]", "[::1]", 0},
           {"[::1]:443", "[::1]", 443}}) {
    const Authority parts = split_authority(text);
    EXPECT_EQ(parts.host, host) << text;
    EXPECT_EQ(parts.port, port) << text;
  }
}

}  // namespace
}  // namespace weir
