#include "network/kernel.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <cstring>

#include "os/sys.h"

namespace weir::sim {
namespace {

Kernel* current_kernel = nullptr;
constexpr int kFirstDescriptor = 1 << 20;  // for the real kernel this is EBADF

int fail(int error) {
  errno = error;
  return -1;
}

}  // namespace

void SlotPipe::pop(size_t n) {
  bytes.pop(n);
  while (n > 0) {
    const size_t taken = std::min(n, slots.front());
    slots.front() -= taken;
    n -= taken;
    if (slots.front() == 0) slots.pop_front();
  }
}

Kernel::Kernel(Network& network) : network_(network), outer_(std::exchange(current_kernel, this)) {}

Kernel::~Kernel() {
  current_kernel = outer_;
}

Kernel& Kernel::current() {
  return *current_kernel;
}

void Kernel::take_time() {
  network_.pass(Duration(network_.random().below(2000)));
}

// The lowest free number, as in a real kernel: a closed number is reused at once.
int Kernel::add(Descriptor descriptor) {
  if (table_.size() >= limit_) {
    ++counts_.out_of_descriptors;
    return fail(network_.chance(500) ? EMFILE : ENFILE);
  }
  int fd = kFirstDescriptor;
  for (const auto& entry : table_) {
    if (entry.first != fd) break;
    ++fd;
  }
  descriptor.no_splice = network_.chance(network_.conditions().no_splice);
  table_[fd] = std::move(descriptor);
  return fd;
}

Kernel::Descriptor* Kernel::find(int fd, const char* call) {
  const auto found = table_.find(fd);
  if (found != table_.end()) return &found->second;
  violations_.push_back(fmt::format("{}: {} is not an open descriptor", call, fd));
  errno = EBADF;
  return nullptr;
}

int Kernel::open_listening(const Address& address) {
  return add({.endpoint = nullptr, .listening = network_.listen(address), .pipe = nullptr});
}

int Kernel::accept(int fd, sockaddr* address, socklen_t* length) {
  take_time();
  Descriptor* descriptor = find(fd, "accept");
  if (descriptor == nullptr) return -1;
  auto& queue = descriptor->listening->queue;
  if (queue.empty()) return fail(EAGAIN);
  if (table_.size() >= limit_) {
    ++counts_.out_of_descriptors;
    return fail(network_.chance(500) ? EMFILE : ENFILE);
  }
  auto endpoint = std::move(queue.front());
  queue.erase(queue.begin());
  if (network_.chance(network_.conditions().dead_accepts)) {
    endpoint->abort();
    return fail(ECONNABORTED);
  }
  ++counts_.accepted;
  if (address != nullptr) {
    sockaddr_storage storage;
    *length = endpoint->remote().to_sockaddr(storage);
    std::memcpy(address, &storage, *length);
  }
  return add({.endpoint = std::move(endpoint), .listening = nullptr, .pipe = nullptr});
}

int Kernel::socket(int) {
  take_time();
  return add({.endpoint = network_.make_endpoint(), .listening = nullptr, .pipe = nullptr});
}

int Kernel::connect(int fd, const Address& to) {
  take_time();
  Descriptor* descriptor = find(fd, "connect");
  if (descriptor == nullptr) return -1;
  const ConnectPlan plan = on_connect(to);
  if (plan.error_now != 0 || plan.error_later != 0) ++counts_.connect_errors;
  if (plan.error_now != 0) return fail(plan.error_now);
  std::weak_ptr<Endpoint> near = descriptor->endpoint;
  descriptor->endpoint->begin_connecting();
  if (plan.at_once) {
    establish(near, to);
    return 0;
  }
  if (plan.never)
    ++counts_.unanswered;
  else
    network_.after(plan.delay, [this, near, to, error = plan.error_later] {
      auto endpoint = near.lock();
      if (!endpoint) return;
      if (error != 0)
        endpoint->fail_connecting(error);
      else
        establish(near, to);
    });
  return fail(EINPROGRESS);
}

void Kernel::establish(std::weak_ptr<Endpoint> near, const Address& to) {
  auto endpoint = near.lock();
  if (!endpoint || endpoint->gone()) return;
  auto far = network_.make_endpoint();
  Endpoint::join(endpoint, far);
  on_connected(to, std::move(far));
}

bool Kernel::injects_block(Endpoint& endpoint, bool reading) {
  if (endpoint.gone() || endpoint.failed() || (reading && endpoint.fin_received())) return false;
  if (!network_.chance(network_.conditions().false_blocks)) return false;
  ++counts_.false_blocks;
  endpoint.wake_later();
  errno = EAGAIN;
  return true;
}

// The part of `size` that this call moves.
size_t Kernel::shortened(Endpoint& endpoint, size_t size, bool reading) {
  const size_t possible = std::min(size, reading ? endpoint.readable() : endpoint.room_to_send());
  if (possible < 2 || !network_.chance(network_.conditions().short_calls)) return size;
  ++counts_.short_calls;
  const bool reader_knows = reading && endpoint.fin_received();
  if (!reader_knows) endpoint.wake_later();
  return 1 + network_.random().below(possible - 1);
}

ssize_t Kernel::recv(int fd, char* to, size_t size) {
  take_time();
  Descriptor* descriptor = find(fd, "recv");
  if (descriptor == nullptr) return -1;
  Endpoint& endpoint = *descriptor->endpoint;
  if (injects_block(endpoint, true)) return -1;
  endpoint.set_urgent(false);
  return endpoint.recv(to, shortened(endpoint, size, true));
}

ssize_t Kernel::send(int fd, const char* from, size_t size) {
  take_time();
  Descriptor* descriptor = find(fd, "send");
  if (descriptor == nullptr) return -1;
  Endpoint& endpoint = *descriptor->endpoint;
  if (injects_block(endpoint, false)) return -1;
  return endpoint.send(from, shortened(endpoint, size, false));
}

ssize_t Kernel::splice(int from, int to, size_t size) {
  take_time();
  Descriptor* source = find(from, "splice from");
  Descriptor* sink = find(to, "splice to");
  if (source == nullptr || sink == nullptr) return -1;
  if (sink->pipe != nullptr) return splice_in(*source, *sink->pipe, size);
  return splice_out(*source->pipe, *sink->endpoint, size);
}

ssize_t Kernel::splice_in(Descriptor& from, SlotPipe& pipe, size_t size) {
  if (from.no_splice) return fail(EINVAL);
  Endpoint& endpoint = *from.endpoint;
  if (pipe.full() || injects_block(endpoint, true)) return fail(EAGAIN);
  if (endpoint.readable() == 0) {
    char none;
    return endpoint.recv(&none, 1);
  }
  // splice(2) stops there; only recv(2) continues. No edge follows.
  if (endpoint.urgent() || network_.chance(network_.conditions().urgent)) {
    endpoint.set_urgent(true);
    ++counts_.urgent;
    return endpoint.fin_received() ? 0 : fail(EAGAIN);
  }
  // Each slot holds the bytes of one packet, which may be very few.
  char packet[4096];
  size_t moved = 0;
  while (!pipe.full() && moved < size && endpoint.readable() > 0) {
    const size_t wanted = std::min(size - moved, 1 + network_.random().below(sizeof(packet)));
    const auto n = static_cast<size_t>(endpoint.recv(packet, wanted));
    pipe.bytes.push({packet, n});
    pipe.slots.push_back(n);
    moved += n;
  }
  counts_.spliced_bytes += moved;
  return static_cast<ssize_t>(moved);
}

ssize_t Kernel::splice_out(SlotPipe& pipe, Endpoint& to, size_t size) {
  if (pipe.bytes.empty()) return fail(EAGAIN);
  if (injects_block(to, false)) return -1;
  const size_t wanted = shortened(to, std::min(size, pipe.bytes.size()), false);
  const ssize_t n = to.send(pipe.bytes.view().data(), wanted);
  if (n > 0) pipe.pop(static_cast<size_t>(n));
  return n;
}

int Kernel::pipe(int ends[2]) {
  take_time();
  if (network_.chance(network_.conditions().no_pipes)) return fail(ENFILE);
  auto pipe = std::make_shared<SlotPipe>();
  pipe->capacity = 1 + network_.random().below(256);
  ends[0] = add({.endpoint = nullptr, .listening = nullptr, .pipe = pipe});
  if (ends[0] < 0) return -1;
  ends[1] = add({.endpoint = nullptr, .listening = nullptr, .pipe = pipe});
  if (ends[1] >= 0) return 0;
  table_.erase(ends[0]);
  return -1;
}

int Kernel::shutdown_write(int fd) {
  take_time();
  Descriptor* descriptor = find(fd, "shutdown");
  if (descriptor == nullptr) return -1;
  if (descriptor->endpoint->gone()) return fail(ENOTCONN);
  descriptor->endpoint->shutdown_write();
  return 0;
}

int Kernel::close(int fd) {
  take_time();
  Descriptor* descriptor = find(fd, "close");
  if (descriptor == nullptr) return -1;
  if (descriptor->watch != nullptr)
    violations_.push_back(fmt::format("close: {} is still watched (trap T3)", fd));
  const Descriptor closed = std::move(*descriptor);
  table_.erase(fd);
  if (closed.endpoint != nullptr)
    closed.linger_reset ? closed.endpoint->abort() : closed.endpoint->close();
  if (closed.listening != nullptr) {
    network_.unlisten(closed.listening->address);
    for (auto& waiting : closed.listening->queue) waiting->abort();
  }
  return 0;
}

int Kernel::set_option(int fd, int level, int name, const void* value) {
  Descriptor* descriptor = find(fd, "setsockopt");
  if (descriptor == nullptr) return -1;
  if (level != SOL_SOCKET || name != SO_LINGER) return 0;
  const auto* how = static_cast<const linger*>(value);
  descriptor->linger_reset = how->l_onoff != 0 && how->l_linger == 0;
  return 0;
}

int Kernel::take_error(int fd) {
  take_time();
  Descriptor* descriptor = find(fd, "getsockopt");
  return descriptor == nullptr ? EBADF : descriptor->endpoint->take_error();
}

int Kernel::unacknowledged(int fd) {
  take_time();
  Descriptor* descriptor = find(fd, "ioctl");
  return descriptor == nullptr ? 0 : static_cast<int>(descriptor->endpoint->unacknowledged());
}

int Kernel::open_reserve() {
  return add({.endpoint = nullptr, .listening = nullptr, .pipe = nullptr});
}

bool Kernel::watch(int fd, IoWatch* watch, std::function<void()> mark) {
  take_time();
  Descriptor* descriptor = find(fd, "epoll_ctl");
  if (descriptor == nullptr) return false;
  if (network_.chance(network_.conditions().refused_watches)) {
    ++counts_.refused_watches;
    return fail(network_.chance(500) ? ENOSPC : ENOMEM), false;
  }
  if (descriptor->watch != nullptr)
    violations_.push_back(fmt::format("epoll_ctl: {} is watched already", fd));
  descriptor->watch = watch;
  if (descriptor->endpoint != nullptr) descriptor->endpoint->set_waker(std::move(mark));
  return true;
}

void Kernel::unwatch(int fd, IoWatch* watch) {
  Descriptor* descriptor = find(fd, "epoll_ctl");
  if (descriptor == nullptr || descriptor->watch != watch) return;
  descriptor->watch = nullptr;
  if (descriptor->endpoint != nullptr) descriptor->endpoint->set_waker(nullptr);
}

uint32_t Kernel::mask(int fd) {
  Descriptor* descriptor = find(fd, "epoll_wait");
  if (descriptor == nullptr) return 0;
  if (descriptor->listening != nullptr)
    return descriptor->listening->queue.empty() ? 0u : uint32_t{EPOLLIN};
  return descriptor->endpoint == nullptr ? 0 : descriptor->endpoint->mask();
}

}  // namespace weir::sim

