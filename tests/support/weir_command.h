// The binary as a shell runs it: one command to its end, with its exit code and both outputs.
#pragma once

#include <string>
#include <vector>

namespace weir {

struct CommandOutcome {
  int code = -1;  // -1: ended by a signal
  std::string out, err;
};

// `weir ARGUMENTS`, through a shell, in `directory`, with an environment without variables of weir,
// except `admin` as WEIR_ADMIN, unless that is empty, and `environment`: "NAME=value".
CommandOutcome run_weir(const std::string& arguments, const std::string& directory,
                        const std::string& admin = {},
                        const std::vector<std::string>& environment = {});

}  // namespace weir
