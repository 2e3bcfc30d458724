#include "control/watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/file_reader.h"
#include "support/temp_folder.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

class WatchTest : public testing::Test, protected TestLoop {
 protected:
  void SetUp() override {
    for (const std::string& directory : {one_, two_}) std::filesystem::create_directory(directory);
  }
  static void write(const std::string& directory) { std::ofstream(directory + "/file") << "x"; }
  // All events have been reported.
  int told() {
    turns(3);
    advance(Watch::kPatience + 100ms);
    return changes_;
  }

  TempFolder folder_;
  const std::string one_ = folder_ / "one", two_ = folder_ / "two";
  int changes_ = 0;
  Watch watch_{loop, [this] { ++changes_; }};
};

TEST_F(WatchTest, ReportsManyChangesOnceInTheDirectoriesOfTheLastSet) {
  watch_.set({one_, two_});
  for (int i = 0; i < 10; ++i) write(one_), write(two_);
  EXPECT_EQ(told(), 1);
  watch_.set({two_});
  EXPECT_EQ(told(), 1) << "the end of a watch is not a change";
  write(one_);
  EXPECT_EQ(told(), 1);
  write(two_);
  EXPECT_EQ(told(), 2);
}

// A hanging mount: its thread stays blocked.
TEST_F(WatchTest, DirectoryThatDidNotRespondIsWatchedOnceItResponds) {
  std::promise<int> answer;
  {
    FileReader reader(20ms);
    EXPECT_FALSE(
        reader.ask<int>(one_, [given = answer.get_future().share()] { return given.get(); }));
  }
  watch_.set({one_});
  write(one_);
  advance(Watch::kRetry);
  EXPECT_EQ(told(), 0) << "the directory still hangs";
  answer.set_value(0);
  while (FileReader::stuck_threads() > 0) std::this_thread::yield();
  EXPECT_TRUE(run_until([&] {
    advance(Watch::kRetry);
    return told() > 0;
  }));
  EXPECT_EQ(told(), 1) << "it may have changed meanwhile";
  write(one_);
  EXPECT_EQ(told(), 2);
  advance(3 * Watch::kRetry);
  EXPECT_EQ(told(), 2);
}

}  // namespace
}  // namespace weir::test
