// The load and the backends of tests/bench/compare.py: one thread, epoll, 127.0.0.1 only.
//
//   weir_bench_load backend ECHO_PORT SOURCE_PORT         until it is killed
//   weir_bench_load MODE PORT CONNECTIONS WARMUP SECONDS PID[,PID...]
//
// MODE is echo (a message there and back, again and again), connrate (connect, one message there
// and back, close), bulk (read what the source sends) or idle (one message there and back on each
// connection, then hold all of them until stdin is closed). A client prints one line of JSON:
// units (messages, connections, bytes, open connections), seconds, errors, and cpu_ns, the time
// that the threads of the PIDs were on a core between the two edges of the measured window.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kMessage = 64;
constexpr int kOpening = 128;            // connections without their first answer, at most
constexpr std::uint64_t kTooMany = 100;  // errors; there is nothing to measure then
constexpr int kNow = MSG_DONTWAIT | MSG_NOSIGNAL;
constexpr auto kIdleLimit = std::chrono::seconds(30);

std::array<char, 256 * 1024> g_buffer{};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set_no_delay(int fd) {
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void watch(int epoll, int operation, int fd, epoll_event event) {
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) die("epoll_ctl");
}

// ---- backends

struct Peer {
  int fd = -1;
  bool listens = false;
  bool is_source = false;
};

void listen_on(int epoll, int port, bool is_source) {
  auto* listener = new Peer{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), true, is_source};
  const int one = 1;
  ::setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = loopback(port);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(listener->fd, generic, sizeof address) != 0) die("bind");
  if (::listen(listener->fd, 4096) != 0) die("listen");
  watch(epoll, EPOLL_CTL_ADD, listener->fd, {EPOLLIN, {.ptr = listener}});
}

void accept_one(int epoll, const Peer& listener) {
  const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  set_no_delay(fd);
  watch(epoll, EPOLL_CTL_ADD, fd, {EPOLLIN, {.ptr = new Peer{fd, false, listener.is_source}}});
}

// Whether the connection goes on.
bool serve(int epoll, Peer& peer, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    for (int turn = 0; turn < 8; ++turn) {
      if (::send(peer.fd, g_buffer.data(), g_buffer.size(), kNow) < 0) return errno == EAGAIN;
    }
  }
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return true;
  const ssize_t got = ::recv(peer.fd, g_buffer.data(), g_buffer.size(), MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  if (!peer.is_source) {
    return ::send(peer.fd, g_buffer.data(), static_cast<std::size_t>(got), kNow) == got;
  }
  watch(epoll, EPOLL_CTL_MOD, peer.fd, {EPOLLIN | EPOLLOUT, {.ptr = &peer}});
  return true;
}

[[noreturn]] void run_backends(int echo_port, int source_port) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  listen_on(epoll, echo_port, false);
  listen_on(epoll, source_port, true);
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto* peer = static_cast<Peer*>(event.data.ptr);
      if (peer->listens) {
        accept_one(epoll, *peer);
      } else if (!serve(epoll, *peer, event.events)) {
        ::close(peer->fd);
        delete peer;
      }
    }
  }
}

// ---- clients

struct Connection {
  int fd = -1;
  std::size_t missing = 0;  // of the answer
  bool answered = false;    // once at least
};

struct Sample {
  Clock::time_point at;
  std::uint64_t units = 0;
  std::uint64_t cpu_ns = 0;
};

class Client {
 public:
  Client(std::string_view mode, int port, int connections, std::string pids)
      : mode_(mode), address_(loopback(port)), wanted_(connections), pids_(std::move(pids)) {}

  void run(Seconds warmup, Seconds measured) {
    const Clock::time_point start = Clock::now();
    while (Clock::now() - start < warmup && errors_ < kTooMany) turn();
    const Sample before = sample();
    while (Clock::now() - before.at < measured && errors_ < kTooMany) turn();
    print(before, sample());
  }

  // 0 when every connection was there to the end.
  int hold() {
    const Sample before = sample();
    const auto all = static_cast<std::uint64_t>(wanted_);
    while (units_ < all && errors_ == 0 && Clock::now() - before.at < kIdleLimit) turn();
    print(before, sample());
    watch(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, {EPOLLIN, {.ptr = nullptr}});
    while (!stdin_closed_ && errors_ == 0) turn();
    return units_ == all && errors_ == 0 ? 0 : 1;
  }

