#include "support/load_server.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <memory>
#include <unordered_map>

namespace weir {
namespace {

using Behaviour = LoadServer::Behaviour;

struct Connection {
  Socket socket;
  size_t left = 0;      // of a source
  size_t offset = 0;    // of a source
  std::string pending;  // of an echo
  bool peer_finished = false;
  bool finished = false;
};

class Loop {
 public:
  Loop(Behaviour behaviour, size_t size, LoadServer::Counts& counts)
      : behaviour_(behaviour),
        size_(size),
        counts_(counts),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  void run(int listener, int stop) {
    add(listener, EPOLLIN);
    add(stop, EPOLLIN);
    for (;;) {
      std::array<epoll_event, 256> events;
      const int n = ::epoll_wait(epoll_.get(), events.data(), int(events.size()), -1);
      for (int i = 0; i < n; ++i) {
        const int fd = events[size_t(i)].data.fd;
        if (fd == stop) return;
        if (fd == listener) {
          accept(listener);
        } else {
          serve(fd);
        }
      }
    }
  }

 private:
  void add(int fd, uint32_t events) {
    epoll_event event{events, {}};
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void accept(int listener) {
    for (int fd; (fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      connections_[fd] = {Socket(fd), behaviour_ == Behaviour::source ? size_ : 0, 0, {}, false,
                          false};
      ++counts_.accepted;
      ++counts_.active;
      const uint32_t reads = behaviour_ == Behaviour::hold ? 0u : uint32_t{EPOLLIN};
      add(fd, reads | EPOLLOUT | EPOLLRDHUP | EPOLLET);
      serve(fd);
    }
  }

  void serve(int fd) {
    auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    Connection& c = found->second;
    if (behaviour_ == Behaviour::hold) {
      char byte;
      const ssize_t n = ::recv(fd, &byte, 1, MSG_PEEK);
      if (n < 0 && errno != EAGAIN) drop(found, true);
      return;
    }
    while (advance(c)) {
    }
    const bool reset = c.socket.end() == Socket::End::reset;
    if (reset || (c.peer_finished && c.finished)) drop(found, reset);
  }

  // Whether it moved a byte.
  bool advance(Connection& c) {
    bool moved = flush(c);
    if (!c.peer_finished && c.pending.empty() && c.socket.end() != Socket::End::reset) {
      const size_t n = c.socket.receive_some(buffer_.data(), buffer_.size());
      counts_.received += n;
      if (behaviour_ == Behaviour::echo) c.pending.assign(buffer_.data(), n);
      c.peer_finished = c.socket.end() == Socket::End::fin;
      moved |= n > 0;
    }
    const bool all_said = c.pending.empty() && c.left == 0;
    if (all_said && !c.finished && (c.peer_finished || behaviour_ == Behaviour::source)) {
      c.socket.finish();
      c.finished = true;
    }
    return moved && c.socket.end() != Socket::End::reset;
  }

  bool flush(Connection& c) {
    if (c.left > 0) {
      const size_t n = c.socket.send_some(pattern(c.offset, std::min<size_t>(c.left, 65536)));
      c.left -= n;
      c.offset += n;
      return n > 0;
    }
    if (c.pending.empty()) return false;
    const size_t n = c.socket.send_some(c.pending);
    c.pending.erase(0, n);
    return n > 0;
  }

  void drop(std::unordered_map<int, Connection>::iterator found, bool reset) {
    counts_.reset += reset;
    --counts_.active;
    connections_.erase(found);
  }

  Behaviour behaviour_;
  size_t size_;
  LoadServer::Counts& counts_;
  UniqueFd epoll_;
  std::array<char, 65536> buffer_;
  std::unordered_map<int, Connection> connections_;
};

}  // namespace

LoadServer::LoadServer(Behaviour behaviour, size_t size, Place place)
    : behaviour_(behaviour), size_(size), stop_(::eventfd(0, EFD_CLOEXEC)) {
  void* shared =
      ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  counts_ = new (shared) Counts{};
  if (place == Place::thread) {
    thread_ = std::thread([this] { serve(); });
    return;
  }
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  serve();
  ::_exit(0);
}

LoadServer::~LoadServer() {
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(stop_.get(), &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::munmap(counts_, sizeof(Counts));
}

void LoadServer::serve() {
  Loop(behaviour_, size_, *counts_).run(acceptor_.fd(), stop_.get());
}

bool LoadServer::wait_active(uint64_t n, Duration patience) const {
  const TimePoint until = std::chrono::steady_clock::now() + patience;
  while (counts_->active != n) {
    if (std::chrono::steady_clock::now() > until) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

}  // namespace weir
