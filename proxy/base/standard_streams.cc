#include "base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace weir {
namespace {

// open(2) returns the lowest free number: opened in ascending order, each stream gets its own
// number.
bool open_if_closed(int fd) {
  if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) return false;
  const int opened = ::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
  if (opened >= 0 && opened != fd) ::close(opened);
  return true;
}

}  // namespace

std::string ClosedStreams::text() const {
  std::string names;
  const auto add = [&](bool closed, const char* name) {
    if (closed) names += (names.empty() ? "" : ", ") + std::string(name);
  };
  add(in, "stdin");
  add(out, "stdout");
  add(err, "stderr");
  return names;
}

ClosedStreams open_standard_streams() {
  ClosedStreams closed;
  closed.in = open_if_closed(STDIN_FILENO);
  closed.out = open_if_closed(STDOUT_FILENO);
  closed.err = open_if_closed(STDERR_FILENO);
  return closed;
}

}  // namespace weir
