// LogOutput: the destination of lines: stderr, stdout, a file, or none. Owned by the log's writer
// thread.
//
// Never blocks: bytes that cannot be written now stay pending, up to kMaxPending; a line beyond
// that is refused whole. After an error (disk full, closed pipe, missing directory) last_error()
// returns its errno until the same operation succeeds; the output retries after kRetry. Pending
// bytes are kept, so a line that was half written is completed and not repeated.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"

namespace weir {

class LogOutput {
 public:
  static constexpr size_t kMaxPending = 256 * 1024;
  static constexpr Duration kRetry = 1s;

  LogOutput() = default;  // "none"
  // `name`: "none", "stderr", "stdout", the device of one of these, or a path, which is created if
  // need be and appended to.
  static Result<LogOutput> open(const std::string& name);

  const std::string& name() const { return name_; }
  bool discards() const { return kind_ == Kind::none; }
  bool append(std::string_view line);
  enum class Flush { done, blocked, failed };
  Flush flush(TimePoint now);
  // Writes pending bytes to the old file, and opens the path again. False: the old file is still in
  // use; reopens() until opening succeeds.
  bool reopen(TimePoint now);
  bool reopens() const { return open_error_ != 0; }
  // errno of the operation that fails now, opening or writing; 0: none.
  int last_error() const { return open_error_ != 0 ? open_error_ : write_error_; }

  bool pending() const { return written_ < pending_.size(); }
  uint64_t pending_lines() const;  // half written ones included
  int fd() const { return fd_; }
  TimePoint retry_at() const { return retry_at_; }    // meaningful after `failed`
  TimePoint reopen_at() const { return reopen_at_; }  // meaningful while it reopens()

 private:
  enum class Kind : uint8_t { none, file, stream, socket };

  void attach(int fd);
  ssize_t write_some();

  std::string name_ = "none";
  Kind kind_ = Kind::none;
  int fd_ = -1;
  UniqueFd owned_;  // not for stderr and stdout
  std::string pending_;
  size_t written_ = 0;
  TimePoint retry_at_{};
  TimePoint reopen_at_{};
  int write_error_ = 0;
  int open_error_ = 0;
};

}  // namespace weir
