// HttpLoad: repeats one kind of HTTP traffic in its own thread and checks every byte;
// HttpLoad::answer is its backend.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "support/http_backend.h"

namespace weir {

class HttpLoad {
 public:
  // weir has announced that the connection accepts no further request. Not a failure in a drain.
  static constexpr const char* kAnnouncedClose = "announced close";
  // One repetition. Returns the error; empty: none.
  using Step = std::function<std::string()>;

  explicit HttpLoad(Step step);
  ~HttpLoad() { stop(); }
  HttpLoad(const HttpLoad&) = delete;
  HttpLoad& operator=(const HttpLoad&) = delete;

  uint64_t done() const { return done_; }
  // Waits until the load has completed `n` steps, or has ended.
  bool await_done(uint64_t n, Duration patience = kPatience) const;
  // Until it has ended by itself.
  bool await_end(Duration patience = kPatience) const;
  void stop();
  const std::string& failure() const { return failure_; }  // after it has ended

  // On one connection that is kept: a request, eight of them at once, a body up, a body down.
  static Step keep_alive(const Address& to);
  static Step pipelined(const Address& to);
  static Step upload(const Address& to, size_t size);
  static Step download(const Address& to, size_t size);
  // A connection for each request.
  static Step closing(const Address& to);
  // Messages through a WebSocket; a new one after every `lifetime` of them, 0: never.
  static Step websocket(const Address& to, int lifetime);
  // A command that must succeed, and whose output must contain the first text and not the second.
  static Step command(const std::string& line, const std::string& wanted = {},
                      const std::string& unwanted = {});

  // An HttpBackend::Answer for all of these.
  static bool answer(HttpPeer& peer, HttpMessage& request);

 private:
  void run(const Step& step);

  std::atomic<bool> stopping_{false}, ended_{false};
  std::atomic<uint64_t> done_{0};
  std::string failure_;
  mutable std::mutex mutex_;  // held while ended_ and done_ change
  mutable std::condition_variable changed_;
  std::thread thread_;
};

// A WebSocket, once it is open.
HttpPeer open_websocket(const Address& to);

}  // namespace weir
