// Health checks on a loop that the test turns, with a manual clock and a real server.
#pragma once

#include <dirent.h>
#include <gmock/gmock.h>
#include <poll.h>

#include <deque>
#include <map>

#include "health/health_check.h"

namespace weir {

// A real listening socket; the test acts on its connections between turns of the loop.
class Server {
 public:
  Server() { listen(0); }
  Address address() const { return Address::loopback(port_); }

  void listen(uint16_t port) {
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage at;
    socklen_t length = Address::loopback(port).to_sockaddr(at);
    ASSERT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&at), length), 0);
    ASSERT_EQ(::listen(fd_.get(), 512), 0);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&at), &length);
    port_ = Address::from(reinterpret_cast<sockaddr*>(&at), length).port();
  }
  void stop() { fd_.reset(); }
  void start() { listen(port_); }

  // Accepts waiting connections.
  void step() {
    for (int fd; fd_ && (fd = ::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      ++accepted;
      connections.emplace_back(fd);
      if (!greeting.empty()) say(greeting);
      if (hangs_up) connections.pop_back();
    }
  }
  void say(const std::string& bytes) {
    ASSERT_EQ(::send(connections.back().get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  std::string received() {
    char buffer[256];
    const ssize_t n =
        connections.empty() ? 0 : ::recv(connections.back().get(), buffer, sizeof buffer, 0);
    return {buffer, n > 0 ? static_cast<size_t>(n) : 0};
  }
  // How the last connection ended: 0 for a FIN, the errno otherwise, -1 when it has not.
  int ended() {
    char byte;
    const ssize_t n = ::recv(connections.back().get(), &byte, 1, 0);
    return n == 0 ? 0 : n > 0 || errno == EAGAIN ? -1 : errno;
  }

  std::string greeting;
  bool hangs_up = false;
  int accepted = 0;
  std::deque<UniqueFd> connections;

 private:
  UniqueFd fd_;
  uint16_t port_ = 0;
};

struct HealthLog final : HealthObserver {
  void on_check(const Backend& backend, CheckResult result) override {
    results.push_back(result);
    ++checks[backend.name()];
  }
  void on_health_change(const Backend& backend, HealthChange change) override {
    changes.push_back(backend.name() + " " + text(change));
  }
  void on_primed() override { ++primed; }

  std::vector<CheckResult> results;
  std::map<std::string, int> checks;
  std::vector<std::string> changes;
  int primed = 0;
};

inline int open_descriptors() {
  int n = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory)) ++n;
  ::closedir(directory);
  return n;
}

class HealthCheckTest : public testing::Test {
 protected:
  static std::shared_ptr<Backend> backend(const std::string& name, const Address& address) {
    return std::make_shared<Backend>("app", name, address.text(), address);
  }
  static config::HealthCheck spec() {
    config::HealthCheck spec;
    spec.interval = 5s;
    spec.rise = 2;
    spec.fall = 3;
    spec.jitter = 0;
    return spec;
  }

  static config::HealthCheck http_spec() {
    config::HealthCheck spec = HealthCheckTest::spec();
    spec.type = config::HealthCheck::Type::http;
    return spec;
  }
  // Starts an HTTP check of one backend. Returns its request when it has arrived.
  std::string asked(const config::HealthCheck& spec) {
    checks_.apply({{checked_, spec}});
    std::string request;
    EXPECT_TRUE(run_until([&] {
      request += server_.received();
      return request.find("\r\n\r\n") != std::string::npos;
    })) << request;
    return request;
  }

  template <typename Condition>
  bool run_until(Condition condition) {
    for (int i = 0; i < 2000; ++i) {
      server_.step();
      if (condition()) return true;
      loop_.run_turn(2ms);
    }
    return false;
  }
  // Turns the loop until there are `n` results in total.
  bool run_until_results(size_t n) {
    return run_until([&] { return observer_.results.size() >= n; });
  }
  // The next interval's check, with its result.
  bool next_result() {
    const size_t n = observer_.results.size() + 1;
    clock_.advance(spec().interval + 50ms);
    return run_until_results(n);
  }
  // The test causes all events.
  void settle() {
    for (int i = 0; i < 10; ++i) {
      loop_.run_turn(Duration::zero());
      server_.step();
    }
  }

  ManualClock clock_;
  EventLoop loop_{clock_};
  HealthLog observer_;
  Server server_;
  std::shared_ptr<Backend> checked_ = backend("b", server_.address());
  HealthChecks checks_{loop_, observer_, 1};
};

}  // namespace weir
