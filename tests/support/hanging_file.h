// HangingFile: a file that does not answer, as on a mount that hangs: whoever opens it waits until
// the lease on it (fcntl(2), F_SETLEASE) is given back.
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
    ::signal(SIGIO, SIG_IGN);  // the kernel asks for the lease back
    lease_.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::fcntl(lease_.get(), F_SETLEASE, F_WRLCK), 0);
  }
  // From now on it answers. Returns when no thread is stuck on it any more.
  void answer() {
    lease_.reset();
    while (FileReader::stuck_threads() > 0) std::this_thread::yield();
  }

 private:
  UniqueFd lease_;
};

}  // namespace weir::test
