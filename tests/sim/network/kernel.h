// Kernel: the descriptors of the process under test, and the system calls behind os/sys.h. Calls
// take time, so anything may arrive between two of them.
//
// It injects only errors that a real kernel may cause: after an EAGAIN or a short count with
// something left, an edge follows, unless the FIN has been received (then a reader must continue).
#pragma once

#include <sys/socket.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "network/endpoint.h"
#include "os/poller.h"

namespace weir::sim {

// A kernel pipe holds slots, not bytes.
struct SlotPipe {
  ByteQueue bytes;
  std::deque<size_t> slots;
  size_t capacity = 16;
  bool full() const { return slots.size() >= capacity; }
  void pop(size_t n);
};

struct KernelCounts {
  uint64_t accepted = 0, out_of_descriptors = 0, refused_watches = 0, spliced_bytes = 0;
  uint64_t false_blocks = 0, short_calls = 0, connect_errors = 0, unanswered = 0;
  uint64_t urgent = 0;
};

class Kernel {
 public:
  explicit Kernel(Network& network);
  ~Kernel();
  static Kernel& current();

  // The outcome of connects to an address, and the owner of the other end.
  std::function<ConnectPlan(const Address&)> on_connect;
  std::function<void(const Address&, std::shared_ptr<Endpoint>)> on_connected;

  int open_listening(const Address& address);
  void set_descriptor_limit(size_t limit) { limit_ = limit; }
  size_t open_descriptors() const { return table_.size(); }
  const KernelCounts& counts() const { return counts_; }
  // Violated rules for the use of descriptors and watches.
  std::vector<std::string>& violations() { return violations_; }
  Network& network() { return network_; }

  // System calls.
  int accept(int fd, sockaddr* address, socklen_t* length);
  int socket(int family);
  int connect(int fd, const Address& to);
  ssize_t recv(int fd, char* to, size_t size);
  ssize_t send(int fd, const char* from, size_t size);
  ssize_t splice(int from, int to, size_t size);
  int pipe(int ends[2]);
  int shutdown_write(int fd);
  int close(int fd);
  int set_option(int fd, int level, int name, const void* value);
  int take_error(int fd);
  int unacknowledged(int fd);
  int open_reserve();

  // epoll.
  bool watch(int fd, IoWatch* watch, std::function<void()> mark);
  void unwatch(int fd, IoWatch* watch);
  uint32_t mask(int fd);

 private:
  struct Descriptor {
    std::shared_ptr<Endpoint> endpoint;
    std::shared_ptr<ListeningSocket> listening;
    std::shared_ptr<SlotPipe> pipe;
    IoWatch* watch = nullptr;
    bool linger_reset = false;
    bool no_splice = false;
  };

  void take_time();
  int add(Descriptor descriptor);
  Descriptor* find(int fd, const char* call);
  bool injects_block(Endpoint& endpoint, bool reading);
  size_t shortened(Endpoint& endpoint, size_t size, bool reading);
  ssize_t splice_in(Descriptor& from, SlotPipe& pipe, size_t size);
  ssize_t splice_out(SlotPipe& pipe, Endpoint& to, size_t size);
  void establish(std::weak_ptr<Endpoint> near, const Address& to);

  Network& network_;
  Kernel* const outer_;
  std::map<int, Descriptor> table_;
  size_t limit_ = 1 << 16;
  KernelCounts counts_;
  std::vector<std::string> violations_;
};

}  // namespace weir::sim
