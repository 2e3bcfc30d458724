#include "cli/version.h"

#include <string_view>

namespace weir::cli {

const char* version() {
  return WEIR_VERSION;
}

const char* revision() {
  return std::string_view(WEIR_REVISION).empty() ? "unknown" : WEIR_REVISION;
}

}  // namespace weir::cli