 private:
  void turn() {
    while (open_ < wanted_ && opening_ < kOpening && errors_ < kTooMany) {
      connections_.push_back(std::make_unique<Connection>());
      ++open_;
      open(*connections_.back());
    }
    std::array<epoll_event, 256> events{};
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 10);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (connection == nullptr) {
        stdin_closed_ = true;
      } else {
        readable(*connection);
      }
    }
  }

  // The handshake is the kernel's and on loopback done at once: connect() need not be asynchronous.
  void open(Connection& connection) {
    connection = {::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0, false};
    if (connection.fd < 0) die("socket");
    set_no_delay(connection.fd);
    ++opening_;
    const auto* generic = reinterpret_cast<const sockaddr*>(&address_);
    if (::connect(connection.fd, generic, sizeof address_) != 0) return fail(connection, "connect");
    watch(epoll_, EPOLL_CTL_ADD, connection.fd, {EPOLLIN, {.ptr = &connection}});
    ask(connection);
  }

  void ask(Connection& connection) {
    const std::size_t size = mode_ == "bulk" ? 1 : kMessage;
    connection.missing = size;
    if (::send(connection.fd, g_buffer.data(), size, kNow) != static_cast<ssize_t>(size)) {
      fail(connection, "send");
    }
  }

  void readable(Connection& connection) {
    const bool bulk = mode_ == "bulk";  // its bytes are dropped in the kernel
    const ssize_t got = bulk ? ::recv(connection.fd, nullptr, 4 << 20, MSG_DONTWAIT | MSG_TRUNC)
                             : ::recv(connection.fd, g_buffer.data(), kMessage, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) return fail(connection, "recv");
    const auto size = static_cast<std::size_t>(got);
    if (!connection.answered) --opening_;
    connection.answered = true;
    if (bulk) {
      units_ += size;
      return;
    }
    if (size > connection.missing) return fail(connection, "more than was sent");
    connection.missing -= size;
    if (connection.missing == 0) answered(connection);
  }

  void answered(Connection& connection) {
    ++units_;
    if (mode_ == "echo") {
      ask(connection);
    } else if (mode_ == "connrate") {
      ::close(connection.fd);
      open(connection);
    }
  }

  // The next turn opens another one in its place.
  void fail(Connection& connection, const char* what) {
    if (errors_++ == 0) std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    if (!connection.answered) --opening_;
    ::close(connection.fd);
    --open_;
  }

  Sample sample() const {
    Sample result{Clock::now(), units_, 0};
    std::istringstream list(pids_);
    for (std::string pid; std::getline(list, pid, ',');) {
      std::error_code gone;
      for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", gone)) {
        std::uint64_t on_core = 0;
        std::ifstream(task.path() / "schedstat") >> on_core;
        result.cpu_ns += on_core;
      }
      if (gone) die("schedstat of the proxy");
    }
    return result;
  }

  void print(const Sample& before, const Sample& after) const {
    std::printf("{\"units\": %ju, \"seconds\": %.6f, \"errors\": %ju, \"cpu_ns\": %ju}\n",
                std::uintmax_t{after.units - before.units}, Seconds(after.at - before.at).count(),
                std::uintmax_t{errors_}, std::uintmax_t{after.cpu_ns - before.cpu_ns});
    std::fflush(stdout);
  }

  std::string_view mode_;
  sockaddr_in address_;
  int wanted_;
  std::string pids_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections_;
  int open_ = 0;
  int opening_ = 0;
  std::uint64_t units_ = 0;
  std::uint64_t errors_ = 0;
  bool stdin_closed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "backend" && argc == 4) run_backends(std::atoi(argv[2]), std::atoi(argv[3]));
  const bool timed = mode == "echo" || mode == "connrate" || mode == "bulk";
  if (argc != 7 || (!timed && mode != "idle")) {
    std::fputs(
        "usage: weir_bench_load backend ECHO_PORT SOURCE_PORT\n"
        "       weir_bench_load echo|connrate|bulk|idle PORT CONNECTIONS WARMUP SECONDS PIDS\n",
        stderr);
    return 2;
  }
  Client client(mode, std::atoi(argv[2]), std::atoi(argv[3]), argv[6]);
  if (!timed) return client.hold();
  client.run(Seconds(std::atof(argv[4])), Seconds(std::atof(argv[5])));
  return 0;
}
