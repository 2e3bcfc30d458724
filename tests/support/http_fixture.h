// HTTP through one worker: a listener `l`, a cluster `c` whose only backend is the test, and the
// bytes that clients and backends receive. At the end the counters of the listener, of connections
// and of streams, must balance.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <sstream>

#include "support/log_capture.h"
#include "support/worker_fixture.h"

namespace weir::test {

class HttpFixture : public testing::Test, public WorkerFixture {
 protected:
  // `listener` and `cluster`: the keys under test, in YAML flow style.
  static std::string listener_text(const std::string& listener) {
    return fmt::format("  - {{ name: l, bind: \"127.0.0.1:0\", protocol: http, {} }}\n", listener);
  }
  static std::string cluster_text(const std::string& name, const Address& address,
                                  const std::string& cluster = "") {
    return fmt::format("  - {{ name: {}, backends: [{}]{}{} }}\n", name, address.text(),
                       cluster.empty() ? "" : ", ", cluster);
  }
  void serve(const std::string& listener = "cluster: c", const std::string& cluster = "") {
    apply("listeners:\n" + listener_text(listener) + "clusters:\n" +
          cluster_text("c", backend.address(), cluster));
  }

  // Receives from `socket` up to and including `end`, or until no more bytes arrive; the bytes
  // after it stay.
  std::string until(Socket& socket, const std::string& end) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      char ahead[16384];
      const ssize_t n = ::recv(socket.fd(), ahead, sizeof ahead, MSG_PEEK | MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
      if (n < 0) return false;
      const std::string_view seen(ahead, static_cast<size_t>(n));
      const size_t before = got.size();
      const size_t from = before < end.size() ? 0 : before - end.size();
      const size_t at = (got + std::string(seen)).find(end, from);
      const size_t take = at == std::string::npos ? seen.size() : at + end.size() - before;
      got += socket.receive(take, 100ms);
      return at != std::string::npos;
    })) << got;
    return got;
  }
  std::string message(Socket& socket) { return until(socket, "\r\n\r\n"); }
  // A message in chunks and its trailers.
  std::string with_trailers(Socket& socket) {
    const std::string body = until(socket, "\r\n0\r\n");
    return body + message(socket);
  }
  std::string bytes(Socket& socket, size_t n) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += socket.receive(n - got.size(), 1ms);
      return got.size() == n;
    })) << got;
    return got;
  }
  // All bytes to the end of the other side; end() has its kind.
  std::string rest(Socket& socket) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += socket.receive_all(1ms);
      return socket.end() != Socket::End::open;
    })) << got;
    return got;
  }
  bool ends_as(Socket& socket, Socket::End end) {
    return run_until([&] { return socket.wait_end(1ms) == end; });
  }
  // The same for a reset after bytes; weir sends the reset when these are acknowledged.
  bool ends_with_reset(Socket& socket) {
    return run_until([&] {
      advance(10ms);
      return socket.wait_end(1ms) == Socket::End::reset;
    });
  }
  // No byte and no end arrives while this worker has work to do.
  bool receives_nothing(Socket& socket) {
    turns(10);
    return socket.silent(1ms);
  }
  Socket accepted() { return accepted(backend); }
  Socket accepted(Acceptor& acceptor) {
    Socket socket;
    EXPECT_TRUE(run_until([&] {
      if (wait_ready(acceptor.fd(), POLLIN, 1ms)) socket = acceptor.accept(1s);
      return static_cast<bool>(socket);
    }));
    return socket;
  }
  bool no_connection_arrives(Acceptor& acceptor) {
    turns(10);
    return !wait_ready(acceptor.fd(), POLLIN, 1ms);
  }
  bool no_connection_arrives() { return no_connection_arrives(backend); }

  // Whether a line has all of these texts.
  static testing::AssertionResult has_line(const std::string& log,
                                           const std::vector<std::string>& parts) {
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      bool all = true;
      for (const std::string& part : parts) all &= line.find(part) != std::string::npos;
      if (all) return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << log;
  }

  // Both ends of one request that has arrived at the backend: over the next connection to it.
  struct Sides {
    Socket client, server;
    std::string request;  // the head that the backend receives
  };
  Sides asked(const std::string& request) {
    Sides sides{client(), {}, {}};
    EXPECT_TRUE(sides.client.send(request));
    sides.server = accepted();
    sides.request = message(sides.server);
    return sides;
  }
  // One more request over the same two connections.
  std::string ask_again(Sides& sides, const std::string& request) {
    EXPECT_TRUE(sides.client.send(request));
    return sides.request = message(sides.server);
  }
  std::string answered(Sides& sides, const std::string& response) {
    EXPECT_TRUE(sides.server.send(response));
    return message(sides.client);
  }
  // Sends the bytes over a new connection. Returns the head of the response.
  std::string answer_to(const std::string& request) {
    Socket one = client();
    EXPECT_TRUE(one.send(request));
    return message(one);
  }

  static std::string get(const std::string& path, const std::string& fields = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: example.com\r\n" + fields + "\r\n";
  }
  static std::string post(const std::string& path, const std::string& body,
                          const std::string& fields = "") {
    return fmt::format("POST {} HTTP/1.1\r\nHost: example.com\r\nContent-Length: {}\r\n{}\r\n{}",
                       path, body.size(), fields, body);
  }
  static std::string ok(const std::string& body, const std::string& fields = "") {
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n{}", body.size(), fields,
                       body);
  }
  void TearDown() override {
    EXPECT_EQ(imbalance("l"), 0);
    EXPECT_EQ(stream_imbalance("l"), 0);
  }

  Acceptor backend;
};

}  // namespace weir::test
