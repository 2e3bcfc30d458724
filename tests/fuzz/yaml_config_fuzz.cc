// Any text as a configuration. weir reports a bounded number of errors; a valid configuration has
// the same meaning after it is written back.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/findings.h"
#include "config/load.h"
#include "config/plan.h"
#include "config/print.h"

namespace {

using namespace weir::config;

// A few variables for ${…}.
std::optional<std::string> variable(const std::string& name) {
  if (name == "A") return "127.0.0.1:80";
  if (name == "B") return "${A} \"'\n: [*&";
  if (name == "C") return "";
  return std::nullopt;
}

void check_diagnostics(const Loaded& loaded, std::string_view text) {
  CHECK(loaded.diagnostics.size() <= kShownDiagnostics + 1);
  for (const Diagnostic& d : loaded.diagnostics) {
    CHECK(!d.message.empty() && d.code.size() == 4);
    CHECK(d.line <= text.size() + 1 && d.column <= text.size() + 1);
    CHECK(d.source.empty() || d.line > 0);
  }
  CHECK(format_text(loaded.diagnostics, true).empty() == loaded.diagnostics.empty());
  CHECK(!format_json(loaded.diagnostics).empty());
  CHECK(format_github(loaded.diagnostics).empty() == loaded.diagnostics.empty());
}

void check_round_trip(const Loaded& loaded) {
  for (const std::string& yaml : {to_yaml(loaded.model), effective_yaml(loaded)}) {
    const Loaded again = load_text(yaml, "again.yaml", variable);
    if (!again.valid()) std::fputs((format_text(again.diagnostics, false) + yaml).c_str(), stderr);
    CHECK(again.valid());
    CHECK(again.hash == loaded.hash);
    CHECK(all_values(again.model) == all_values(loaded.model));
    CHECK(plan(loaded.model, again.model).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Loaded loaded = load_text(text, "fuzz.yaml", variable);
  check_diagnostics(loaded, text);
  if (loaded.valid()) check_round_trip(loaded);
  return 0;
}
