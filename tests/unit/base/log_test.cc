#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace weir {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LogTest : public testing::Test {
 protected:
  LogTest() {
    char name[] = "/tmp/weir-log-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~LogTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  static std::string contents(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::unique_ptr<Log> open(const LogOptions& options) {
    Result<PreparedLog> prepared = Log::prepare(options);
    EXPECT_TRUE(prepared);
    return std::make_unique<Log>(std::move(*prepared));
  }
  LogOptions to_file(const std::string& name = "log") const {
    return {.output = path(name), .access_output = "none"};
  }

  // Waits until `condition` holds: the writer runs in the background and reports no progress.
  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 5000; ++i) {
      if (condition()) return true;
      ::poll(nullptr, 0, 2);
    }
    return false;
  }

  std::string directory_;
};

// A FIFO that is open but not read.
class StuckPipe {
 public:
  explicit StuckPipe(const std::string& path) : path_(path) {
    ::mkfifo(path.c_str(), 0600);
    reader_.reset(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  }
  std::string read_all() {
    std::string all;
    char buffer[65536];
    for (ssize_t n; (n = ::read(reader_.get(), buffer, sizeof buffer)) > 0;) {
      all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }
  void shrink() { ::fcntl(reader_.get(), F_SETPIPE_SZ, 4096); }
  void stop_reading() { reader_.reset(); }

 private:
  std::string path_;
  UniqueFd reader_;
};

TEST_F(LogTest, WritesALineWithTimeLevelEventAndFields) {
  {
    auto log = open(to_file());
    LogThread thread(*log);
    LOG(info, "listener.opened", kv("listener", "web"), kv("bind", ":80"));
    LOG(warn, "bare");
  }
  EXPECT_THAT(
      contents(path("log")),
      testing::MatchesRegex("time=[^ ]+Z level=info event=listener.opened listener=web bind=:80\n"
                            "time=[^ ]+Z level=warn event=bare\n"));
}

TEST_F(LogTest, DoesNotEvaluateArgumentsBelowItsLevel) {
  auto log = open(to_file());
  LogThread thread(*log);
  int evaluated = 0;
  LOG(debug, "quiet", kv("n", ++evaluated));
  EXPECT_EQ(evaluated, 0);
  LOG(info, "said", kv("n", ++evaluated));
  EXPECT_EQ(evaluated, 1);
}

TEST_F(LogTest, ThreadWithoutALogIsSilent) {
  int evaluated = 0;
  LOG(error, "no.log", kv("n", ++evaluated));
  EXPECT_EQ(evaluated, 0);
}

TEST_F(LogTest, ChangesLevelFormatAndOutputWhileRunning) {
  {
    auto log = open(to_file("before"));
    LogThread thread(*log);
    LOG(debug, "hidden");
    LOG(info, "first");
    LogOptions options = to_file("after");
    options.level = LogLevel::debug;
    options.format = LogFormat::json;
    log->apply(std::move(*Log::prepare(options)));
    LOG(debug, "shown");
    const LogCounts counts = log->counts();
    EXPECT_EQ(counts.messages[size_t(LogLevel::info)], 1u);
    EXPECT_EQ(counts.messages[size_t(LogLevel::debug)], 1u);
  }
  EXPECT_THAT(contents(path("before")), testing::Not(HasSubstr("hidden")));
  EXPECT_THAT(contents(path("before")) + contents(path("after")), HasSubstr("event=first"));
  EXPECT_THAT(contents(path("after")), HasSubstr("\"level\":\"debug\",\"event\":\"shown\"}"));
}

TEST_F(LogTest, ReloadKeepsPendingLinesOfAnOutputThatStays) {
  StuckPipe pipe(path("log"));
  auto log = open(to_file());
  LogThread thread(*log);
  pipe.shrink();
  constexpr long kLines = 300;  // more than the pipe holds, less than the ring
  for (long i = 0; i < kLines; ++i) {
    LOG(info, "n", kv("padding", std::string(20, 'x')));
    if (i % 100 == 0) log->apply(std::move(*Log::prepare(to_file())));
  }
  std::string received;
  EXPECT_TRUE(eventually([&] {
    received += pipe.read_all();
    return std::count(received.begin(), received.end(), '\n') == kLines;
  }));
  EXPECT_EQ(log->counts().dropped_messages, 0u);
}

TEST_F(LogTest, AccessLinesHaveTheirOwnOutputAndFormat) {
  {
    LogOptions options = to_file();
    options.access_output = path("access");
    options.access_format = LogFormat::json;
    auto log = open(options);
    LogThread thread(*log);
    ACCESS_LOG("session", kv("client", "10.0.0.1:5"), kv("received", 12u));
    LOG(info, "message");
  }
  EXPECT_THAT(contents(path("access")),
              HasSubstr("\"event\":\"session\",\"client\":\"10.0.0.1:5\""));
  EXPECT_THAT(contents(path("access")), testing::Not(HasSubstr("message")));
  EXPECT_THAT(contents(path("log")), testing::Not(HasSubstr("session")));
}

TEST_F(LogTest, WithoutAnAccessLogNoArgumentsAreEvaluated) {
  auto log = open(to_file());
  LogThread thread(*log);
  int evaluated = 0;
  ACCESS_LOG("session", kv("n", ++evaluated));
  EXPECT_EQ(evaluated, 0);
}

TEST_F(LogTest, RefusesAnOutputItCannotOpenAndNamesIt) {
  const Result<PreparedLog> prepared = Log::prepare(to_file("missing/log"));
  ASSERT_FALSE(prepared);
  EXPECT_THAT(prepared.error().text(), HasSubstr(path("missing/log")));
  EXPECT_THAT(prepared.error().text(), HasSubstr("No such file"));
}

// As under systemd: the standard output is a socket, which cannot be opened by the name of its
// device.
TEST_F(LogTest, DeviceOfAStandardStreamMeansTheStream) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const int kept = ::dup(STDOUT_FILENO);
  ASSERT_EQ(::dup2(pair[1], STDOUT_FILENO), STDOUT_FILENO);
  Result<LogOutput> output = LogOutput::open("/dev/stdout");
  const bool taken =
      output && output->append("a line\n") && output->flush({}) == LogOutput::Flush::done;
  ::dup2(kept, STDOUT_FILENO);
  char line[16] = {};
  EXPECT_EQ(taken ? ::read(pair[0], line, sizeof line) : -1, 7)
      << (output ? "" : output.error().text());
  for (const int fd : {kept, pair[0], pair[1]}) ::close(fd);
}

TEST_F(LogTest, FifoWithoutAReaderIsReported) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(LogOutput::open(fifo).error().text(), HasSubstr("FIFO that no process reads"));
  ::unlink(fifo.c_str());
}

