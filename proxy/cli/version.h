// The version of this binary, set by the build. Constant.
#pragma once

namespace weir::cli {

const char* version();   // "0.2.0"
const char* revision();  // of the source; "unknown" outside a checkout

}  // namespace weir::cli
