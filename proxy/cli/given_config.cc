#include "cli/given_config.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "config/reader.h"

namespace weir::cli {
namespace {

constexpr const char* kName = "stdin";

// Returns 0, or the errno of the failure. Reads more than kMaxBytes if there is more, so that the
// parser reports the excess.
int read_all(std::string& text) {
  char block[16384];
  while (text.size() <= config::kMaxBytes) {
    const ssize_t n = ::read(STDIN_FILENO, block, sizeof block);
    if (n == 0) return 0;
    if (n > 0)
      text.append(block, static_cast<size_t>(n));
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

}  // namespace

std::string name_of(const std::string& path) {
  return path == "-" ? kName : path;
}

config::Loaded load_given(const std::string& path) {
  if (path != "-") return config::load(path, config::process_environment());
  std::string text;
  const int error = read_all(text);
  if (error == 0) return config::load_text(text, kName, config::process_environment());
  config::Loaded failed;
  config::Diagnostic found;
  found.code = "E001";
  found.file = kName;
  found.message = std::string("cannot read standard input: ") + std::strerror(error);
  failed.diagnostics.push_back(std::move(found));
  return failed;
}

}  // namespace weir::cli
