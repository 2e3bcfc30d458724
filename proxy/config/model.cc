#include "config/model.h"

#include <fmt/format.h>

namespace weir::config {

std::string Model::where(const Location& at) const {
  if (at.line == 0 || at.file >= files.size()) return "";
  return fmt::format("{}:{}:{}", files[at.file], at.line, at.column);
}

}  // namespace weir::config
