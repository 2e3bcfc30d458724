// LoadServer: a backend for many connections at once, in a thread of the test or, when the test has
// too few descriptors for both ends, in its own process. Its counts have the results.
#pragma once

#include <atomic>
#include <thread>

#include "support/socket.h"

namespace weir {

class LoadServer {
 public:
  enum class Behaviour : uint8_t {
    echo,    // sends back what it receives, and a FIN for a FIN
    sink,    // reads, sends nothing
    source,  // sends `size` bytes of the pattern, then a FIN; reads
    hold,    // neither reads nor writes
  };
  enum class Place : uint8_t { thread, process };
  struct Counts {
    std::atomic<uint64_t> accepted, active, received, reset;
  };

  explicit LoadServer(Behaviour behaviour, size_t size = 0, Place place = Place::thread);
  LoadServer(const LoadServer&) = delete;
  LoadServer& operator=(const LoadServer&) = delete;
  ~LoadServer();

  const Address& address() const { return acceptor_.address(); }
  const Counts& counts() const { return *counts_; }
  bool wait_active(uint64_t n, Duration patience = kPatience) const;

 private:
  void serve();

  Behaviour behaviour_;
  size_t size_;
  Acceptor acceptor_;
  Counts* counts_;  // shared memory
  UniqueFd stop_;
  std::thread thread_;
  pid_t pid_ = -1;
};

}  // namespace weir
