// FileReader: reads files that an operator names, bounded in size and in time. A file on a mount
// that hangs blocks the thread that opens it, for hours. Therefore a separate thread opens it; if
// that thread does not finish in time, the read fails and the thread is abandoned.
//
// Owner: one load, on its stack; one thread. After the first file that times out, the reader
// reads no further file: a load that fails anyway abandons one thread, not one per file. The
// process keeps the paths of its abandoned threads and does not try these paths again. Two threads
// that try a path at the same time may both hang on it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace weir {

class FileReader {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(5);

  explicit FileReader(Duration patience = kPatience) : patience_(patience) {}
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader();

  // The whole of a regular file; if it is larger than `most`, its first `most + 1` bytes. The error
  // is a reason without the path, such as strerror(3) has.
  Result<std::string> read(const std::string& path, size_t most);

  // Runs another file system call about `path`. `question` owns what it uses, because it may still
  // run after this has returned. Nullopt: it timed out.
  template <typename T>
  std::optional<T> ask(const std::string& path, std::function<T()> question) {
    const auto answer = std::make_shared<std::optional<T>>();
    if (!run(path, [answer, question = std::move(question)] { *answer = question(); }))
      return std::nullopt;
    return std::move(*answer);
  }

  // The path that timed out, or was not tried; empty: none.
  const std::string& silent() const { return silent_; }
  // Why the following paths are not read.
  std::string silence() const;

  // The number of threads of this process that are stuck.
  static size_t stuck_threads();

 private:
  struct Thread;
  bool run(const std::string& path, std::function<void()> job);

  const Duration patience_;
  std::string silent_;
  std::string not_tried_;  // why silent_ was not
  std::string no_thread_;  // why there is none
  std::shared_ptr<Thread> thread_;
};

}  // namespace weir
