// Connect: chooses a backend for a TCP session and connects to it (connecting.h): at most
// spec.connect_attempts backends, and kMaxAttempts addresses of them, each once, none for longer
// than the connect timeout. Where a backend has several addresses, the others are tried before
// another backend. The session reads nothing from the client meanwhile, so trying the next backend
// loses nothing.
//
// Where every backend has as many sessions and requests as `concurrency` allows, it waits in the
// cluster's queue.
//
// Owner: a session, by value; thread: its loop's. The session keeps the deadline and calls
// on_timeout(). Books: an attempt, and the connection it makes, count in BackendCells::active until
// the attempt fails or release() is called.
#pragma once

#include <array>

#include "upstream/connecting.h"

namespace weir {

class ConnectObserver {
 public:
  virtual void on_connect() = 0;  // state() has changed
  // Writes the PROXY header for the backend into `memory` of kMaxWrittenProxyHeader bytes; empty:
  // none is sent.
  virtual std::string_view write_proxy_header(std::span<char> memory) = 0;

 protected:
  ~ConnectObserver() = default;
};

class Connect final : private TransportReader,
                      private TransportWriter,
                      private QueueWaiter,
                      private Yielding {
 public:
  enum class State : uint8_t { queued, connecting, connected, failed };
  static constexpr uint32_t kMaxAttempts = 16;

  Connect(EventLoop& loop, Transport& transport, ConnectObserver& observer)
      : loop_(loop), transport_(transport), observer_(observer) {}
  ~Connect() { release(); }

  // Tries backends until an attempt has to wait, succeeds, or none is left. Does not call the
  // observer.
  State start(Cluster& cluster, uint64_t client_hash);
  // The deadline has passed: the attempt counts as failed, and the next backend is tried. Of one
  // that waits, it fails.
  State on_timeout();
  TimePoint deadline() const;  // of this attempt, or of the wait
  // The session has closed the connection, or no longer waits for it.
  void release();

  State state() const { return state_; }
  EndReason reason() const { return reason_; }  // of State::failed
  const HostSpec* host() const {
    return backend_ == kNoBackend ? nullptr : &cluster_->spec().hosts[backend_];
  }
  BackendCells* cells() { return backend_ == kNoBackend ? nullptr : &cluster_->cells_of(backend_); }
  uint32_t attempts() const { return attempts_; }

 private:
  void on_readable() override;
  void on_writable() override { proceed(); }
  void on_room() override;
  void on_resume() override;
  void proceed();
  Transport::Connecting continue_attempt();
  State try_next();
  Cluster::Choice next_backend();
  Cluster::Wanted wanted() const;
  bool same_name(BackendIndex a, BackendIndex b) const;
  State wait();
  void leave_queue();
  State give_up(EndReason reason);
  const config::Timeout& queue_timeout() const;
  State attempt();
  void succeed();
  void fail(ConnectError error);

  EventLoop& loop_;
  Cluster* cluster_ = nullptr;  // null before start()
  Transport& transport_;
  ConnectObserver& observer_;
  uint64_t client_hash_ = 0;
  TimePoint began_{};
  TimePoint queued_since_{};  // for the first time
  Reservation handed_;        // by the queue
  Reservation reservation_;   // of the attempt, and of the session
  bool called_ = false;       // by the queue
  std::array<BackendIndex, kMaxAttempts> tried_{};
  uint32_t attempts_ = 0;
  uint32_t backends_ = 0;  // attempts without those at another address of the same backend
  BackendIndex backend_ = kNoBackend;
  State state_ = State::connecting;
  EndReason reason_ = EndReason::no_backend;
};

}  // namespace weir
