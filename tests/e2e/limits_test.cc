// A process with too low limits reports them and exits; it does not abort.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"
#include "support/temp_folder.h"
#include "support/weir_build.h"

namespace weir {
namespace {

using testing::HasSubstr;

std::string config_with(int workers) {
  return simple(free_address(), {free_address()},
                "global: {workers: " + std::to_string(workers) + "}\n");
}

// weir serves and stops in order, or reports the limit and the required value.
void try_with_descriptors(uint64_t limit, int workers) {
  SCOPED_TRACE(std::to_string(limit) + " descriptors");
  ProxyProcess weir(config_with(workers), {.descriptors = limit, .await_ready = false});
  if (weir.await_notification("READY=1")) {
    weir.signal(SIGTERM);
    EXPECT_EQ(weir.wait(), 0);
    return;
  }
  EXPECT_EQ(weir.wait(), 1);
  EXPECT_THAT(weir.errors(), HasSubstr("the limit of open files is " + std::to_string(limit)));
  EXPECT_THAT(weir.errors(), HasSubstr("LimitNOFILE="));
}

TEST(Limits, EverySmallLimitOfOpenFilesIsEnoughOrReportedAsTooLow) {
  // With fewer the dynamic linker cannot load the libraries.
  for (uint64_t limit = 6; limit < 16; ++limit) try_with_descriptors(limit, 1);
  for (uint64_t limit = 16; limit <= 64; limit += 6) try_with_descriptors(limit, 1);
  for (uint64_t limit = 50; limit <= 64; limit += 7) try_with_descriptors(limit, 4);
}

TEST(Limits, MoreConnectionsThanDescriptorsAllowAreReportedAtAStartAndAtAReload) {
  const Address at = free_address();
  const auto config = [&](const std::string& most) {
    return simple(at, {free_address()}, "global: {workers: 1, max_connections: " + most + "}\n");
  };
  const auto reports = [](ProxyProcess& weir) {
    weir.signal(SIGTERM);
    EXPECT_EQ(weir.wait(), 0);
    return weir.errors();
  };
  ProxyProcess started(config("100000"), {.descriptors = 256});
  EXPECT_THAT(reports(started), HasSubstr("event=limits.descriptors max_connections=100000"));
  ProxyProcess reloaded(config("auto"), {.descriptors = 256});
  reloaded.write_config(config("100000"));
  EXPECT_EQ(reloaded.reload().status, 200);
  EXPECT_THAT(reports(reloaded), HasSubstr("event=limits.descriptors max_connections=100000"));
}

// The shell's `>&-` closes a stream.
TEST(Limits, ClosedStandardStreamsBecomeDevNullWithAWarning) {
  ProxyProcess weir(config_with(1) + "logging: {output: ./weir.log}\n",
                    {.arguments = {"run", "-c", "weir.yaml"}, .close_streams = true});
  const std::string log = weir.directory() + "/weir.log";
  for (const char* fd : {"0", "1", "2"})
    EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(weir.pid()) + "/fd/" + fd),
              "/dev/null");
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0);
  std::ifstream file(log);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(file), {}),
              HasSubstr("event=process.closed_streams streams=\"stdin, stdout, stderr\""));
}

TEST(Limits, CommandWithoutStandardOutputFails) {
  const test::TempFolder folder;
  const std::string errors = folder / "errors";
  const int status = std::system((weir_binary() + " version >&- 2>'" + errors + "'").c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 0);
  std::ifstream file(errors);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(file), {}),
              HasSubstr("cannot write to the standard output"));
}

}  // namespace
}  // namespace weir
