// The parts of a refused head that the log shows.
#include "http/glimpse.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {
namespace {

std::string seen(std::string_view bytes) {
  const HeadGlimpse glimpsed = glimpse(bytes);
  return std::string(glimpsed.method) + "|" + std::string(glimpsed.target) + "|" +
         std::string(glimpsed.host);
}

TEST(Glimpse, ReadsMethodTargetAndHostAsFarAsTheyCame) {
  EXPECT_EQ(seen("GET /a?b HTTP/1.1\r\nX: 1\r\nHOST: a.test \r\n\r\n"), "GET|/a?b|a.test");
  EXPECT_EQ(seen("GET /a\nHost: b\n"), "GET|/a|b");
  EXPECT_EQ(seen("\r\nGET /a"), "GET|/a|");
  EXPECT_EQ(seen("GET /a HTTP/1.1\r\n\r\nHost: body\r\n"), "GET|/a|") << "fields end at the body";
  EXPECT_EQ(seen("GET"), "GET||");
  EXPECT_EQ(seen("\r\n"), "||");
  EXPECT_EQ(seen(""), "||");
}

TEST(Glimpse, FindsNothingInBytesThatAreNotARequest) {
  EXPECT_EQ(seen("\x16\x03\x01 /a\r\nHost: a\r\n"), "||");
  EXPECT_EQ(seen("G@T /a HTTP/1.1\r\nHost: a\r\n"), "||");
  EXPECT_EQ(seen(std::string(65, 'A') + " /a\r\n"), "||");
}

TEST(Glimpse, IsBounded) {
  const std::string large =
      "GET /" + std::string(5000, 'a') + "\r\nHost: " + std::string(5000, 'h') + "\r\n";
  const HeadGlimpse glimpsed = glimpse(large);
  EXPECT_EQ(glimpsed.target.size(), kMostGlimpsed);
  EXPECT_EQ(glimpsed.host.size(), kMostGlimpsed);
  EXPECT_EQ(seen("GET /a\x01\x62 HTTP/1.1\r\nHost: a\x7f\r\n"), "GET|/a|a");
}

}  // namespace
}  // namespace weir
