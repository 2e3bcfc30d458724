// DemoBackend: a small TCP server that answers with its name, to try weir without installing a
// backend.
//
// It answers an HTTP/1 request with a small response, and any other line with "name: line".
// "GET /slow/10" is answered with ten lines, four a second, as a session to drain. With `echo`,
// every byte is sent back. One thread, poll(2), at most kMaxClients connections with at most
// kMaxPending bytes each; it does not read from a client that does not read.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/unique_fd.h"

namespace weir::cli {

class DemoBackend {
 public:
  using Now = std::chrono::steady_clock::time_point;
  static constexpr size_t kMaxClients = 1000;
  static constexpr size_t kMaxPending = 64 * 1024;
  static constexpr int kMaxSlowLines = 3600;
  static constexpr std::chrono::milliseconds kSlowInterval{250};

  static Result<DemoBackend> listen(const Address& address, std::string name, bool echo);

  // Waits for events, at most `timeout_ms`, and handles them.
  void turn(int timeout_ms);
  Address address() const;
  size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    UniqueFd fd;
    std::string in;   // an incomplete line or request head
    std::string out;  // not sent yet
    size_t body = 0;  // bytes of a request body to read and drop
    int slow_lines = 0;
    Now next_line{};
    bool input_ended = false;
    bool close_when_sent = false;
    bool gone = false;
  };

  DemoBackend(UniqueFd listener, std::string name, bool echo)
      : listener_(std::move(listener)), name_(std::move(name)), echo_(echo) {}

  void accept_all();
  void read_from(Client&);
  void answer(Client&);
  bool answer_http(Client&);
  void begin_slow(Client&, std::string_view path);
  void tick(Client&, Now now);
  void write_to(Client&);
  short wanted(const Client&) const;
  int until_next_line(int timeout_ms) const;

  UniqueFd listener_;
  std::string name_;
  bool echo_;
  std::vector<Client> clients_;
};

}  // namespace weir::cli
