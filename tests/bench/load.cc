// The load and the backends of tests/bench/compare.py: one thread, epoll, 127.0.0.1 only.
//
//   weir_bench_load backend ECHO_PORT SOURCE_PORT HTTP_PORT      until it is killed
//   weir_bench_load MODE PORT CONNECTIONS UNDER_WAY WARMUP SECONDS PID[,PID...]
//
// MODE is one of kModes; UNDER_WAY of the connections, at most, wait for an answer at the same
// time. A client prints one line of JSON: units (messages, requests, connections, bytes, open
// connections), seconds, and cpu_ns, the time that the threads of the PIDs were on a core between
// the two edges of the measured window. The first failure ends it with exit code 1.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "backends.h"
#include "loopback.h"
#include "secure.h"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kDropped = 4 << 20;  // bytes, at once, in the kernel
constexpr std::size_t kHeadLimit = 16 * 1024;
constexpr auto kIdleLimit = std::chrono::seconds(30);

enum class Answer { same, endless, http };
enum class Then { again, reopen, hold };  // hold: until stdin is closed
enum class Tls { none, whole, resumed };  // handshakes

struct Mode {
  std::string_view name;
  std::string_view request;
  Answer answer;
  Then then;
  bool counts_bytes = false;
  Tls tls = Tls::none;
};

constexpr std::string_view kMessage =  // 64 bytes
    "a message of 64 bytes, which comes back as it was, to the letter";
#define WEIR_BENCH_GET(path, more)                                                              \
  "GET " path                                                                                   \
  " HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: weir-bench/1\r\n"                            \
  "Accept: text/html, */*;q=0.8\r\nAccept-Language: en\r\nX-Request: 0123456789abcdef\r\n" more \
  "\r\n"
constexpr std::string_view kGet = WEIR_BENCH_GET("/small", "");
constexpr std::string_view kGetAndClose = WEIR_BENCH_GET("/small", "Connection: close\r\n");
constexpr std::string_view kGetLarge = WEIR_BENCH_GET("/large", "");
#undef WEIR_BENCH_GET
static_assert(kMessage.size() == 64);
static_assert(kGet.size() >= 140 && kGet.size() <= 160);

constexpr std::array kModes{
    Mode{"echo", kMessage, Answer::same, Then::again},
    Mode{"connrate", kMessage, Answer::same, Then::reopen},
    Mode{"bulk", "x", Answer::endless, Then::again, true},
    Mode{"idle", kMessage, Answer::same, Then::hold},
    Mode{"http", kGet, Answer::http, Then::again},
    Mode{"http-close", kGetAndClose, Answer::http, Then::reopen},
    Mode{"http-large", kGetLarge, Answer::http, Then::again, true},
    Mode{"http-idle", kGet, Answer::http, Then::hold},
    Mode{"https", kGet, Answer::http, Then::again, false, Tls::whole},
    Mode{"https-close", kGetAndClose, Answer::http, Then::reopen, false, Tls::whole},
    Mode{"https-resumed", kGetAndClose, Answer::http, Then::reopen, false, Tls::resumed},
    Mode{"https-large", kGetLarge, Answer::http, Then::again, true, Tls::whole},
    Mode{"https-idle", kGet, Answer::http, Then::hold, false, Tls::whole},
};

struct Connection {
  int fd = -1;
  SSL* tls = nullptr;
  std::size_t missing = 0;  // of the answer, or of its body
  std::string head{};       // HTTP: the received part of it
  enum class Reads { handshake, head, body, end } reads = Reads::head;
};

struct Sample {
  Clock::time_point at;
  std::uint64_t units = 0;
  std::uint64_t cpu_ns = 0;
};

[[noreturn]] void fail(std::string_view what, std::string_view more) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(more.size()), more.data());
  std::exit(1);
}

// The length of the body of an answer, which has to be 200 with a Content-Length.
std::size_t body_length(const std::string& head) {
  const std::string_view first = std::string_view(head).substr(0, head.find("\r\n"));
  if (!first.starts_with("HTTP/1.1 200")) fail("not a 200", first);
  constexpr std::string_view kField = "\r\nContent-Length:";
  const char* field = ::strcasestr(head.c_str(), kField.data());
  if (field == nullptr) fail("no Content-Length", first);
  return std::strtoull(field + kField.size(), nullptr, 10);
}

