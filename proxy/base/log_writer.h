// LogWriter: the one thread that writes log lines. It empties the rings of all threads into the
// outputs.
//
// Owner: Log. Threads: its own; push() from the ring's thread; the rest from the control thread.
// Sleeps in one poll(2), which ends when a producer writes to the eventfd or a blocked output
// becomes writable. After writing it pauses for kRest first: under load lines accumulate, and
// producers need no wake-up.
// An output that cannot be opened again or written to is reported at once, in the message log if
// that works, and on stderr; its recovery is reported too.
// The destructor writes the remaining lines, for at most kFlushLimit if an output is blocked.
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/log_output.h"
#include "base/log_ring.h"

namespace weir {

// Both outputs; access lines may share the output of the messages, so that lines do not mix.
struct LogOutputs {
  LogOutput messages;
  LogOutput access;
  bool shared = false;

  LogOutput& of(LogKind kind) { return kind == LogKind::access && !shared ? access : messages; }
};

struct LogCounts {
  std::array<uint64_t, kLogLevels> messages{};  // by level, dropped ones included
  uint64_t dropped_messages = 0;                // a full ring, or an output that is too slow
  uint64_t dropped_access = 0;
  // An output could not be opened again or written to; each further try counts.
  std::array<uint64_t, kLogKinds> output_errors{};
};

class LogWriter {
 public:
  static constexpr Duration kRest = 5ms;
  static constexpr Duration kFlushLimit = 1s;

  // `format`: of messages, read for each message; outlives the writer.
  LogWriter(LogOutputs outputs, const std::atomic<LogFormat>& format);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter();

  std::shared_ptr<LogRing> add_ring();
  void push(LogRing& ring, LogKind kind, std::string_view line);
  void replace(LogOutputs outputs);
  void reopen();
  LogCounts counts() const;

 private:
  enum class State : int { awake, resting, sleeping };
  struct Requests {
    std::optional<LogOutputs> outputs;
    bool reopen = false;
    bool stop = false;
  };

  void run();
  void request(auto&& change);
  void obey(Requests requests);
  void retire(LogOutput& output, LogKind kind);
  bool drain_rings();
  bool flush();  // whether no output has anything pending
  void flush_output(LogOutput& output, LogKind kind);
  void reopen_output(LogOutput& output, LogKind kind);
  void report_failure(LogOutput& output, LogKind kind);
  void report(const LogOutput& about, LogLevel level, std::string_view line);
  bool arrived_since(State state);
  void wait(State state, TimePoint limit);
  void wake();

  mutable std::mutex mutex_;  // rings_, requests_ and retired_; no worker takes it to log
  std::vector<std::shared_ptr<LogRing>> rings_;
  Requests requests_;
  LogCounts retired_;  // of destroyed rings

  std::atomic<State> state_{State::awake};
  UniqueFd wake_fd_;
  LogOutputs outputs_;  // the writer thread's
  LogOutput stderr_;    // for reports that the message log cannot take
  const std::atomic<LogFormat>& format_;
  LogTime time_;
  std::array<LogCounter, kLogKinds> refused_;
  std::array<LogCounter, kLogKinds> output_errors_;
  std::array<LogCounter, kLogLevels> reports_;
  std::array<bool, kLogKinds> failing_{};          // as reported
  std::array<uint64_t, kLogKinds> lost_before_{};  // lines, before the output failed
  pthread_t thread_{};  // started last: the thread uses all members above
};

}  // namespace weir
