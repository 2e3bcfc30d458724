#include "server/resources.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "server/server.h"
#include "support/failing_calls.h"
#include "support/temp_folder.h"

namespace weir {
namespace {

// A /proc and a /sys of the test's own.
class CpuQuotaTest : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    const std::string whole = root_ / path;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::ofstream(whole) << text;
  }
  void version_2(const std::string& group, const std::string& mounted = "/") {
    write("proc/self/cgroup", "0::" + group + "\n");
    write("proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n31 23 0:28 " + mounted +
                                     " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  }
  void version_1(const std::string& group, const std::string& mounted) {
    write("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/s\n");
    write("proc/self/mountinfo",
          "33 32 0:30 /m /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n34 32 0:31 " +
              mounted + " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
  }
  std::optional<double> quota() { return cpu_quota(root_ / ""); }
  test::TempFolder root_;
};

TEST_F(CpuQuotaTest, HasNoQuotaWithoutCgroup) {
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CpuQuotaTest, Version2ReadsTheGroupOfTheProcess) {
  version_2("/system.slice/weir.service");
  write("sys/fs/cgroup/system.slice/weir.service/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota(), 0.5);
}

TEST_F(CpuQuotaTest, Version2UsesTheLowestQuotaOfTheParentGroups) {
  version_2("/a/b/c");
  write("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), std::nullopt);
  write("sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
  EXPECT_EQ(quota(), 4);
  write("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota(), 2.5);
  write("sys/fs/cgroup/a/b/c/cpu.max", "300000 100000\n");
  EXPECT_EQ(quota(), 2.5);
}

TEST_F(CpuQuotaTest, Version2ReadsTheMountedGroupInACgroupNamespace) {
  version_2("/");
  write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2);
  version_2("/../other");
  EXPECT_EQ(quota(), 2);
}

TEST_F(CpuQuotaTest, Version1ReadsQuotaAndPeriodOfTheCpuController) {
  version_1("/docker/1234", "/docker/1234");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(quota(), 3);
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CpuQuotaTest, Version1ReadsTheGroupsBelowTheMount) {
  version_1("/docker/1234", "/");
  write("sys/fs/cgroup/cpu,cpuacct/docker/1234/cpu.cfs_quota_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/1234/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 1);
}

TEST_F(CpuQuotaTest, MalformedFilesAreNoQuota) {
  version_2("/a");
  for (const char* text : {"", "x", "100000", "0 100000", "100000 0", "-5 100000"}) {
    write("sys/fs/cgroup/a/cpu.max", text);
    EXPECT_EQ(quota(), std::nullopt) << text;
  }
}

TEST_F(CpuQuotaTest, QuotaLimitsTheNumberOfWorkers) {
  version_2("/a");
  write("sys/fs/cgroup/a/cpu.max", "50000 100000\n");
  EXPECT_EQ(worker_count(0, root_ / "").count, 1u);
  EXPECT_STREQ(worker_count(0, root_ / "").by, "cpu_quota");
  EXPECT_EQ(worker_count(7, root_ / "").count, 7u) << "as configured";
  write("sys/fs/cgroup/a/cpu.max", "100000000000 100000\n");
  EXPECT_STREQ(worker_count(0, root_ / "").by, "cpus") << "the quota is above the number of CPUs";
}

TEST(WorkerCount, ConfiguredNumberOfWorkersIsNotLimited) {
  EXPECT_EQ(worker_count(7).count, 7u);
  EXPECT_STREQ(worker_count(7).by, "configuration");
  EXPECT_GE(worker_count(0).count, 1u);
}

TEST(Descriptors, ReportsATooLowLimitWithTheRequiredNumber) {
  config::Model model;
  model.listeners.resize(2);
  model.listeners[0].bind = {"127.0.0.1:80", "unix:/x"};
  model.listeners[1].bind = {"127.0.0.1:81"};
  const Result<void> result = check_descriptors(40, model, 4);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "the limit of open files is 40, and this configuration with 4 workers needs at least "
            "61: raise it (LimitNOFILE= of the unit, ulimit -n), or lower global.workers");
  EXPECT_TRUE(check_descriptors(61, model, 4));
  EXPECT_FALSE(check_descriptors_to_start(11));
  EXPECT_TRUE(check_descriptors_to_start(12));
}

TEST(Threads, ErrorNamesTheLimitWhenThreadsCannotBeStarted) {
  EXPECT_TRUE(check_threads(3));
  std::string message;
  std::thread([&] {
    ASSERT_TRUE(test::make_fail(SYS_clone3, EAGAIN));
    ASSERT_TRUE(test::make_fail(SYS_clone, EAGAIN));
    const Result<void> result = check_threads(3);
    if (!result) message = result.error().message;
  }).join();
  EXPECT_NE(message.find("cannot start 3 threads, but 0"), std::string::npos) << message;
  EXPECT_NE(message.find("TasksMax="), std::string::npos);
}

// Runs in the child process of a death test.
[[noreturn]] void start_without_threads() {
  ServerOptions options;
  options.load = [] {
    return config::load_text(
        "global: { workers: 2 }\n"
        "listeners: [{ name: l, bind: '127.0.0.1:0', cluster: c }]\n"
        "clusters: [{ name: c, backends: ['127.0.0.1:9'] }]\n",
        "weir.yaml", [](const std::string&) { return std::nullopt; });
  };
  const bool failing = test::make_fail(SYS_clone3, EAGAIN) && test::make_fail(SYS_clone, EAGAIN);
  std::_Exit(failing ? run_server(options) : 127);
}

TEST(Threads, StartChecksThatAllThreadsCanBeStarted) {
  EXPECT_EXIT(start_without_threads(), testing::ExitedWithCode(1), "cannot start 5 threads, but 0");
}

}  // namespace
}  // namespace weir
