#include "control/notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"

namespace weir {

Notify::Notify() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (socket != nullptr) socket_ = socket;
  ::unsetenv("NOTIFY_SOCKET");
}

void Notify::send(const std::string& message) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd)
    ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
             reinterpret_cast<sockaddr*>(&address), length);
}

void Notify::ready(const std::string& status) const {
  send("READY=1\nSTATUS=" + status);
}

void Notify::reloading() const {
  using namespace std::chrono;
  const auto now = duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now));
}

void Notify::stopping(const std::string& status) const {
  send("STOPPING=1\nSTATUS=" + status);
}

void Notify::extend(Duration by) const {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}",
                   std::chrono::duration_cast<std::chrono::microseconds>(by).count()));
}

}  // namespace weir
