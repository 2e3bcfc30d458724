#include "control/congestion_control.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/unique_fd.h"
#include "os/sys.h"

namespace weir {

int try_congestion_control(std::string_view algorithm) {
  UniqueFd fd(sys::socket(AF_INET));
  if (!fd) fd.reset(sys::socket(AF_INET6));
  if (!fd) return errno;
  const auto size = static_cast<socklen_t>(algorithm.size());
  return sys::set_option(fd.get(), IPPROTO_TCP, TCP_CONGESTION, algorithm.data(), size) == 0
             ? 0
             : errno;
}

}  // namespace weir
