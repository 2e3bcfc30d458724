#include "control/listen_socket.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <cstring>

#include "net/keepalive.h"
#include "os/sys.h"

namespace weir {
namespace {

bool set(int fd, int level, int name, int value) {
  return sys::set_option(fd, level, name, value) == 0;
}

Error failure(const Address& address, const char* what, int error) {
  std::string text = fmt::format("cannot {} {}: {}", what, address.text(), std::strerror(error));
  if (error == EMFILE) text += "; raise the limit (LimitNOFILE= of the unit, ulimit -n)";
  if (address.is_unix()) return Error{text + unix_socket_advice(address, error), ""};
  if (error == EADDRINUSE) text += "; another process listens there (see it with: ss -ltnp)";
  if (error == EACCES) text += "; ports below 1024 need CAP_NET_BIND_SERVICE";
  if (error == EADDRNOTAVAIL) text += "; this machine does not have that address";
  if (error == EAFNOSUPPORT) text += "; this kernel has no IPv6: write an IPv4 address";
  return Error{text, ""};
}

bool set_tcp_options(int fd, const Address& address, const ListenOptions& options) {
  // Set explicitly, because net.ipv6.bindv6only is the default: [::] means both families, any other
  // address only its own.
  sockaddr_in6 v6;
  sockaddr_storage storage;
  address.to_sockaddr(storage);
  std::memcpy(&v6, &storage, sizeof(v6));
  if (address.family() == Address::Family::ipv6 &&
      !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr) ? 0 : 1))
    return false;
  const std::string& algorithm = options.congestion_control;
  return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
         (!options.reuse_port || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
         set(fd, IPPROTO_TCP, TCP_NODELAY, 1) && set_keepalive(fd, options.keepalive) &&
         (algorithm.empty() || sys::set_option(fd, IPPROTO_TCP, TCP_CONGESTION, algorithm.data(),
                                               static_cast<socklen_t>(algorithm.size())) == 0);
}

// `error`: the errno of the call that failed.
Result<UniqueFd> bind_exactly(const Address& address, const ListenOptions& options, int& error) {
  const auto failed = [&](const char* what) {
    error = errno;
    return failure(address, what, error);
  };
  UniqueFd fd(sys::socket(address.socket_family()));
  if (!fd) return failed("open a socket for");
  if (address.is_ip() && !set_tcp_options(fd.get(), address, options))
    return failed(options.congestion_control.empty()
                      ? "set the options of"
                      : "set the options (is congestion_control known to this kernel?) of");
  if (address.is_unix()) {
    if (Result<void> bound = bind_unix_socket(fd.get(), address, options.permissions); !bound)
      return bound.error();
    return fd;
  }
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) return failed("bind");
  return fd;
}

Address all_of_ipv4(uint16_t port) {
  return Address::parse("0.0.0.0:0")->with_port(port);
}

}  // namespace

Result<UniqueFd> bind_socket(const Address& address, const ListenOptions& options) {
  int error = 0;
  Result<UniqueFd> fd = bind_exactly(address, options, error);
  const bool no_ipv6 = !fd && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
  if (no_ipv6 && address == Address::any(address.port()))
    return bind_exactly(all_of_ipv4(address.port()), options, error);
  return fd;
}

Result<UniqueFd> open_listening_socket(const Address& address, const ListenOptions& options) {
  Result<UniqueFd> fd = bind_socket(address, options);
  if (!fd) return fd;
  const SocketFile made = socket_file(address);
  if (Result<void> done = start_listening(fd->get(), address, options); !done) {
    unlink_if_same(address, made);
    return done.error();
  }
  return fd;
}

Result<void> start_listening(int fd, const Address& address, const ListenOptions& options) {
  if (sys::listen(fd, options.backlog) != 0) return failure(address, "listen on", errno);
  return {};
}

Address local_address(int fd) {
  sockaddr_storage storage;
  socklen_t length = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return Address();
  return Address::from(reinterpret_cast<sockaddr*>(&storage), length);
}

}  // namespace weir
