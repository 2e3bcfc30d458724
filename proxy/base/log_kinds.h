// Properties of a log line: its level, its format, and the log that it belongs to.
#pragma once

#include "base/closed_list.h"

namespace weir {

#define WEIR_LOG_LEVELS(X) X(error) X(warn) X(info) X(debug)
WEIR_CLOSED_LIST(LogLevel, WEIR_LOG_LEVELS);
inline constexpr size_t kLogLevels = kListSize<LogLevel>;

// common and combined are formats of access lines only, see common_log.h; other lines are logfmt
// then.
#define WEIR_LOG_FORMATS(X) X(logfmt) X(json) X(common) X(combined)
WEIR_CLOSED_LIST(LogFormat, WEIR_LOG_FORMATS);

enum class LogKind : uint8_t { message, access };
constexpr auto list_names(LogKind) {
  return std::to_array<const char*>({"messages", "access"});
}
inline constexpr size_t kLogKinds = kListSize<LogKind>;

}  // namespace weir
