// The log: LOG(info, "listener.opened", kv("listener", name), kv("bind", address));
//
// A line is formatted by the thread that logs it, goes into that thread's own ring, and is written
// by one writer thread: no worker ever waits for a disk, a terminal or a pipe without a reader. A
// ring that is full drops the line and counts it. Arguments are not evaluated when the level is
// off. Events are stable nouns and verbs ("backend.down"); error = an operator must act, warn =
// degraded, info = lifecycle, debug = per session. Access lines (ACCESS_LOG) are a stream of their
// own.
#pragma once

#include <initializer_list>

#include "base/common_log.h"
#include "base/log_writer.h"

namespace weir {

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::logfmt;
  std::string output = "stderr";  // "none", "stderr", "stdout" or a path
  LogFormat access_format = LogFormat::logfmt;
  std::string access_output = "stderr";
};

// Options whose outputs are open: applying them cannot fail.
struct PreparedLog {
  LogOptions options;
  LogOutputs outputs;
};

// Owner: main. It outlives every LogThread; its destructor returns when the lines are written.
class Log {
 public:
  // Opens the outputs and changes nothing; the error names the path.
  static Result<PreparedLog> prepare(const LogOptions& options);

  explicit Log(PreparedLog prepared);

  // On reload. Lines logged from now on go to the new outputs; an output whose name stays is kept.
  void apply(PreparedLog prepared);
  // After a rotation (SIGUSR1): opens paths again. If that fails for a path, its old file stays in
  // use; the failure is reported and counted, and opening is tried again each second.
  void reopen() { writer_.reopen(); }
  LogCounts counts() const { return writer_.counts(); }

 private:
  friend class LogThread;
  void set(const LogOptions& options);

  std::atomic<LogLevel> level_;
  std::atomic<LogFormat> format_{};
  std::atomic<LogFormat> access_format_;
  std::atomic<bool> access_;
  LogWriter writer_;
};

// Lets the current thread log, for as long as it lives. Owner: the thread's own frame.
//
// A thread without a LogThread logs nothing: pure code and its tests need no log. The thread_local
// is the only global state in the program: the destination of a thread's lines is a property of the
// thread, and as a constructor argument it would be in every class.
class LogThread {
 public:
  explicit LogThread(Log& log);
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;
  ~LogThread();

  // This thread's log, or null when nothing of that level is wanted.
  static LogThread* at(LogLevel level) {
    LogThread* thread = current_;
    return thread && level <= thread->log_.level_.load(std::memory_order_relaxed) ? thread
                                                                                  : nullptr;
  }
  static LogThread* for_access() {
    LogThread* thread = current_;
    return thread && thread->log_.access_.load(std::memory_order_relaxed) ? thread : nullptr;
  }

  void message(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);
  void access(std::string_view event, std::initializer_list<LogField> fields);
  // A line of a request in the common format, if access lines have that format; else
  // false.
  [[nodiscard]] bool access_common(const CommonLogEntry& entry);

 private:
  void finish(LogKind kind, std::initializer_list<LogField> fields);

  static thread_local constinit LogThread* current_;

  Log& log_;
  LogThread* const outer_;
  std::shared_ptr<LogRing> ring_;
  LogTime time_;
  LogLine line_;
  CommonLogLine common_;
};

}  // namespace weir

#define LOG(level, event, ...)                                                            \
  do {                                                                                    \
    if (::weir::LogThread* log_thread = ::weir::LogThread::at(::weir::LogLevel::level)) { \
      log_thread->message(::weir::LogLevel::level, event, {__VA_ARGS__});                 \
    }                                                                                     \
  } while (false)

#define ACCESS_LOG(event, ...)                                             \
  do {                                                                     \
    if (::weir::LogThread* log_thread = ::weir::LogThread::for_access()) { \
      log_thread->access(event, {__VA_ARGS__});                            \
    }                                                                      \
  } while (false)
