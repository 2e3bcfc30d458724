#include "control/control.h"

namespace weir {

LogOptions log_options(const config::Logging& logging) {
  return {logging.level, logging.format, logging.output,
          logging.access.format.value_or(logging.format),
          logging.access.output.empty() ? logging.output : logging.access.output};
}

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace weir
