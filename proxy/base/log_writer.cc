#include "base/log_writer.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/thread.h"

namespace weir {
namespace {

TimePoint now() {
  return std::chrono::steady_clock::now();
}

const char* fix_for(const LogOutput& output) {
  if (output.reopens())
    return "make its directory, writable for weir; lines go to the old file until then";
  const bool full = output.last_error() == ENOSPC || output.last_error() == EDQUOT;
  return full ? "make room on its disk"
              : "check the process that reads it; for a file, send SIGUSR1";
}

void add_counts(LogCounts& sum, const LogRing& ring) {
  for (size_t i = 0; i < kLogLevels; ++i) sum.messages[i] += ring.messages[i].value();
  sum.dropped_messages += ring.dropped[size_t(LogKind::message)].value();
  sum.dropped_access += ring.dropped[size_t(LogKind::access)].value();
}

}  // namespace

LogWriter::LogWriter(LogOutputs outputs, const std::atomic<LogFormat>& format)
    : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      outputs_(std::move(outputs)),
      stderr_(std::move(*LogOutput::open("stderr"))),
      format_(format) {
  CHECK(wake_fd_);
  CHECK(start_thread(thread_, [this] { run(); }) == 0);
  ::pthread_setname_np(thread_, "weir-log");
}

LogWriter::~LogWriter() {
  request([](Requests& requests) { requests.stop = true; });
  ::pthread_join(thread_, nullptr);
}

std::shared_ptr<LogRing> LogWriter::add_ring() {
  auto ring = std::make_shared<LogRing>();
  std::lock_guard lock(mutex_);
  rings_.push_back(ring);
  return ring;
}

void LogWriter::push(LogRing& ring, LogKind kind, std::string_view line) {
  if (!ring.push(kind, line)) ring.dropped[size_t(kind)].add();
  switch (state_.load()) {
    case State::awake: return;
    case State::resting:
      if (ring.used() <= LogRing::kCapacity / 2) return;
      break;
    case State::sleeping: break;
  }
  // Only one of several producers writes to the eventfd.
  if (state_.exchange(State::awake) != State::awake) wake();
}

void LogWriter::replace(LogOutputs outputs) {
  request([&](Requests& requests) { requests.outputs = std::move(outputs); });
}

void LogWriter::reopen() {
  request([](Requests& requests) { requests.reopen = true; });
}

LogCounts LogWriter::counts() const {
  std::lock_guard lock(mutex_);
  LogCounts sum = retired_;
  for (const auto& ring : rings_) add_counts(sum, *ring);
  sum.dropped_messages += refused_[size_t(LogKind::message)].value();
  sum.dropped_access += refused_[size_t(LogKind::access)].value();
  for (size_t i = 0; i < kLogLevels; ++i) sum.messages[i] += reports_[i].value();
  for (size_t i = 0; i < kLogKinds; ++i) sum.output_errors[i] = output_errors_[i].value();
  return sum;
}

void LogWriter::request(auto&& change) {
  {
    std::lock_guard lock(mutex_);
    change(requests_);
  }
  wake();
}

void LogWriter::wake() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the writer is awake anyway.
  [[maybe_unused]] ssize_t n = ::write(wake_fd_.get(), &one, sizeof one);
}

void LogWriter::run() {
  TimePoint stop_by = kNever;
  for (;;) {
    bool any = false;
    {
      // One critical section: a line that was logged after a request is drained after the
      // request was carried out. Only opening a file on SIGUSR1 waits in it.
      std::lock_guard lock(mutex_);
      if (std::exchange(requests_.stop, false)) stop_by = now() + kFlushLimit;
      obey(std::exchange(requests_, {}));
      any = drain_rings();
    }
    const bool empty = flush();
    if (stop_by != kNever && !any && (empty || now() >= stop_by)) return;
    wait(any ? State::resting : State::sleeping, stop_by);
  }
}

void LogWriter::obey(Requests requests) {
  if (requests.outputs) {
    LogOutputs& fresh = *requests.outputs;
    const bool keep_access =
        !fresh.shared && !outputs_.shared && fresh.access.name() == outputs_.access.name();
    // An output whose name stays keeps its pending bytes.
    if (fresh.messages.name() == outputs_.messages.name()) {
      std::swap(fresh.messages, outputs_.messages);
    }
    if (keep_access) std::swap(fresh.access, outputs_.access);
    std::swap(fresh, outputs_);
    retire(fresh.messages, LogKind::message);
    retire(fresh.access, LogKind::access);
    for (const LogKind kind : {LogKind::message, LogKind::access})
      failing_[size_t(kind)] &= outputs_.of(kind).last_error() != 0;
    requests.reopen |= outputs_.messages.reopens() || outputs_.access.reopens();
  }
  if (!requests.reopen) return;
  reopen_output(outputs_.messages, LogKind::message);
  if (!outputs_.shared) reopen_output(outputs_.access, LogKind::access);
}