TEST_F(LogTest, ReopensItsFileAfterARotation) {
  {
    auto log = open(to_file());
    LogThread thread(*log);
    LOG(info, "old");
    ASSERT_TRUE(eventually([&] { return !contents(path("log")).empty(); }));
    std::filesystem::rename(path("log"), path("log.1"));
    log->reopen();
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path("log")); }));
    LOG(info, "new");
  }
  EXPECT_THAT(contents(path("log.1")), HasSubstr("event=old"));
  EXPECT_THAT(contents(path("log.1")), testing::Not(HasSubstr("event=new")));
  EXPECT_THAT(contents(path("log")), HasSubstr("event=new"));
}

TEST_F(LogTest, KeepsTheOldFileAndCountsWhenReopeningFails) {
  std::filesystem::create_directory(path("d"));
  {
    auto log = open(to_file("d/log"));
    LogThread thread(*log);
    LOG(info, "old");
    ASSERT_TRUE(eventually([&] { return !contents(path("d/log")).empty(); }));
    std::filesystem::rename(path("d"), path("e"));
    log->reopen();
    ASSERT_TRUE(eventually([&] { return log->counts().output_errors[0] == 1; }));
    LOG(info, "new");
  }
  EXPECT_THAT(contents(path("e/log")), HasSubstr("event=new"));
}

TEST_F(LogTest, EveryThreadKeepsItsOwnOrderAndNothingIsLost) {
  constexpr int kThreads = 4, kLines = 5000;
  uint64_t dropped = 0;
  {
    auto log = open(to_file());
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, t] {
        LogThread thread(*log);
        for (int i = 0; i < kLines; ++i) LOG(info, "n", kv("t", t), kv("i", i));
      });
    }
    for (std::thread& thread : threads) thread.join();
    dropped = log->counts().dropped_messages;
    EXPECT_EQ(log->counts().messages[size_t(LogLevel::info)], uint64_t{kThreads * kLines});
  }
  std::istringstream lines(contents(path("log")));
  std::map<int, int> last;
  uint64_t seen = 0;
  for (std::string line; std::getline(lines, line); ++seen) {
    int t = -1, i = -1;
    ASSERT_EQ(std::sscanf(line.c_str(), "time=%*s level=info event=n t=%d i=%d", &t, &i), 2)
        << line;
    auto [entry, first] = last.try_emplace(t, -1);
    ASSERT_GT(i, entry->second) << "thread " << t;
    entry->second = i;
  }
  EXPECT_EQ(seen + dropped, uint64_t{kThreads * kLines});
  EXPECT_GT(seen, 0u);
}

