#include "support/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/hash.h"

namespace weir {
namespace {

constexpr size_t kPatternPeriod = 1'000'003;  // prime: no buffer size divides it
constexpr size_t kPatternChunk = 65536;

const std::string& pattern_bytes() {
  static const std::string bytes = [] {
    std::string text(kPatternPeriod + kPatternChunk, '\0');
    uint32_t state = 2463534242u;
    for (size_t i = 0; i < kPatternPeriod; ++i) {
      state ^= state << 13, state ^= state >> 17, state ^= state << 5;
      text[i] = static_cast<char>(state);
    }
    std::memcpy(&text[kPatternPeriod], &text[0], kPatternChunk);
    return text;
  }();
  return bytes;
}

class Patience {
 public:
  explicit Patience(Duration length) : until_(std::chrono::steady_clock::now() + length) {}
  Duration left() const {
    return std::max<Duration>(until_ - std::chrono::steady_clock::now(), Duration::zero());
  }
  bool lost() const { return left() == Duration::zero(); }

 private:
  TimePoint until_;
};

// Moves as many bytes as possible now; returns whether any were moved.
bool step(Flow& flow) {
  bool moved = false;
  if (flow.sent < flow.size) {
    const size_t n = std::min(flow.size - flow.sent, kPatternChunk);
    const size_t sent = flow.from->send_some(pattern(flow.sent, n));
    flow.sent += sent;
    moved = sent > 0;
  }
  static thread_local std::array<char, kPatternChunk> buffer;
  const size_t room = std::min(flow.size - flow.received, buffer.size());
  if (room == 0) return moved;
  const size_t n = flow.to->receive_some(buffer.data(), room);
  flow.intact &= pattern(flow.received, n) == std::string_view(buffer.data(), n);
  flow.received += n;
  return moved || n > 0;
}

bool finished(const Flow& flow) {
  return flow.received == flow.size || !flow.intact;
}

// A non-blocking connect(2) to a UNIX socket with a full queue fails at once; this one waits for
// space.
Socket connect_unix(const Address& to, Duration patience) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  patience = std::max<Duration>(patience, 1us);  // zero would mean: for ever
  const timeval until{patience / 1s, patience % 1s / 1us};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &until, sizeof(until));
  sockaddr_storage storage;
  const socklen_t length = to.to_sockaddr(storage);
  const bool failed = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0;
  const int error = failed ? errno : 0;
  return Socket(fd.release(), error);
}

}  // namespace

bool wait_ready(int fd, short events, Duration patience) {
  const Patience until(patience);
  pollfd wanted{fd, events, 0};
  for (;;) {
    const int n = ::poll(&wanted, 1, static_cast<int>(until.left() / 1ms) + 1);
    if (n > 0) return true;
    if (n == 0 || errno != EINTR) return false;
  }
}

Socket::Socket(int fd, int error) : fd_(fd), error_(error) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

