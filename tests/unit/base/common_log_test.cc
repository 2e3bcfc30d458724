#include "base/common_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::time_t kTime = 1769903999;  // 2026-01-31T23:59:59Z

std::string line(LogFormat format, const CommonLogEntry& entry) {
  static CommonLogLine line;
  return std::string(line.format(format, kTime, entry));
}

CommonLogEntry entry() {
  return {"192.0.2.1", "GET", "/a?b=c", "HTTP/1.1", 200, 1234, "http://example.com/", "curl/8.0"};
}

TEST(CommonLog, WritesWhatLogAnalysersRead) {
  EXPECT_EQ(line(LogFormat::common, entry()),
            "192.0.2.1 - - [31/Jan/2026:23:59:59 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234\n");
  EXPECT_EQ(line(LogFormat::combined, entry()),
            "192.0.2.1 - - [31/Jan/2026:23:59:59 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234 "
            "\"http://example.com/\" \"curl/8.0\"\n");
}

TEST(CommonLog, MarksMissingFields) {
  EXPECT_EQ(line(LogFormat::combined, {"192.0.2.1", {}, {}, {}, 400, 12, {}, {}}),
            "192.0.2.1 - - [31/Jan/2026:23:59:59 +0000] \"-\" 400 12 \"-\" \"-\"\n");
  EXPECT_EQ(line(LogFormat::combined, {"192.0.2.1", "GET", "/a", {}, 431, 12, {}, {}}),
            "192.0.2.1 - - [31/Jan/2026:23:59:59 +0000] \"GET /a\" 431 12 \"-\" \"-\"\n");
}

TEST(CommonLog, EscapesFieldsOfClients) {
  CommonLogEntry hostile = entry();
  hostile.target = "/\" 200 1 \"x\\\r\n192.0.2.9 - - \x1b[31m\xff";
  hostile.user_agent = std::string_view("a\"\n\0b\x7f", 6);
  const std::string text = line(LogFormat::combined, hostile);
  EXPECT_THAT(text,
              HasSubstr(R"("GET /\" 200 1 \"x\\\x0D\x0A192.0.2.9 - - \x1B[31m\xFF HTTP/1.1" 200)"));
  EXPECT_THAT(text, EndsWith("\"a\\\"\\x0A\\x00b\\x7F\"\n"));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(CommonLog, CutsLongFieldsAndKeepsTheOthers) {
  CommonLogEntry hostile = entry();
  const std::string most(60000, '\x01');
  hostile.method = hostile.target = hostile.referer = hostile.user_agent = most;
  const std::string text = line(LogFormat::combined, hostile);
  EXPECT_LE(text.size(), LogLine::kMaxLength);
  EXPECT_THAT(text, HasSubstr("... HTTP/1.1\" 200 1234 \""));
  EXPECT_THAT(text, EndsWith("...\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace weir
