// Each file of tests/bad_configs begins with the expected diagnostics of `weir check`: "# expect:
// E103 12:7, W212 14:3".
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/findings.h"
#include "config/load.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

const fs::path kDirectory = fs::path(WEIR_SOURCE_DIR) / "tests/bad_configs";
constexpr std::string_view kExpect = "# expect: ";

std::vector<std::string> bad_files() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kDirectory)) names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

std::string expected(const std::string& name) {
  std::string line;
  std::ifstream file(kDirectory / (name + ".yaml"));
  std::getline(file, line);
  return line.starts_with(kExpect) ? line.substr(kExpect.size()) : "";
}

std::string found(const Loaded& loaded) {
  std::ostringstream out;
  for (const Diagnostic& d : loaded.diagnostics)
    out << (out.tellp() > 0 ? ", " : "") << d.code << ' ' << d.line << ':' << d.column;
  return out.str();
}

Loaded load_bad(const std::string& name) {
  // Without the environment: a variable that is set by chance must not change a result.
  return load((kDirectory / (name + ".yaml")).string(),
              [](const std::string&) { return std::nullopt; });
}

class BadConfig : public testing::TestWithParam<std::string> {};

TEST_P(BadConfig, HasTheDiagnosticsOfItsFirstLine) {
  const Loaded loaded = load_bad(GetParam());
  ASSERT_FALSE(expected(GetParam()).empty())
      << "the first line is not '# expect: CODE LINE:COLUMN, …'";
  EXPECT_EQ(found(loaded), expected(GetParam())) << format_text(loaded.diagnostics, false);
  for (const Diagnostic& d : loaded.diagnostics) {
    EXPECT_FALSE(d.message.empty());
    EXPECT_EQ(d.file, (kDirectory / (GetParam() + ".yaml")).string());
    EXPECT_EQ(d.code[0], d.is_error() ? 'E' : 'W');
  }
  EXPECT_EQ(loaded.valid(), expected(GetParam()).find('E') == std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Config, BadConfig, testing::ValuesIn(bad_files()),
                         [](const auto& test) { return test.param; });

TEST(BadConfigs, CoverEveryCode) {
  std::set<std::string> shown;
  for (const std::string& name : bad_files())
    for (const Diagnostic& d : load_bad(name).diagnostics) shown.insert(d.code);
  // Diagnostics that need several files, or a path that is no file: load_test.cc.
  for (const char* code : {"E001", "E004", "E015", "E016", "E099"}) shown.insert(code);
  for (const char* code : {"E251", "E252", "E253", "W239", "W240"})
    shown.insert(code);  // about the host: control/host_check_test.cc
  shown.insert("E143");  // a text that was sent: sent_text_test.cc
  for (const char* code : {"E257", "W243", "W244", "W245", "W246", "W247", "W248", "W249", "W250"})
    shown.insert(code);  // about TLS files: control/tls_contexts_test.cc
  shown.insert("W252");  // only of `weir check --resolve`: e2e/names_test.cc
  shown.insert("E238");  // files that only `weir check` and the start read: e2e/tls_files_test.cc
#define CODE(name, title) EXPECT_TRUE(shown.contains(#name)) << #name << ": " << title;
#include "config/codes.def"
#undef CODE
}

}  // namespace
}  // namespace weir::config