class Client {
 public:
  Client(const Mode& mode, int port, std::size_t connections, int under_way, std::string pids)
      : mode_(mode),
        address_(loopback(port)),
        wanted_(connections),
        under_way_limit_(under_way),
        pids_(std::move(pids)),
        secure_(mode.tls == Tls::resumed) {}

  void run(Seconds warmup, Seconds measured) {
    const Clock::time_point start = Clock::now();
    while (Clock::now() - start < warmup) turn();
    const Sample before = sample();
    while (Clock::now() - before.at < measured) turn();
    print(before, sample());
  }

  void hold() {
    const Sample before = sample();
    while (units_ < wanted_) {
      if (Clock::now() - before.at > kIdleLimit) fail("idle", "not all connections were answered");
      turn();
    }
    print(before, sample());
    watch(epoll_, EPOLL_CTL_ADD, STDIN_FILENO, {EPOLLIN, {.ptr = nullptr}});
    while (!stdin_closed_) turn();
  }

 private:
  void turn() {
    go_on();
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

  void go_on() {
    while (under_way_ < under_way_limit_ && connections_.size() < wanted_) {
      connections_.push_back(std::make_unique<Connection>());
      open(*connections_.back());
    }
    while (under_way_ < under_way_limit_ && !waiting_.empty()) {
      Connection& longest = *waiting_.front();
      waiting_.pop_front();
      ask(longest);
    }
  }

  // On loopback the kernel completes the TCP handshake at once: connect() need not be asynchronous.
  void open(Connection& connection) {
    connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection.fd < 0) die("socket");
    set_no_delay(connection.fd);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address_);
    if (::connect(connection.fd, generic, sizeof address_) != 0) die("connect");
    watch(epoll_, EPOLL_CTL_ADD, connection.fd, {EPOLLIN, {.ptr = &connection}});
    if (mode_.tls == Tls::none) return ask(connection);
    connection.tls = secure_.connect(connection.fd);
    connection.reads = Connection::Reads::handshake;
    ++under_way_;
    step_handshake(connection);
  }

  void step_handshake(Connection& connection) {
    if (!secure_.step_handshake(connection.tls)) return;
    --under_way_;
    ask(connection);
  }

  void ask(Connection& connection) {
    const std::string_view request = mode_.request;
    ++under_way_;
    connection.missing = request.size();  // HTTP: by its head
    connection.head.clear();
    connection.reads = Connection::Reads::head;
    const auto size = static_cast<int>(request.size());
    const bool sent = connection.tls != nullptr
                          ? SSL_write(connection.tls, request.data(), size) == size
                          : ::send(connection.fd, request.data(), request.size(), kNow) == size;
    if (!sent) die("send");
  }

  void readable(Connection& connection) {
    switch (mode_.answer) {
      case Answer::same: {
        const std::size_t size = receive(connection, kMessage.size());
        if (size > connection.missing) fail("recv", "more than was sent");
        connection.missing -= size;
        if (size > 0 && connection.missing == 0) answered(connection);
        return;
      }
      case Answer::endless: units_ += drop(connection, kDropped); return;
      case Answer::http: break;
    }
    // No event reports bytes that TLS has decrypted already.
    do http_readable(connection);
    while (connection.tls != nullptr && SSL_pending(connection.tls) > 0);
  }

  void http_readable(Connection& connection) {
    switch (connection.reads) {
      case Connection::Reads::handshake: return step_handshake(connection);
      case Connection::Reads::head: return read_head(connection);
      case Connection::Reads::body:
        return took_body(connection, drop(connection, std::min(connection.missing, kDropped)));
      case Connection::Reads::end: {
        const ssize_t got = receive_once(connection, 1);
        if (got == 0) return answered(connection);
        if (got > 0) fail("recv", "more than Content-Length");
        if (errno != EAGAIN) die("recv");
      }
    }
  }

  void read_head(Connection& connection) {
    std::string& head = connection.head;
    const std::size_t got = receive(connection, g_buffer.size());
    if (got > 0 && connection.missing == 0) fail("recv", "a response without a request");
    head.append(g_buffer.data(), got);
    const std::size_t end = head.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (head.size() > kHeadLimit) fail("recv", "the head of the answer has no end");
      return;
    }
    connection.missing = body_length(head);
    connection.reads = Connection::Reads::body;
    took_body(connection, head.size() - end - 4);
  }

  void took_body(Connection& connection, std::size_t size) {
    if (size > connection.missing) fail("recv", "more than Content-Length");
    connection.missing -= size;
    if (mode_.counts_bytes) units_ += size;
    if (connection.missing > 0) return;
    connection.reads = Connection::Reads::head;
    if (mode_.then == Then::reopen) {
      connection.reads = Connection::Reads::end;  // the request has Connection: close
    } else {
      answered(connection);
    }
  }

  void answered(Connection& connection) {
    --under_way_;
    if (!mode_.counts_bytes) ++units_;
    switch (mode_.then) {
      case Then::again: waiting_.push_back(&connection); break;
      case Then::reopen:
        if (connection.tls != nullptr) SecureContext::close(connection.tls);
        ::close(connection.fd);
        return open(connection);
      case Then::hold: break;
    }
    go_on();
  }

  static std::size_t receive(const Connection& connection, std::size_t size) {
    return received(receive_once(connection, size));
  }

  // Returns the same as recv(2).
  static ssize_t receive_once(const Connection& connection, std::size_t size) {
    size = std::min(size, g_buffer.size());
    if (connection.tls == nullptr)
      return ::recv(connection.fd, g_buffer.data(), size, MSG_DONTWAIT);
    const int got = SSL_read(connection.tls, g_buffer.data(), static_cast<int>(size));
    if (got > 0) return got;
    switch (SSL_get_error(connection.tls, got)) {
      case SSL_ERROR_WANT_READ: errno = EAGAIN; return -1;
      case SSL_ERROR_ZERO_RETURN: return 0;
      default: fail("TLS", "the connection was cut");
    }
  }

  // The bytes are dropped in the kernel, or here when they had to be decrypted.
  static std::size_t drop(const Connection& connection, std::size_t size) {
    if (connection.tls != nullptr) return receive(connection, size);
    return received(::recv(connection.fd, nullptr, size, MSG_DONTWAIT | MSG_TRUNC));
  }

  static std::size_t received(ssize_t got) {
    if (got < 0 && errno == EAGAIN) return 0;
    if (got == 0) fail("recv", "the connection was closed");
    if (got < 0) die("recv");
    return static_cast<std::size_t>(got);
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

  static void print(const Sample& before, const Sample& after) {
    std::printf("{\"units\": %ju, \"seconds\": %.6f, \"cpu_ns\": %ju}\n",
                std::uintmax_t{after.units - before.units}, Seconds(after.at - before.at).count(),
                std::uintmax_t{after.cpu_ns - before.cpu_ns});
    std::fflush(stdout);
  }

  const Mode& mode_;
  sockaddr_in address_;
  std::size_t wanted_;
  int under_way_limit_;
  std::string pids_;
  SecureContext secure_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> waiting_;  // connections that were answered, the longest ago first
  int under_way_ = 0;
  std::uint64_t units_ = 0;
  bool stdin_closed_ = false;
};

[[noreturn]] void usage() {
  std::fputs(
      "usage: weir_bench_load backend ECHO_PORT SOURCE_PORT HTTP_PORT\n"
      "       weir_bench_load MODE PORT CONNECTIONS UNDER_WAY WARMUP SECONDS PIDS\n"
      "modes:",
      stderr);
  for (const Mode& mode : kModes) std::fprintf(stderr, " %s", mode.name.data());
  std::fputs("\n", stderr);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "backend" && argc == 5) {
    run_backends({std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4])});
  }
  const auto* mode =
      std::find_if(kModes.begin(), kModes.end(), [&](const Mode& m) { return m.name == name; });
  if (mode == kModes.end() || argc != 8) usage();
  Client client(*mode, std::atoi(argv[2]), std::strtoul(argv[3], nullptr, 10), std::atoi(argv[4]),
                argv[7]);
  if (mode->then == Then::hold) {
    client.hold();
  } else {
    client.run(Seconds(std::atof(argv[5])), Seconds(std::atof(argv[6])));
  }
  return 0;
}
