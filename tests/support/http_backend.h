// HttpBackend: a backend that answers HTTP/1 by a function of the test, with one thread per
// connection, so that the function may block.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "support/http_peer.h"

namespace weir {

class HttpBackend {
 public:
  // Answers a request whose head has been read and whose body has not. False: the connection ends
  // without further bytes. Called by several threads.
  using Answer = std::function<bool(HttpPeer& peer, HttpMessage& request)>;

  explicit HttpBackend(Answer answer);
  ~HttpBackend();
  HttpBackend(const HttpBackend&) = delete;
  HttpBackend& operator=(const HttpBackend&) = delete;

  const Address& address() const { return acceptor_.address(); }
  uint64_t requests() const { return requests_; }
  uint64_t connections() const { return accepted_; }
  // Refuses connections and resets those it has, as a process that is killed.
  void stop();
  void start();

 private:
  void accept_all(int listener);
  void serve(Socket socket);

  Answer answer_;
  Acceptor acceptor_;
  std::atomic<uint64_t> requests_{0}, accepted_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  UniqueFd wake_;
  std::thread acceptor_thread_;
};

// For an answer that then returns false: its connection ends with a reset, not with a FIN.
void end_with_reset(HttpPeer& peer);

}  // namespace weir