void LogWriter::reopen_output(LogOutput& output, LogKind kind) {
  if (!output.reopen(now())) output_errors_[size_t(kind)].add();
}

// Reports the beginning and the end of a failure, once each.
void LogWriter::report_failure(LogOutput& output, LogKind kind) {
  const int error = output.last_error();
  const size_t i = size_t(kind);
  if ((error != 0) == failing_[i]) return;
  failing_[i] = error != 0;
  const uint64_t lost = refused_[i].value() - lost_before_[i];
  if (error != 0) lost_before_[i] = refused_[i].value();
  const LogLevel level = error != 0 ? LogLevel::error : LogLevel::info;
  LogLine line;
  line.begin(format_.load(std::memory_order_relaxed), time_.now());
  line.field(kv("level", text(level)));
  line.field(kv("event", error != 0 ? "log.output_failed" : "log.output_works_again"));
  line.field(kv("log", text(kind)));
  line.field(kv("output", output.name()));
  line.field(kv_if(error != 0, "error", std::strerror(error)));
  line.field(kv_if(error != 0, "fix", fix_for(output)));
  line.field(kv_if(error == 0, "lost_lines", lost));
  report(output, level, line.finish());
}

void LogWriter::report(const LogOutput& about, LogLevel level, std::string_view line) {
  reports_[size_t(level)].add();
  LogOutput& messages = outputs_.messages;
  const bool works = messages.last_error() == 0 && !messages.discards();
  if (works && !messages.append(line)) refused_[size_t(LogKind::message)].add();
  if (works && messages.name() == "stderr") return;
  if (about.name() != "stderr") stderr_.append(line);
}

void LogWriter::retire(LogOutput& output, LogKind kind) {
  flush_output(output, kind);
  refused_[size_t(kind)].add(output.pending_lines());
}

bool LogWriter::drain_rings() {
  bool any = false;
  std::erase_if(rings_, [&](const std::shared_ptr<LogRing>& ring) {
    const bool closed = ring->closed();  // before the last look into it
    any |= ring->drain([&](LogKind kind, std::string_view line) {
      if (!outputs_.of(kind).append(line)) refused_[size_t(kind)].add();
    });
    if (closed) add_counts(retired_, *ring);
    return closed;
  });
  return any;
}

bool LogWriter::flush() {
  for (const LogKind kind : {LogKind::access, LogKind::message}) {
    if (kind == LogKind::access && outputs_.shared) continue;
    LogOutput& output = outputs_.of(kind);
    if (output.reopens() && now() >= output.reopen_at()) reopen_output(output, kind);
    flush_output(output, kind);
    report_failure(output, kind);
  }
  flush_output(outputs_.messages, LogKind::message);  // the reports above
  (void)stderr_.flush(now());
  return !outputs_.messages.pending() && !outputs_.access.pending() && !stderr_.pending();
}

void LogWriter::flush_output(LogOutput& output, LogKind kind) {
  const TimePoint before = output.retry_at();
  if (output.flush(now()) == LogOutput::Flush::failed && output.retry_at() != before)
    output_errors_[size_t(kind)].add();
}

bool LogWriter::arrived_since(State state) {
  const uint64_t enough = state == State::resting ? LogRing::kCapacity / 2 : 0;
  std::lock_guard lock(mutex_);
  return std::any_of(rings_.begin(), rings_.end(),
                     [&](const auto& ring) { return ring->used() > enough; });
}

void LogWriter::wait(State state, TimePoint limit) {
  state_.store(state);
  if (!arrived_since(state)) {
    TimePoint until = state == State::resting ? std::min(limit, now() + kRest) : limit;
    pollfd fds[4] = {
        {wake_fd_.get(), POLLIN, 0}, {-1, POLLOUT, 0}, {-1, POLLOUT, 0}, {-1, POLLOUT, 0}};
    int i = 1;
    for (LogOutput* output : {&outputs_.messages, &outputs_.access, &stderr_}) {
      if (output->reopens()) until = std::min(until, output->reopen_at());
      if (!output->pending()) continue;
      const bool failed = now() < output->retry_at();
      if (failed) until = std::min(until, output->retry_at());
      if (!failed) fds[i++].fd = output->fd();
    }
    const Duration left = until == kNever ? Duration(-1) : std::max(until - now(), Duration(0));
    const int timeout = until == kNever ? -1 : static_cast<int>(left / 1ms) + 1;
    ::poll(fds, std::size(fds), timeout);
  }
  state_.store(State::awake);
  uint64_t wakes = 0;
  [[maybe_unused]] ssize_t n = ::read(wake_fd_.get(), &wakes, sizeof wakes);
}

}  // namespace weir
