// FileReader: reads files that an operator names, bounded in size and in time. A file on a mount
// that hangs blocks whatever thread opens it, for hours; so another thread opens it, and when that
// does not answer in time it is left behind and the read fails.
//
// Owner: one load, on its stack; one thread. After the first file that does not answer, the reader
// answers no further question: a load that fails anyway leaves one thread behind, not one per file.
// Threads left behind are known by their path in the whole process: a path that one is stuck on is
// not tried again. Two that try a path at the same time may both be stuck on it.
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

  // The whole of a regular file, or its first `most + 1` bytes: it is larger than `most`. The error
  // is a reason without the path, such as strerror(3) has.
  Result<std::string> read(const std::string& path, size_t most);

  // Another question to the file system about `path`. `question` owns what it uses: it may still
  // run when this has returned. Nullopt: no answer in time.
  template <typename T>
  std::optional<T> ask(const std::string& path, std::function<T()> question) {
    const auto answer = std::make_shared<std::optional<T>>();
    if (!run(path, [answer, question = std::move(question)] { *answer = question(); }))
      return std::nullopt;
    return std::move(*answer);
  }

  // The path that did not answer, or was not tried; empty: none.
  const std::string& silent() const { return silent_; }
  // Why the other paths that follow are not read.
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
