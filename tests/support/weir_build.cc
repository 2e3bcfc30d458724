#include "support/weir_build.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace weir {
namespace {

struct WeirBuild {
  std::string folder, binary;
  bool sanitized = false;
};

WeirBuild find_build() {
  const char* other = std::getenv("WEIR_BUILD");
  WeirBuild build;
  build.folder = other != nullptr ? other : WEIR_BUILD_FOLDER;
  build.binary = build.folder + "/weir";
  std::ifstream sanitizers(build.folder + "/tests/sanitizers");
  if (!sanitizers) throw std::runtime_error("no build of weir with tests: " + build.folder);
  std::string name;
  build.sanitized = bool(sanitizers >> name);
  return build;
}

const WeirBuild& the_build() {
  static const WeirBuild build = find_build();
  return build;
}

}  // namespace

const std::string& weir_binary() {
  return the_build().binary;
}

std::string weir_module(const std::string& name) {
  return the_build().folder + "/tests/libweir_" + name + ".so";
}

bool weir_is_sanitized() {
  return the_build().sanitized;
}

}  // namespace weir
