#include "base/log_line.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace weir {
namespace {

std::string line(LogFormat format, std::initializer_list<LogField> fields) {
  LogLine line;
  line.begin(format, "T");
  for (const LogField& field : fields) line.field(field);
  return std::string(line.finish());
}
std::string logfmt(const LogField& field) {
  return line(LogFormat::logfmt, {field});
}
std::string json(const LogField& field) {
  return line(LogFormat::json, {field});
}

TEST(LogLine, WritesEveryKindOfValueInLogfmt) {
  EXPECT_EQ(line(LogFormat::logfmt,
                 {kv("listener", "web"), kv("bytes", uint64_t{18446744073709551615u}),
                  kv("delta", -7), kv("share", 0.25), kv("ok", true), kv("age", Duration(1500ms))}),
            "time=T listener=web bytes=18446744073709551615 delta=-7 share=0.25 ok=true age=1.5\n");
}

TEST(LogLine, WritesEveryKindOfValueInJson) {
  const auto parsed = nlohmann::json::parse(
      line(LogFormat::json, {kv("listener", std::string("web")), kv("n", 3u), kv("delta", -7),
                             kv("share", 0.25), kv("ok", false), kv("bad", 0.0 / 0.0)}));
  EXPECT_EQ(parsed.dump(),
            R"({"bad":null,"delta":-7,"listener":"web","n":3,"ok":false,"share":0.25,"time":"T"})");
}

TEST(LogLine, WritesADurationInSecondsToTheMicrosecond) {
  const std::pair<Duration, std::string_view> rows[] = {{0ns, "0"},
                                                        {499ns, "0"},
                                                        {500ns, "0.000001"},
                                                        {1us, "0.000001"},
                                                        {120us, "0.00012"},
                                                        {999'999'500ns, "1"},
                                                        {1s, "1"},
                                                        {1001ms, "1.001"},
                                                        {100h, "360000"},
                                                        {-1500ms, "-1.5"},
                                                        {1'000'100us, "1.0001"},
                                                        {Duration::max(), "9223372036.854776"}};
  for (const auto& [value, text] : rows) {
    EXPECT_EQ(logfmt(kv("d", value)), "time=T d=" + std::string(text) + "\n");
    EXPECT_EQ(json(kv("d", value)), R"({"time":"T","d":)" + std::string(text) + "}\n");
  }
}

TEST(LogLine, LeavesOutAnAbsentField) {
  EXPECT_EQ(line(LogFormat::logfmt, {kv_if(false, "backend", "b1"), kv_if(true, "client", "c")}),
            "time=T client=c\n");
}

TEST(LogLine, QuotesAmbiguousValues) {
  EXPECT_EQ(logfmt(kv("k", "")), "time=T k=\"\"\n");
  EXPECT_EQ(logfmt(kv("k", "a b")), "time=T k=\"a b\"\n");
  EXPECT_EQ(logfmt(kv("k", "a=b")), "time=T k=\"a=b\"\n");
  EXPECT_EQ(logfmt(kv("k", R"(say "\")")), R"(time=T k="say \"\\\"")"
                                           "\n");
}

TEST(LogLine, EscapesControlBytesSoThatALineStaysALine) {
  EXPECT_EQ(logfmt(kv("k", "a\nb\r\t\x1b[2J\x7f")), R"(time=T k="a\nb\r\t\u001b[2J\u007f")"
                                                    "\n");
  EXPECT_EQ(json(kv("k", std::string_view("a\0b", 3))), R"({"time":"T","k":"a\u0000b"})"
                                                        "\n");
  EXPECT_EQ(logfmt(kv("k", "\xC2\x9B")), R"(time=T k="\u009b")"
                                         "\n")
      << "a C1 control";
}

TEST(LogLine, PassesUtf8AndReplacesOtherBytes) {
  EXPECT_EQ(logfmt(kv("k", "naïve→𝄞")), "time=T k=\"naïve→𝄞\"\n");
  const std::string bad[] = {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"};
  for (const std::string& bytes : bad) {
    const std::string text = json(kv("k", "<" + bytes + ">"));
    EXPECT_THAT(text, testing::HasSubstr("\\ufffd")) << bytes.size();
    EXPECT_NO_THROW({
      const auto parsed = nlohmann::json::parse(text);
      EXPECT_TRUE(parsed["k"].get<std::string>().ends_with(">"));
    });
  }
}

TEST(LogLine, CutsALongLineInsideAValueAndMarksIt) {
  for (char c : {'x', '\n', '\xFF'}) {
    const std::string text =
        line(LogFormat::json, {kv("k", std::string(10'000, c)), kv("later", "gone")});
    EXPECT_LE(text.size(), LogLine::kMaxLength);
    EXPECT_GT(text.size(), LogLine::kMaxLength - 100);
    const auto parsed = nlohmann::json::parse(text);
    EXPECT_EQ(parsed["truncated"], true);
    EXPECT_FALSE(parsed.contains("later"));
  }
  EXPECT_TRUE(logfmt(kv("k", std::string(10'000, 'x'))).ends_with("x\" truncated=true\n"));
}

TEST(LogLine, SurvivesAnyNumberOfFields) {
  LogLine many;
  many.begin(LogFormat::json, "T");
  for (int i = 0; i < 5000; ++i) many.field(kv("key", i));
  EXPECT_EQ(nlohmann::json::parse(many.finish())["truncated"], true);
}

TEST(LogTime, IsUtcWithMilliseconds) {
  LogTime time;
  EXPECT_THAT(std::string(time.now()),
              testing::MatchesRegex("20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
                                    "[0-6][0-9]\\.[0-9][0-9][0-9]Z"));
}

TEST(LogLine, WritesSmallAndLargeNumbersWithoutAnExponent) {
  for (const LogFormat format : {LogFormat::logfmt, LogFormat::json}) {
    LogLine line;
    line.begin(format, "t");
    for (const double value : {7.426e-05, 1e-7, 0.5, 2.0, 1e9, 123456.789012, -1e-9, 3e22})
      line.field(kv("v", value));
    line.field(kv("connect", Duration(74260)));
    const std::string text(line.finish());
    const char* expected[] = {
        "0.000074", "0", "0.5", "2", "1000000000", "123456.789012", "0", "1000000000000000"};
    std::string all = format == LogFormat::json ? R"({"time":"t")" : "time=t";
    for (const char* one : expected)
      all += (format == LogFormat::json ? ",\"v\":" : " v=") + std::string(one);
    all += format == LogFormat::json ? ",\"connect\":0.000074}\n" : " connect=0.000074\n";
    EXPECT_EQ(text, all);
  }
}

}  // namespace
}  // namespace weir
