#include "base/log.h"

namespace weir {

thread_local constinit LogThread* LogThread::current_ = nullptr;

Result<PreparedLog> Log::prepare(const LogOptions& options) {
  PreparedLog prepared{options, {}};
  Result<LogOutput> messages = LogOutput::open(options.output);
  if (!messages) return messages.error();
  prepared.outputs.messages = std::move(*messages);
  prepared.outputs.shared = options.access_output == options.output;
  if (prepared.outputs.shared) return prepared;
  Result<LogOutput> access = LogOutput::open(options.access_output);
  if (!access) return access.error();
  prepared.outputs.access = std::move(*access);
  return prepared;
}

Log::Log(PreparedLog prepared)
    : format_(prepared.options.format), writer_(std::move(prepared.outputs), format_) {
  set(prepared.options);
}

void Log::apply(PreparedLog prepared) {
  writer_.replace(std::move(prepared.outputs));
  set(prepared.options);
}

void Log::set(const LogOptions& options) {
  level_.store(options.level, std::memory_order_relaxed);
  format_.store(options.format, std::memory_order_relaxed);
  access_format_.store(options.access_format, std::memory_order_relaxed);
  access_.store(options.access_output != "none", std::memory_order_relaxed);
}

LogThread::LogThread(Log& log) : log_(log), outer_(current_), ring_(log.writer_.add_ring()) {
  current_ = this;
}

LogThread::~LogThread() {
  CHECK(current_ == this);
  current_ = outer_;
  ring_->close();
}

void LogThread::message(LogLevel level, std::string_view event,
                        std::initializer_list<LogField> fields) {
  ring_->messages[size_t(level)].add();
  line_.begin(log_.format_.load(std::memory_order_relaxed), time_.now());
  line_.field(kv("level", text(level)));
  line_.field(kv("event", event));
  finish(LogKind::message, fields);
}

void LogThread::access(std::string_view event, std::initializer_list<LogField> fields) {
  line_.begin(log_.access_format_.load(std::memory_order_relaxed), time_.now());
  line_.field(kv("event", event));
  finish(LogKind::access, fields);
}

bool LogThread::access_common(const CommonLogEntry& entry) {
  const LogFormat format = log_.access_format_.load(std::memory_order_relaxed);
  if (format != LogFormat::common && format != LogFormat::combined) return false;
  log_.writer_.push(*ring_, LogKind::access, common_.format(format, std::time(nullptr), entry));
  return true;
}

void LogThread::finish(LogKind kind, std::initializer_list<LogField> fields) {
  for (const LogField& field : fields) line_.field(field);
  log_.writer_.push(*ring_, kind, line_.finish());
}

}  // namespace weir
