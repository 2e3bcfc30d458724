// weir with global.watch.
#include <filesystem>
#include <fstream>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

class WatchTest : public testing::Test {
 protected:
  static constexpr const char* kWatch = "global: {watch: true}\n";

  WatchTest() {
    char name[] = "/tmp/weir-watch-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~WatchTest() override { fs::remove_all(folder_); }

  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
  }
  std::string admin() const { return "admin: {socket: " + folder_ + "/admin.sock}\n"; }
  // Different for each n, so that each reload is a new generation.
  std::string numbered(int n) const {
    return simple(bind_, {backend_.address()},
                  kWatch + admin() + "drain: {timeout: " + std::to_string(100 + n) + "s}\n");
  }
  static bool reaches(ProxyProcess& weir, int generation) {
    return weir.await_notification("STATUS=serving, generation " + std::to_string(generation));
  }
  ProxyOptions run(const std::string& file) const { return {.arguments = {"run", "-c", file}}; }

  LoadServer backend_{LoadServer::Behaviour::echo};
  Address bind_ = free_address();
  std::string folder_;
};

TEST_F(WatchTest, DetectsEverySwapOfAConfigMap) {
  const auto publish = [&](int n) {
    const std::string version = ".." + std::to_string(n);
    fs::create_directory(folder_ + "/" + version);
    write(folder_ + "/" + version + "/weir.yaml", numbered(n));
    fs::create_symlink(version, folder_ + "/..fresh");
    fs::rename(folder_ + "/..fresh", folder_ + "/..data");
    if (n > 1) fs::remove_all(folder_ + "/.." + std::to_string(n - 1));
  };
  publish(1);
  fs::create_symlink("..data/weir.yaml", folder_ + "/weir.yaml");
  ProxyProcess weir("", run(folder_ + "/weir.yaml"));
  for (int n = 2; n <= 4; ++n) {
    publish(n);
    ASSERT_TRUE(reaches(weir, n));
  }
}

TEST_F(WatchTest, DetectsAWriteInPlace) {
  write(folder_ + "/weir.yaml", numbered(1));
  ProxyProcess weir("", run(folder_ + "/weir.yaml"));
  for (int n = 2; n <= 3; ++n) {
    write(folder_ + "/weir.yaml", numbered(n));
    ASSERT_TRUE(reaches(weir, n));
  }
  EXPECT_TRUE(weir.await_error("event=reload.requested by=watch"));
}

TEST_F(WatchTest, DetectsAChangeOfAnIncludedFile) {
  const auto timeout = [](int n) { return "drain: {timeout: " + std::to_string(n) + "s}\n"; };
  fs::create_directory(folder_ + "/conf.d");
  write(folder_ + "/conf.d/drain.yaml", timeout(100));
  write(folder_ + "/weir.yaml",
        "include: [conf.d/*.yaml]\n" + simple(bind_, {backend_.address()}, kWatch + admin()));
  ProxyProcess weir("", run(folder_ + "/weir.yaml"));
  write(folder_ + "/conf.d/drain.yaml", timeout(101));
  ASSERT_TRUE(reaches(weir, 2));
  write(folder_ + "/conf.d/log.yaml", "logging: {level: debug}\n");
  ASSERT_TRUE(reaches(weir, 3)) << "a new file that the pattern matches";
}

TEST_F(WatchTest, WatchesAnInvalidFileUntilItIsFixed) {
  write(folder_ + "/weir.yaml", numbered(1));
  ProxyProcess weir("", run(folder_ + "/weir.yaml"));
  // The error is in a file of a directory that the current configuration does not use.
  fs::create_directory(folder_ + "/new");
  write(folder_ + "/new/part.yaml", "no_such_key: 1\n");
  write(folder_ + "/weir.yaml", "include: [new/part.yaml]\n" + numbered(2));
  ASSERT_TRUE(weir.await_notification("RELOADING=1"));
  ASSERT_TRUE(reaches(weir, 1)) << "refused";
  write(folder_ + "/new/part.yaml", "logging: {level: debug}\n");
  ASSERT_TRUE(reaches(weir, 2));
}

TEST_F(WatchTest, ManyWritesCauseFewReloads) {
  write(folder_ + "/weir.yaml", numbered(1));
  ProxyProcess weir("", run(folder_ + "/weir.yaml"));
  for (int n = 2; n <= 200; ++n) {
    write(folder_ + "/weir.yaml.new", numbered(n));
    fs::rename(folder_ + "/weir.yaml.new", folder_ + "/weir.yaml");
  }
  int reloads = 0;
  // Waits until a reload has read the last file: then there are no more reloads.
  while (weir.await_notification("RELOADING=1", reloads == 0 ? kPatience : Duration(1s))) ++reloads;
  EXPECT_GE(reloads, 1);
  EXPECT_LE(reloads, 5);
}

TEST_F(WatchTest, ContinuousWritesToAnotherFileDoNotDelayItForever) {
  write(folder_ + "/weir.yaml", numbered(1));
  ProxyProcess weir("", run(folder_ + "/weir.yaml"));
  write(folder_ + "/weir.yaml", numbered(2));
  bool seen = false;
  for (int i = 0; i < 200 && !seen; ++i) {
    write(folder_ + "/other", std::to_string(i));
    seen = weir.await_notification("STATUS=serving, generation 2", 50ms);
  }
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace weir
