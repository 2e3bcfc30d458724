// HangingFile: a file on which open(2) blocks, as on a hanging mount, until its lease (fcntl(2),
// F_SETLEASE) is released.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>

#include "base/file_reader.h"
#include "base/unique_fd.h"

namespace weir::test {

class HangingFile {
 public:
  // The file at `path` is there already.
  explicit HangingFile(const std::string& path) {
    ::signal(SIGIO, SIG_IGN);  // the kernel sends it to break the lease
    lease_.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::fcntl(lease_.get(), F_SETLEASE, F_WRLCK), 0);
  }
  // From now on open(2) succeeds. Returns when no thread is stuck on the file any more.
  void answer() {
    lease_.reset();
    while (FileReader::stuck_threads() > 0) std::this_thread::yield();
  }

 private:
  UniqueFd lease_;
};

}  // namespace weir::test
