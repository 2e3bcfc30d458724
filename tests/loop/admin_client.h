// A client of the admin server over a real socket; never blocks, the test turns the loop.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/unique_fd.h"

namespace weir::test {

class AdminClient {
 public:
  explicit AdminClient(const Address& to)
      : fd_(::socket(to.socket_family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage;
    socklen_t length = to.to_sockaddr(storage);
    int result = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&storage), length);
    EXPECT_TRUE(result == 0 || errno == EINPROGRESS) << errno;
  }

  // The result reports bytes that the socket did not accept; ended() reports a closed connection.
  size_t send(std::string_view bytes) {
    ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n < 0 ? 0 : size_t(n);
  }
  void finish() { ::shutdown(fd_.get(), SHUT_WR); }
  void leave() { fd_.reset(); }
  void small_receive_buffer() {
    int size = 4096;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  }

  // Reads the received bytes.
  AdminClient& poll() {
    char buffer[65536];
    ssize_t n = 0;
    while (!ended_ && (n = ::recv(fd_.get(), buffer, sizeof(buffer), 0)) > 0)
      received_.append(buffer, size_t(n));
    if (n == 0 && !ended_) ended_ = true;
    if (n < 0 && errno != EAGAIN) ended_ = reset_ = true;
    return *this;
  }
  bool ended() { return poll().ended_; }
  bool reset() { return poll().reset_; }
  const std::string& received() { return poll().received_; }

  // True when a whole reply has arrived: takes it into status, head and body.
  bool take_reply(bool without_body = false) {
    poll();
    size_t end = received_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    head = received_.substr(0, end + 2);
    size_t size = without_body ? 0 : std::stoul("0" + field("Content-Length"));
    if (received_.size() < end + 4 + size) return false;
    status = std::stoi(head.substr(9, 3));
    body = received_.substr(end + 4, size);
    received_.erase(0, end + 4 + size);
    return true;
  }
  std::string field(std::string_view name) const {
    std::string start = "\r\n" + std::string(name) + ": ";
    size_t at = head.find(start);
    if (at == std::string::npos) return "";
    at += start.size();
    return head.substr(at, head.find("\r\n", at) - at);
  }

  int status = 0;
  std::string head, body;

 private:
  UniqueFd fd_;
  std::string received_;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace weir::test
