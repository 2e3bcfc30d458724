// What the file may hold, for editors and for people, from the key table.
#pragma once

#include <string>

namespace weir::config {

// JSON Schema, draft 07: config/schema/weir.schema.json. It fits included files too, so at the top
// nothing is required.
std::string json_schema();
// config/README.md.
std::string reference_markdown();

}  // namespace weir::config
