// Files that can be read, and files that hang.
#include "base/file_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <future>

#include "support/hanging_file.h"
#include "support/temp_folder.h"

namespace weir::test {
namespace {

constexpr size_t kMost = 1000;

class FileReaderTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  static void expect_problem(const Result<std::string>& read, const std::string& problem) {
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(problem), std::string::npos) << read.error().message;
  }

  TempFolder folder_;
};

TEST_F(FileReaderTest, ReadsOnlyWholeRegularFiles) {
  FileReader reader;
  EXPECT_EQ(*reader.read(write("a", "hello"), kMost), "hello");
  EXPECT_EQ(*reader.read(write("empty", ""), kMost), "");
  expect_problem(reader.read(folder_ / "none", kMost), "No such file");
  expect_problem(reader.read(folder_ / ".", kMost), "it is a directory");
  expect_problem(reader.read("/dev/zero", kMost), "not a regular file");
  const std::string fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_problem(reader.read(fifo, kMost), "it is a FIFO");
  EXPECT_EQ(reader.silent(), "");
}

TEST_F(FileReaderTest, ReadsNoMoreThanOneByteAboveTheLimit) {
  FileReader reader;
  EXPECT_EQ(reader.read(write("fits", std::string(kMost, 'x')), kMost)->size(), kMost);
  EXPECT_EQ(reader.read(write("larger", std::string(100 * kMost, 'x')), kMost)->size(), kMost + 1);
}

TEST_F(FileReaderTest, AbandonsAHangingFileAndReadsNoOtherInThisLoad) {
  const std::string stuck = write("stuck", "late"), good = write("good", "hello");
  HangingFile hanging(stuck);
  {
    FileReader reader(2s);
    EXPECT_EQ(*reader.read(good, kMost), "hello");
    expect_problem(reader.read(stuck, kMost), "no answer within 2 s");
    EXPECT_EQ(reader.silent(), stuck);
    expect_problem(reader.read(good, kMost), "'" + stuck + "' does not answer");
    EXPECT_FALSE(reader.ask<int>(good, [] { return 1; }));
  }
  EXPECT_EQ(FileReader::stuck_threads(), 1u);
  hanging.answer();
  FileReader later;
  EXPECT_EQ(*later.read(stuck, kMost), "late");
}

TEST_F(FileReaderTest, AbandonsOneThreadForAPathThatManyLoadsTry) {
  const std::string stuck = write("stuck", "late"), good = write("good", "hello");
  HangingFile hanging(stuck);
  for (int i = 0; i < 20; ++i) {
    FileReader reader(i == 0 ? Duration(20ms) : Duration(1h));  // only the first waits
    expect_problem(reader.read(stuck, kMost),
                   i == 0 ? "no answer within 0.02 s" : "an earlier read of it has had no answer");
    FileReader other;
    EXPECT_EQ(*other.read(good, kMost), "hello") << "loads without this path continue";
  }
  EXPECT_EQ(FileReader::stuck_threads(), 1u);
  hanging.answer();
}

TEST_F(FileReaderTest, CountsTwoThreadsThatAreStuckOnOnePath) {
  const std::string stuck = write("stuck", "late");
  HangingFile hanging(stuck);
  const auto wait_for_it = [&] {
    FileReader reader(1s);
    EXPECT_FALSE(reader.read(stuck, kMost));
  };
  std::promise<void> begins;
  std::thread other([&] {
    begins.set_value();
    wait_for_it();
  });
  begins.get_future().wait();
  wait_for_it();
  other.join();
  EXPECT_EQ(FileReader::stuck_threads(), 2u);
  hanging.answer();
}

}  // namespace
}  // namespace weir::test
