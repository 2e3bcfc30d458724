// The findings of `weir check` about the host: directories, sockets, algorithms.
#include "control/host_check.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "support/temp_folder.h"

namespace weir {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HostCheckTest : public testing::Test {
 protected:
  std::vector<config::Diagnostic> found(const std::string& more,
                                        const std::string& bind = "'127.0.0.1:0'") {
    const config::Loaded loaded =
        config::load_text("listeners: [{ name: l, bind: " + bind + ", cluster: c }]\n" +
                              "clusters: [{ name: c, backends: ['127.0.0.1:1'] }]\n" + more,
                          "test.yaml", [](const std::string&) { return std::nullopt; });
    EXPECT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
    return check_host(loaded, opens_);
  }
  std::vector<std::string> codes(const std::string& more,
                                 const std::string& bind = "'127.0.0.1:0'") {
    std::vector<std::string> codes;
    for (const config::Diagnostic& one : found(more, bind)) codes.push_back(one.code);
    return codes;
  }
  std::string at(const std::string& name) const { return folder_ / name; }

  Opens opens_ = Opens::at_start;
  test::TempFolder folder_;
};

TEST_F(HostCheckTest, MissingLogDirectoryIsReportedWithLocationAndFix) {
  for (const char* key : {"output", "access: { output"}) {
    const auto diagnostics = found(std::string("logging: { ") + key + ": " + at("no/log") +
                                   (key[0] == 'a' ? " } }\n" : " }\n"));
    ASSERT_EQ(diagnostics.size(), 1u);
    EXPECT_EQ(diagnostics[0].code, "E251");
    EXPECT_EQ(diagnostics[0].file, "test.yaml");
    EXPECT_EQ(diagnostics[0].line, 3u);
    EXPECT_THAT(diagnostics[0].message, HasSubstr("No such file or directory"));
    EXPECT_THAT(diagnostics[0].hint, HasSubstr("mkdir -p " + at("no")));
  }
}

TEST_F(HostCheckTest, LogFilesThatCanBeOpenedPassAndAreNotCreated) {
  EXPECT_THAT(codes("logging: { output: " + at("log") + " }\n"), IsEmpty());
  EXPECT_NE(::access(at("log").c_str(), F_OK), 0);
  EXPECT_THAT(codes("logging: { output: stdout, access: { output: none } }\n"), IsEmpty());
  EXPECT_THAT(codes("logging: { output: /dev/null }\n"), IsEmpty());
  EXPECT_THAT(codes("logging: { output: /dev/stdout, access: { output: /dev/stderr } }\n"),
              IsEmpty());
}

TEST_F(HostCheckTest, DirectoryInPlaceOfALogFileAndAFileInPlaceOfADirectoryAreErrors) {
  std::ofstream(at("file")) << "x";
  EXPECT_THAT(codes("logging: { output: " + at(".") + " }\n"), ElementsAre("E251"));
  EXPECT_THAT(codes("logging: { output: " + at("file/log") + " }\n"), ElementsAre("E251"));
}

TEST_F(HostCheckTest, SocketsNeedTheirDirectoryAndAFreePath) {
  std::ofstream(at("file")) << "x";
  EXPECT_THAT(codes("admin: { socket: " + at("no/admin") + " }\n"), ElementsAre("E252"));
  EXPECT_THAT(codes("admin: { socket: " + at("file") + " }\n"), ElementsAre("E252"));
  EXPECT_THAT(codes("", "unix:" + at("no/l")), ElementsAre("E252"));
  EXPECT_THAT(codes("", "['127.0.0.1:0', 'unix:" + at("no/l") + "']"), ElementsAre("E252"));
  EXPECT_THAT(codes("admin: { socket: " + at("admin") + " }\n", "unix:" + at("l")), IsEmpty());
}

TEST_F(HostCheckTest, DirectoriesCreatedByTheServiceUnitAreNotReported) {
  EXPECT_THAT(codes("admin: { socket: /run/weir/admin.sock }\n"
                    "logging: { output: /var/log/weir/weir.log }\n"),
              IsEmpty());
}

TEST_F(HostCheckTest, ReloadDoesNotOpenTheAdminSocket) {
  const std::string admin = "admin: { socket: " + at("no/admin.sock") + " }\n";
  const std::string log = "logging: { output: " + at("no/log") + " }\n";
  EXPECT_THAT(codes(admin + log), ElementsAre("E252", "E251"));
  opens_ = Opens::at_reload;
  EXPECT_THAT(codes(admin + log), ElementsAre("E251"));
}

TEST_F(HostCheckTest, UnsupportedCongestionControlIsAnError) {
  const config::Loaded loaded = config::load_text(
      "listeners: [{ name: l, bind: '127.0.0.1:0', cluster: c, congestion_control: nonesuch }]\n"
      "clusters: [{ name: c, backends: ['127.0.0.1:1'], congestion_control: nonesuch }]\n",
      "test.yaml", [](const std::string&) { return std::nullopt; });
  const auto diagnostics = check_host(loaded, Opens::at_reload);
  ASSERT_EQ(diagnostics.size(), 2u);
  EXPECT_EQ(diagnostics[0].code, "E253");
  EXPECT_EQ(diagnostics[0].line, 1u);
  EXPECT_EQ(diagnostics[1].line, 2u);
}

}  // namespace
}  // namespace weir