TEST_F(LogTest, FullPipeBlocksNoThreadAndDropsAreCounted) {
  StuckPipe pipe(path("log"));
  auto log = open(to_file());
  LogThread thread(*log);
  constexpr uint64_t kLines = 20'000;  // far more than pipe, output and ring hold
  const std::string padding(100, 'x');
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < kLines; ++i) LOG(info, "n", kv("i", i), kv("padding", padding));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_GT(log->counts().dropped_messages, 0u);

  // Whole lines only, and every line is either delivered or counted.
  std::string received;
  const auto all_there = [&] {
    received += pipe.read_all();
    const auto lines = static_cast<uint64_t>(std::count(received.begin(), received.end(), '\n'));
    return lines + log->counts().dropped_messages == kLines;
  };
  EXPECT_TRUE(eventually(all_there));
  std::istringstream lines(received);
  for (std::string line; std::getline(lines, line);) {
    ASSERT_TRUE(line.starts_with("time=") && line.ends_with(padding)) << line;
  }
}

TEST_F(LogTest, BlockedOutputDoesNotDelayTheOther) {
  StuckPipe pipe(path("log"));
  LogOptions options = to_file();
  options.access_output = path("access");
  auto log = open(options);
  LogThread thread(*log);
  const std::string padding(1000, 'x');
  for (int i = 0; i < 5000; ++i) LOG(info, "n", kv("padding", padding));
  ASSERT_TRUE(eventually([&] { return log->counts().dropped_messages > 0; }));
  ASSERT_TRUE(eventually([&] {
    ACCESS_LOG("session", kv("client", "c"));
    return !contents(path("access")).empty();
  }));
}

TEST_F(LogTest, EndsInBoundedTimeWhenItsOutputIsBlocked) {
  StuckPipe pipe(path("log"));
  const auto start = std::chrono::steady_clock::now();
  {
    auto log = open(to_file());
    LogThread thread(*log);
    for (int i = 0; i < 5000; ++i) LOG(info, "n", kv("padding", std::string(1000, 'x')));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, LogWriter::kFlushLimit + 5s);
}

TEST_F(LogTest, SurvivesAReaderThatCloses) {
  StuckPipe pipe(path("log"));
  auto log = open(to_file());
  LogThread thread(*log);
  LOG(info, "first");
  ASSERT_TRUE(eventually([&] { return pipe.read_all().ends_with("event=first\n"); }));
  pipe.stop_reading();
  LOG(info, "second");
  EXPECT_TRUE(eventually([&] { return log->counts().output_errors[0] > 0; }));
  LOG(info, "third");
}

TEST_F(LogTest, CountsWritesToAFullDiskAndContinues) {
  LogOptions options;
  options.output = "/dev/full";
  options.access_output = path("access");
  auto log = open(options);
  LogThread thread(*log);
  LOG(info, "lost");
  EXPECT_TRUE(eventually([&] { return log->counts().output_errors[0] > 0; }));
  ACCESS_LOG("session", kv("client", "c"));
  EXPECT_TRUE(eventually([&] { return !contents(path("access")).empty(); }));
}

// Captures descriptor 2 during its lifetime: the output of the process to stderr.
class CapturedStderr {
 public:
  explicit CapturedStderr(const std::string& path) : saved_(::dup(2)) {
    UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ::dup2(file.get(), 2);
  }
  explicit CapturedStderr(int fd) : saved_(::dup(2)) { ::dup2(fd, 2); }
  ~CapturedStderr() { ::dup2(saved_.get(), 2); }

 private:
  UniqueFd saved_;
};

TEST_F(LogTest, ReportsAnAccessLogWhoseDirectoryIsMissingAndItsRecovery) {
  std::filesystem::create_directory(path("d"));
  CapturedStderr captured(path("stderr"));
  LogOptions options = to_file();
  options.access_output = path("d/access");
  auto log = open(options);
  LogThread thread(*log);
  ACCESS_LOG("session", kv("n", 1));
  ASSERT_TRUE(eventually([&] { return !contents(path("d/access")).empty(); }));
  std::filesystem::rename(path("d"), path("e"));
  log->reopen();
  for (const char* where : {"log", "stderr"}) {
    ASSERT_TRUE(eventually([&] { return !contents(path(where)).empty(); })) << where;
    EXPECT_THAT(contents(path(where)),
                AllOf(HasSubstr("level=error event=log.output_failed log=access output=" +
                                path("d/access")),
                      HasSubstr("No such file or directory"), HasSubstr(" fix=")));
  }
  EXPECT_GE(log->counts().output_errors[size_t(LogKind::access)], 1u);
  EXPECT_EQ(log->counts().output_errors[size_t(LogKind::message)], 0u);
  EXPECT_EQ(log->counts().messages[size_t(LogLevel::error)], 1u);
  ACCESS_LOG("session", kv("n", 2));
  EXPECT_TRUE(eventually([&] {
    return contents(path("e/access")).find("n=2") != std::string::npos;
  })) << "the old file takes lines until then";
  std::filesystem::create_directory(path("d"));
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path("d/access")); }));
  EXPECT_TRUE(eventually([&] {
    return contents(path("log")).find("level=info event=log.output_works_again log=access") !=
           std::string::npos;
  }));
  ACCESS_LOG("session", kv("n", 3));
  EXPECT_TRUE(
      eventually([&] { return contents(path("d/access")).find("n=3") != std::string::npos; }));
}

