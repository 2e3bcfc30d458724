// Messages that two parsers may read in two ways, in both directions: inputs that known parsers
// misread, and every combination of Content-Length and Transfer-Encoding. RFC 9112 6, 11.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "http1_reading.h"

namespace weir {
namespace {

enum class Verdict { taken, refused };

struct Row {
  const char* what;
  std::string request, response;  // empty: there is none of that kind
  Verdict verdict = Verdict::refused;
};

std::string request(std::string_view fields, std::string_view body = "") {
  return with_fields(fields) + std::string(body);
}
std::string response(std::string_view fields, std::string_view body = "") {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
Row both(const char* what, std::string_view fields, std::string_view body = "0\r\n\r\n",
         Verdict verdict = Verdict::refused) {
  return {what, request(fields, body), response(fields, body), verdict};
}

std::vector<Row> rows() {
  return {
      {"lines that end in LF", "GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nX: y\n\n"},
      both("one line that ends in LF", "X: y\n"),
      both("a folded line", "X: a\r\n b\r\n"),
      both("a space before the colon", "X : y\r\n"),
      both("length and coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      both("two lengths", "Content-Length: 5\r\nContent-Length: 5\r\n"),
      both("a length with a sign", "Content-Length: +3\r\n", "abc"),
      both("a length of two numbers", "Content-Length: 0 0\r\n", ""),
      both("a coding that is not chunked", "Transfer-Encoding: xchunked\r\n"),
      both("a coding after chunked", "Transfer-Encoding: chunked, identity\r\n"),
      both("a vertical tab before the coding",
           "Transfer-Encoding:\x0b"
           "chunked\r\n"),
      {"no Host", "GET / HTTP/1.1\r\n\r\n", ""},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", ""},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n"},
      {"version 1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", "HTTP/1.9 200 OK\r\n\r\n"},
      {"version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n"},
      {"a byte above 127 in the target", "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", ""},
      {"a fragment in the target", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", ""},
      {"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
       "\r\nHTTP/1.1 200 OK\r\n\r\n"},
      {"one empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "", Verdict::taken},
      {"an unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "", Verdict::taken},
      both("an extension ended by LF", "Transfer-Encoding: chunked\r\n", "1;x\na\r\n0\r\n\r\n"),
      both("data not followed by CRLF", "Transfer-Encoding: chunked\r\n", "1\r\nab0\r\n\r\n"),
      both("a size with a prefix", "Transfer-Encoding: chunked\r\n", "0x1\r\na\r\n0\r\n\r\n"),
      both("a size that overflows", "Transfer-Encoding: chunked\r\n",
           "10000000000000001\r\na\r\n0\r\n\r\n"),
      both("a plain chunked body", "Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n",
           Verdict::taken),
      both("a plain length", "Content-Length: 3\r\n", "abc", Verdict::taken),
  };
}

TEST(Desync, RefusesAmbiguousMessagesInBothDirections) {
  for (const Row& row : rows()) {
    const bool taken = row.verdict == Verdict::taken;
    if (!row.request.empty()) {
      const Http1Transcript read = read_http1(row.request);
      EXPECT_EQ(read.status() == 0, taken) << row.what << ": " << read.text();
      EXPECT_EQ(read.requests() == 1, taken) << row.what << ": " << read.text();
    }
    if (!row.response.empty()) {
      const Http1ResponseTranscript read = read_responses(row.response);
      EXPECT_EQ(read.status() == 0, taken) << row.what << ": " << read.text();
      EXPECT_EQ(read.responses() == 1, taken) << row.what << ": " << read.text();
    }
  }
}

TEST(Desync, AcceptsOnlyOnePlainFieldOfLengthAndCoding) {
  const std::string_view lengths[] = {"",
                                      "Content-Length: 5\r\n",
                                      "content-length: 5\r\nContent-Length: 5\r\n",
                                      "Content-Length: 5\r\nContent-Length: 6\r\n",
                                      "Content-Length: 5, 5\r\n",
                                      "Content-Length: -5\r\n",
                                      "Content-Length:\r\n",
                                      "Content-Length: 0x5\r\n"};
  const std::string_view codings[] = {
      "",
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"};
  const std::string body = "0\r\n\r\n";  // five bytes, and a whole chunked body
  for (size_t length = 0; length < std::size(lengths); ++length) {
    for (size_t coding = 0; coding < std::size(codings); ++coding) {
      const bool sound = (length == 0 && coding <= 1) || (coding == 0 && length <= 1);
      for (bool length_first : {true, false}) {
        std::string fields(length_first ? lengths[length] : codings[coding]);
        fields += length_first ? codings[coding] : lengths[length];
        const bool has_body = length + coding > 0;
        EXPECT_EQ(read_http1(request(fields, has_body ? body : "")).status() == 0, sound) << fields;
        EXPECT_EQ(read_responses(response(fields, body)).status() == 0, sound) << fields;
        EXPECT_EQ(read_responses(response(fields), "HEAD").status() == 0, sound) << fields;
      }
    }
  }
}

// read_http1() and read_responses() cut each input at every place and compare.
TEST(Desync, SplittingInputsOfTheFuzzCorporaChangesNothing) {
  size_t files = 0;
  for (const char* corpus : {"http1_request", "http1_response", "http1_chunked"}) {
    const auto folder = std::filesystem::path(WEIR_SOURCE_DIR) / "tests/fuzz/corpus" / corpus;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file),
                             std::istreambuf_iterator<char>()};
      read_http1(text);
      read_http1(request("Transfer-Encoding: chunked\r\n", text));
      for (const char* method : {"GET", "HEAD", "CONNECT"}) {
        read_responses(text, method);
        read_responses(text.substr(std::min<size_t>(1, text.size())), method);
      }
      ++files;
    }
  }
  EXPECT_GT(files, 20u);
}

}  // namespace
}  // namespace weir
