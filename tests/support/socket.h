// Socket, Acceptor: one end of a real connection: every call ends within its timeout (`patience`),
// none sleeps, and the way in which the other side ended is recorded. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "base/unique_fd.h"

namespace weir {

inline constexpr Duration kPatience = 20s;

// True when `fd` became ready for `events` (POLLIN, POLLOUT …), or failed, in time.
bool wait_ready(int fd, short events, Duration patience = kPatience);

class Socket {
 public:
  enum class End : uint8_t { open, fin, reset };

  Socket() = default;
  explicit Socket(int fd, int error = 0);
  // Connected, or with error() set.
  static Socket connect(const Address& to, Duration patience = kPatience);
  // From this address of the machine's, with any port. Both on loopback.
  static Socket connect_from(const Address& from, const Address& to);
  // Does not wait for the other side: for a listener that is not accepting now.
  static Socket begin_connecting(const Address& to);

  explicit operator bool() const { return fd_ && error_ == 0; }
  int fd() const { return fd_.get(); }
  int error() const { return error_; }  // errno of connecting
  Address local() const;                // its address, as the other side sees it

  // Sends all bytes, or returns false.
  bool send(std::string_view bytes, Duration patience = kPatience);
  // Sends until the socket accepts no more bytes for `quiet`; returns their number.
  size_t send_until_blocked(std::string_view chunk, Duration quiet = 300ms);
  // Exactly n bytes, or the bytes before the end or the timeout.
  std::string receive(size_t n, Duration patience = kPatience);
  std::string receive_all(Duration patience = kPatience);
  // Waits for the end, and discards the bytes before it.
  End wait_end(Duration patience = kPatience);
  // Whether neither a byte nor an end comes for this time.
  bool silent(Duration for_so_long);
  End end() const { return end_; }

  void finish();  // FIN
  void reset();   // RST
  void close() { fd_.reset(); }
  // Small buffers, so that a receiver that does not read soon blocks its sender. Call it before
  // data flows.
  void shrink_buffers();

  // The number of bytes that one non-blocking step moved; sets end(). For flow.h.
  size_t send_some(std::string_view bytes);
  size_t receive_some(char* to, size_t size);

 private:
  UniqueFd fd_;
  int error_ = 0;
  End end_ = End::open;
};

class Acceptor {
 public:
  // The address is from free_address(): no weir of another test connects to it.
  Acceptor();
  explicit Acceptor(const Address& at);

  const Address& address() const { return address_; }
  int fd() const { return fd_.get(); }
  // Not connected after the timeout.
  Socket accept(Duration patience = kPatience);
  void stop() { fd_.reset(); }  // connections are refused from now on
  void start() { listen(address_); }

 private:
  void listen(const Address& at);
  UniqueFd fd_;
  Address address_;
};

// During its lifetime `acceptor` accepts no connection: its queue is full, and the kernel drops
// each SYN.
class FullQueue {
 public:
  explicit FullQueue(const Acceptor& acceptor);

 private:
  std::vector<Socket> waiting_;
};

// An unused loopback address; no other test gets it while this one runs.
Address free_address(const char* host = "127.0.0.1");

// Many bytes at once, in both directions if necessary: `to` must receive exactly the bytes that
// `from` sends. The pattern depends on the position, so a lost, doubled or moved byte is detected.
struct Flow {
  Socket* from;
  Socket* to;
  size_t size;
  size_t sent = 0;
  size_t received = 0;
  bool intact = true;
};
// Whether all flows arrived completely. Sends no FIN.
bool run_flows(std::vector<Flow> flows, Duration patience = 60s);
// The bytes [offset, offset + size) of the pattern; at most 64 KiB.
std::string_view pattern(size_t offset, size_t size);

}  // namespace weir