TEST_F(LogTest, ReportsALogThatCannotBeReopenedOnStderr) {
  std::filesystem::create_directory(path("d"));
  CapturedStderr captured(path("stderr"));
  auto log = open({.output = path("d/log"), .access_output = path("d/log")});
  LogThread thread(*log);
  std::filesystem::rename(path("d"), path("e"));
  log->reopen();
  ASSERT_TRUE(eventually([&] { return !contents(path("stderr")).empty(); }));
  EXPECT_THAT(contents(path("stderr")), HasSubstr("event=log.output_failed log=messages output="));
  std::filesystem::create_directory(path("d"));
  EXPECT_TRUE(eventually([&] {
    return contents(path("stderr")).find("event=log.output_works_again") != std::string::npos;
  }));
  EXPECT_THAT(contents(path("d/log")), HasSubstr("event=log.output_works_again"));
}

TEST_F(LogTest, WaitsAtItsEndForABlockedStderr) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  const std::string filler(4096, 'x');
  while (::write(writer.get(), filler.data(), filler.size()) > 0) {
  }
  std::filesystem::create_directory(path("d"));
  CapturedStderr captured(writer.get());
  auto log = open({.output = "none", .access_output = path("d/access")});
  std::filesystem::rename(path("d"), path("e"));
  log->reopen();
  ASSERT_TRUE(eventually([&] { return log->counts().output_errors[size_t(LogKind::access)] > 0; }));
  std::thread end([&] { log.reset(); });
  std::string got;
  EXPECT_TRUE(eventually([&] {
    char buffer[65536];
    const ssize_t n = ::read(reader.get(), buffer, sizeof buffer);
    if (n > 0) got.append(buffer, static_cast<size_t>(n));
    return got.find("event=log.output_failed log=access") != std::string::npos;
  }));
  end.join();
}

TEST_F(LogTest, ReportsAFullDiskOnceAndCountsLostLines) {
  CapturedStderr captured(path("stderr"));
  LogOptions options = to_file();
  options.access_output = "/dev/full";
  auto log = open(options);
  LogThread thread(*log);
  const std::string padding(1000, 'x');
  EXPECT_TRUE(eventually([&] {
    ACCESS_LOG("session", kv("padding", padding));
    return log->counts().dropped_access > 0;
  }));
  ASSERT_TRUE(eventually([&] { return !contents(path("log")).empty(); }));
  const std::string said = contents(path("log"));
  EXPECT_THAT(said, AllOf(HasSubstr("event=log.output_failed log=access output=/dev/full"),
                          HasSubstr("No space left on device")));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
  // A reload with a working output ends the failure.
  options.access_output = path("access");
  log->apply(std::move(*Log::prepare(options)));
  ACCESS_LOG("session", kv("n", 1));
  EXPECT_TRUE(eventually([&] { return !contents(path("access")).empty(); }));
}

TEST_F(LogTest, ReloadReopensAnOutputThatCouldNotBeReopened) {
  std::filesystem::create_directory(path("d"));
  CapturedStderr captured(path("stderr"));
  auto log = open(to_file("d/log"));
  LogThread thread(*log);
  std::filesystem::rename(path("d"), path("e"));
  log->reopen();
  ASSERT_TRUE(eventually([&] { return log->counts().output_errors[0] > 0; }));
  std::filesystem::create_directory(path("d"));
  log->apply(std::move(*Log::prepare(to_file("d/log"))));
  LOG(info, "after");
  EXPECT_TRUE(
      eventually([&] { return contents(path("d/log")).find("event=after") != std::string::npos; }));
}

TEST_F(LogTest, CountsOutliveTheirThread) {
  auto log = open(to_file());
  std::thread([&] {
    LogThread thread(*log);
    LOG(error, "once");
  }).join();
  EXPECT_TRUE(eventually([&] { return !contents(path("log")).empty(); }));
  EXPECT_EQ(log->counts().messages[size_t(LogLevel::error)], 1u);
  LogThread thread(*log);
  LOG(error, "twice");
  EXPECT_EQ(log->counts().messages[size_t(LogLevel::error)], 2u);
}

}  // namespace
}  // namespace weir
