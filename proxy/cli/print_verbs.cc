// The verbs without side effects: version, completion, man, metrics-reference.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/completion.h"
#include "cli/man.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "metrics/reference.h"

namespace weir::cli {

int run_version(bool json, const Console& console) {
  if (json) {
    nlohmann::ordered_json document{{"version", version()}, {"revision", revision()}};
    console.print(document.dump() + "\n");
  } else {
    console.print(fmt::format("weir {} ({})\n", version(), revision()));
  }
  return kOk;
}

int run_completion(const std::string& shell, const CommandDescription& program,
                   const Console& console) {
  if (shell == "bash") console.print(bash_completion(program));
  if (shell == "zsh") console.print(zsh_completion(program));
  if (shell == "fish") console.print(fish_completion(program));
  return kOk;
}

int run_man(const CommandDescription& program, const Console& console) {
  console.print(man_page(program, version()));
  return kOk;
}

int run_metrics_reference(const Console& console) {
  console.print(metrics_reference_markdown());
  return kOk;
}

}  // namespace weir::cli