namespace weir::sys {

using sim::Kernel;

int accept(int fd, sockaddr* address, socklen_t* length) {
  return Kernel::current().accept(fd, address, length);
}
int socket(int family) {
  return Kernel::current().socket(family);
}
int listen(int, int) {
  return 0;  // the queues here are as long as need be
}
int connect(int fd, const sockaddr* address, socklen_t length) {
  return Kernel::current().connect(fd, Address::from(address, length));
}
ssize_t recv(int fd, void* to, size_t size) {
  return Kernel::current().recv(fd, static_cast<char*>(to), size);
}
socklen_t local_name(int, sockaddr_storage&) {
  return 0;
}
// For headers of the PROXY protocol, which no peer sends here.
ssize_t peek(int, void*, size_t) {
  errno = EAGAIN;
  return -1;
}
ssize_t send(int fd, const void* from, size_t size) {
  return Kernel::current().send(fd, static_cast<const char*>(from), size);
}
ssize_t send_two(int fd, const iovec (&parts)[2]) {
  std::string whole(static_cast<const char*>(parts[0].iov_base), parts[0].iov_len);
  whole.append(static_cast<const char*>(parts[1].iov_base), parts[1].iov_len);
  return Kernel::current().send(fd, whole.data(), whole.size());
}
ssize_t splice(int from, int to, size_t size) {
  return Kernel::current().splice(from, to, size);
}
int pipe(int ends[2], int) {
  return Kernel::current().pipe(ends);
}
int shutdown_write(int fd) {
  return Kernel::current().shutdown_write(fd);
}
int close(int fd) {
  return Kernel::current().close(fd);
}
int set_option(int fd, int level, int name, const void* value, socklen_t) {
  return Kernel::current().set_option(fd, level, name, value);
}
int take_error(int fd) {
  return Kernel::current().take_error(fd);
}
int unacknowledged(int fd) {
  return Kernel::current().unacknowledged(fd);
}
int open_reserve() {
  return Kernel::current().open_reserve();
}

}  // namespace weir::sys
