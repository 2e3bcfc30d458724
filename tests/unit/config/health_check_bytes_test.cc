#include "config/diagnostic.h"
#include "config/load.h"
#include "config/print.h"

namespace weir::config {
namespace {

using namespace std::string_literals;

Loaded load_check(const std::string& check) {
  return load_text(
      "listeners: [{ bind: \":80\", cluster: c }]\nclusters:\n  - name: c\n    backends: "
      "[\"10.0.0.1:80\"]\n    health_check: { " +
          check + " }\n",
      "test.yaml", [](const std::string&) { return std::nullopt; });
}

TEST(HealthCheckBytes, AreWrittenInHexadecimal) {
  for (const char* text : {"0004d216FF", "00 04 d2 16 ff", "\" 0004d216ff \""}) {
    const Loaded loaded = load_check("send_hex: "s + text + ", expect_hex: '00ff'");
    ASSERT_TRUE(loaded.valid()) << text << format_text(loaded.diagnostics, false);
    EXPECT_EQ(loaded.model.clusters[0].health_check->send_hex, "\x00\x04\xd2\x16\xff"s) << text;
    EXPECT_EQ(loaded.model.clusters[0].health_check->expect_hex, "\x00\xff"s);
    EXPECT_NE(to_yaml(loaded.model).find("00 04 d2 16 ff"), std::string::npos);
  }
}

TEST(HealthCheckBytes, InTextTheErrorNamesTheKeyForThem) {
  const Loaded loaded = load_check("send: \"\\x00\\x04\\xD2\\x16\\xff\"");
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].code, "E267");
  EXPECT_NE(loaded.diagnostics[0].message.find("\\xD2"), std::string::npos);
  EXPECT_NE(loaded.diagnostics[0].hint.find("send_hex"), std::string::npos);
}

TEST(HealthCheckBytes, TextMayHaveAnyCharacter) {
  const Loaded loaded = load_check("send: \"\\u00d2 \\x41\\0\", expect: é");
  ASSERT_TRUE(loaded.valid());
  EXPECT_EQ(loaded.model.clusters[0].health_check->send, "\xc3\x92 A\x00"s);
}

}  // namespace
}  // namespace weir::config
