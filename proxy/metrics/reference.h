// The reference of all metrics as Markdown, from the table: grafana/README.md, to the letter.
#pragma once

#include <string>

namespace weir {

std::string metrics_reference_markdown();

}  // namespace weir
