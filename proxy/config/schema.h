// Describes the file for editors (JSON Schema) and for people (the reference), from the key table.
#pragma once

#include <string>

namespace weir::config {

// JSON Schema, draft 07: config/schema/weir.schema.json. Included files must pass it, too, so no
// key at the top is required.
std::string json_schema();
// config/README.md.
std::string reference_markdown();

}  // namespace weir::config