Socket Socket::begin_connecting(const Address& to) {
  Socket socket(::socket(to.socket_family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  const socklen_t length = to.to_sockaddr(storage);
  if (::connect(socket.fd(), reinterpret_cast<sockaddr*>(&storage), length) != 0 &&
      errno != EINPROGRESS) {
    socket.error_ = errno;
  }
  return socket;
}

Socket Socket::connect(const Address& to, Duration patience) {
  if (to.is_unix()) return connect_unix(to, patience);
  Socket socket = begin_connecting(to);
  if (!socket) return socket;
  if (!wait_ready(socket.fd(), POLLOUT, patience)) {
    socket.error_ = ETIMEDOUT;
    return socket;
  }
  socklen_t size = sizeof(socket.error_);
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &socket.error_, &size);
  if (socket.error_ == ECONNRESET) {  // it was connected, and is no longer
    socket.error_ = 0;
    socket.end_ = End::reset;
  }
  return socket;
}

Socket Socket::connect_from(const Address& from, const Address& to) {
  UniqueFd fd(::socket(to.socket_family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage here, there;
  const socklen_t size = from.to_sockaddr(here), other = to.to_sockaddr(there);
  const bool connected = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&here), size) == 0 &&
                         ::connect(fd.get(), reinterpret_cast<sockaddr*>(&there), other) == 0;
  const int error = connected ? 0 : errno;
  return Socket(fd.release(), error);
}

Address Socket::local() const {
  sockaddr_storage storage;
  socklen_t length = sizeof(storage);
  if (::getsockname(fd(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return Address::from(reinterpret_cast<sockaddr*>(&storage), length);
}

size_t Socket::send_some(std::string_view bytes) {
  const ssize_t n = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) end_ = End::reset;
  return n > 0 ? static_cast<size_t>(n) : 0;
}

size_t Socket::receive_some(char* to, size_t size) {
  const ssize_t n = ::recv(fd(), to, size, 0);
  if (n == 0 && size > 0) end_ = End::fin;
  if (n < 0 && errno != EAGAIN && errno != EINTR) end_ = End::reset;
  return n > 0 ? static_cast<size_t>(n) : 0;
}

bool Socket::send(std::string_view bytes, Duration patience) {
  const Patience until(patience);
  while (!bytes.empty()) {
    bytes.remove_prefix(send_some(bytes));
    if (end_ == End::reset) return false;
    if (!bytes.empty() && !wait_ready(fd(), POLLOUT, until.left())) return false;
  }
  return true;
}

size_t Socket::send_until_blocked(std::string_view chunk, Duration quiet) {
  size_t sent = 0;
  while (end_ != End::reset && wait_ready(fd(), POLLOUT, quiet)) sent += send_some(chunk);
  return sent;
}

std::string Socket::receive(size_t n, Duration patience) {
  const Patience until(patience);
  std::string bytes(n, '\0');
  size_t have = 0;
  while (have < n) {
    have += receive_some(bytes.data() + have, n - have);
    if (end_ != End::open || (have < n && !wait_ready(fd(), POLLIN, until.left()))) break;
  }
  bytes.resize(have);
  return bytes;
}

std::string Socket::receive_all(Duration patience) {
  const Patience until(patience);
  std::string bytes;
  std::array<char, 65536> buffer;
  while (end_ == End::open && !until.lost()) {
    const size_t n = receive_some(buffer.data(), buffer.size());
    bytes.append(buffer.data(), n);
    if (n == 0 && end_ == End::open && !wait_ready(fd(), POLLIN, until.left())) break;
  }
  return bytes;
}

Socket::End Socket::wait_end(Duration patience) {
  receive_all(patience);
  return end_;
}

bool Socket::silent(Duration for_so_long) {
  return end_ == End::open && !wait_ready(fd(), POLLIN, for_so_long);
}

void Socket::finish() {
  ::shutdown(fd(), SHUT_WR);
}

void Socket::reset() {
  const linger now{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  fd_.reset();
}

void Socket::shrink_buffers() {
  const int size = 65536;  // not below a loopback segment's size
  ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  ::setsockopt(fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

Acceptor::Acceptor() : Acceptor(free_address()) {}

Acceptor::Acceptor(const Address& at) {
  listen(at);
}

void Acceptor::listen(const Address& at) {
  fd_.reset(::socket(at.socket_family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (at.is_unix()) ::unlink(at.path().c_str());
  sockaddr_storage storage;
  socklen_t length = at.to_sockaddr(storage);
  CHECK(::bind(fd(), reinterpret_cast<sockaddr*>(&storage), length) == 0);
  CHECK(::listen(fd(), 4096) == 0);
  length = sizeof(storage);
  ::getsockname(fd(), reinterpret_cast<sockaddr*>(&storage), &length);
  address_ = at.is_unix() ? at : Address::from(reinterpret_cast<sockaddr*>(&storage), length);
}

FullQueue::FullQueue(const Acceptor& acceptor) {
  ::listen(acceptor.fd(), 0);
  for (int i = 0; i < 4; ++i) waiting_.push_back(Socket::begin_connecting(acceptor.address()));
}

Socket Acceptor::accept(Duration patience) {
  if (!wait_ready(fd(), POLLIN, patience)) return Socket();
  const int fd = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  return fd < 0 ? Socket() : Socket(fd);
}

// Below the range of ephemeral ports (32768 by default), of which concurrent tests use thousands. A
// lock reserves each port until this test ends.
Address free_address(const char* host) {
  constexpr uint16_t kFirst = 12'000, kPorts = 20'000;
  static uint64_t draws = 0;
  static std::vector<UniqueFd> locks;
  const auto seed = static_cast<uint64_t>(::getpid()) << 32;
  for (;;) {
    const auto port = static_cast<uint16_t>(kFirst + mix(seed + ++draws) % kPorts);
    const std::string lock = "/tmp/weir-test-port-" + std::to_string(port);
    UniqueFd locked(::open(lock.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666));
    if (!locked || ::flock(locked.get(), LOCK_EX | LOCK_NB) != 0) continue;
    const Result<Address> address = Address::parse(std::string(host) + ":" + std::to_string(port));
    CHECK(address);
    const UniqueFd fd(::socket(address->socket_family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t length = address->to_sockaddr(storage);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length) != 0) continue;
    locks.push_back(std::move(locked));
    return *address;
  }
}

std::string_view pattern(size_t offset, size_t size) {
  CHECK(size <= kPatternChunk);
  return {pattern_bytes().data() + offset % kPatternPeriod, size};
}

bool run_flows(std::vector<Flow> flows, Duration patience) {
  const Patience until(patience);
  while (!std::all_of(flows.begin(), flows.end(), finished)) {
    bool moved = false;
    for (Flow& flow : flows) moved |= step(flow);
    if (moved) continue;
    std::vector<pollfd> wanted;
    for (const Flow& flow : flows) {
      // The FIN of a receiver does not mean that it will not read.
      if (flow.from->end() == Socket::End::reset && flow.sent < flow.size) return false;
      if (flow.to->end() != Socket::End::open && flow.received < flow.size) return false;
      if (flow.sent < flow.size) wanted.push_back({flow.from->fd(), POLLOUT, 0});
      if (flow.received < flow.size) wanted.push_back({flow.to->fd(), POLLIN, 0});
    }
    if (until.lost()) return false;
    ::poll(wanted.data(), wanted.size(), static_cast<int>(until.left() / 1ms) + 1);
  }
  return std::all_of(flows.begin(), flows.end(), [](const Flow& flow) { return flow.intact; });
}

}  // namespace weir
