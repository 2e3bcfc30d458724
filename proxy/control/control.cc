#include "control/control.h"

namespace weir {
namespace {

LogFormat log_format(config::LogFormat format) {
  switch (format) {
    case config::LogFormat::logfmt: return LogFormat::logfmt;
    case config::LogFormat::json: return LogFormat::json;
  }
  CHECK_UNREACHABLE();
}

LogFormat log_format(config::AccessFormat format) {
  switch (format) {
    case config::AccessFormat::logfmt: return LogFormat::logfmt;
    case config::AccessFormat::json: return LogFormat::json;
    case config::AccessFormat::common: return LogFormat::common;
    case config::AccessFormat::combined: return LogFormat::combined;
  }
  CHECK_UNREACHABLE();
}

LogLevel log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::error: return LogLevel::error;
    case config::LogLevel::warn: return LogLevel::warn;
    case config::LogLevel::info: return LogLevel::info;
    case config::LogLevel::debug: return LogLevel::debug;
  }
  CHECK_UNREACHABLE();
}

}  // namespace

LogOptions log_options(const config::Logging& logging) {
  return {log_level(logging.level), log_format(logging.format), logging.output,
          logging.access.format ? log_format(*logging.access.format) : log_format(logging.format),
          logging.access.output.empty() ? logging.output : logging.access.output};
}

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace weir
