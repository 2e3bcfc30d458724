#include "http/h1_writer.h"

#include <gtest/gtest.h>

#include <array>

namespace weir {
namespace {

TEST(HeadWriter, WritesStatusLineFieldsAndTheEmptyLine) {
  std::array<char, 128> memory;
  H1HeadWriter head(memory);
  head.status_line(404);
  head.field("Content-Length", uint64_t(18446744073709551615u));
  head.field("X", "");
  head.end();
  EXPECT_TRUE(head.ok());
  EXPECT_EQ(head.text(),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 18446744073709551615\r\nX: \r\n\r\n");
}

TEST(HeadWriter, NeverSplitsAResponse) {
  using namespace std::string_view_literals;
  for (std::string_view value : {"a\r\nSet-Cookie: x"sv, "a\nb"sv, "a\rb"sv, "\0"sv}) {
    std::array<char, 128> memory;
    H1HeadWriter head(memory);
    head.status_line(200);
    head.field("X", value);
    head.end();
    EXPECT_FALSE(head.ok());
    EXPECT_EQ(head.text(), "");
  }
  std::array<char, 128> memory;
  H1HeadWriter head(memory);
  head.field("X: y\r\nZ", "a");
  EXPECT_FALSE(head.ok());
}

TEST(HeadWriter, ReportsWhenItsMemoryIsTooSmall) {
  std::array<char, 16> memory;
  H1HeadWriter head(memory);
  head.status_line(200);  // 17 bytes
  EXPECT_FALSE(head.ok());
}

TEST(HttpDate, IsTheFixedFormatOfRfc9110) {
  std::array<char, kHttpDateSize + 1> memory;
  EXPECT_EQ(format_http_date(784111777, memory), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_http_date(951782400, memory), "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(AcceptEncoding, AllowsGzipWhenListedWithAWeightAboveZero) {
  for (const char* value : {"gzip", "GZIP", "deflate, gzip", "gzip;q=0.5", "gzip; q=1.000",
                            "br,  gzip ;q=0.001", "*", "deflate;q=1, *;q=0.1", "x-gzip"})
    EXPECT_TRUE(accepts_gzip(value)) << value;
}

TEST(AcceptEncoding, RefusesGzipWhenAbsentOrWeightedZero) {
  for (const char* value : {"", "identity", "br", "gzip;q=0", "gzip;q=0.000", "gzip; q=0.0",
                            "*;q=0", "gzip;q=0, *", "*, gzip;q=0", "gzipx"})
    EXPECT_FALSE(accepts_gzip(value)) << value;
  EXPECT_FALSE(accepts_gzip({}));
}

}  // namespace
}  // namespace weir
