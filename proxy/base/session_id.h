// SessionId: names one client connection in logs and in the admin API, as "worker.serial".
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace weir {

struct SessionId {
  uint32_t worker = 0;
  uint64_t serial = 0;  // counts the sessions of the worker
};

inline std::string text(SessionId id) {
  return fmt::format("{}.{}", id.worker, id.serial);
}

}  // namespace weir
