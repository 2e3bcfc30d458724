// Connect: finds a backend for one client and connects to it: at most spec.connect_attempts
// backends, and kMaxAttempts addresses of them, each once, none for longer than the connect
// timeout. Where a backend has several addresses, the others are tried before another backend.
// Nothing of the client has been read meanwhile, so trying the next backend loses nothing.
//
// Owner: a session, by value; thread: its loop's. The session keeps the deadline and calls
// on_timeout(). Books: a BackendCells::active is held from the beginning of an attempt until it
// fails, or until release().
#pragma once

#include <array>

#include "metrics/labels.h"
#include "net/transport.h"
#include "preamble/proxy_header.h"
#include "upstream/cluster.h"

namespace weir {

// Of a connection that failed.
ConnectError connect_error(const Transport& transport);
// What OpenSSL says of it; "" when it was not TLS that failed.
const char* tls_failure(const Transport& transport);
// When its certificate was refused, says so in the log: of each backend once in a while, however
// many connections meet with it.
void log_refused_certificate(const Transport& transport, Backend& backend, TimePoint now);
// Goes on with a connection that transport.connect() has begun: also with its TLS, where the
// cluster has it. Call it again when the transport has become readable or writable.
// `greeting` goes before everything else.
Transport::Connecting finish_connecting(Transport& transport, const ClusterSpec& spec,
                                        const HostSpec& host, std::string_view greeting = {});
// Ours, not the backend's: no descriptors, no memory, no free local port. It is not held off for
// that.
bool is_local(int error);

// Of the hash that chooses a backend by the client's address: the same on every worker and after a
// restart, for TCP and HTTP.
constexpr uint64_t kSourceSeed = 0;

class ConnectObserver {
 public:
  virtual void on_connect() = 0;  // state() has changed
  // What the backend is to hear first, in `memory`; kMaxWrittenProxyHeader bytes.
  virtual std::string_view greeting(std::span<char> memory) = 0;

 protected:
  ~ConnectObserver() = default;
};

class Connect final : private TransportReader, private TransportWriter {
 public:
  enum class State : uint8_t { connecting, connected, failed };
  static constexpr uint32_t kMaxAttempts = 16;

  Connect(EventLoop& loop, Transport& transport, ConnectObserver& observer)
      : loop_(loop), transport_(transport), observer_(observer) {}
  ~Connect() { release(); }

  // Goes on until it has to wait. Never calls the observer from within.
  State start(Cluster& cluster, uint64_t client_hash);
  // The deadline has passed: counts as a failure of this backend; the next one is tried.
  State on_timeout();
  TimePoint deadline() const;  // of this attempt
  // The connection is over, or was given up.
  void release();

  State state() const { return state_; }
  EndReason reason() const { return reason_; }  // why it failed
  const HostSpec* host() const {
    return place_ == kNoBackend ? nullptr : &cluster_->spec().hosts[place_];
  }
  BackendCells* cells() { return place_ == kNoBackend ? nullptr : &cluster_->cells_of(place_); }
  uint32_t attempts() const { return attempts_; }

 private:
  void on_readable() override;
  void on_writable() override { go_on(); }
  void go_on();
  Transport::Connecting finish();
  State try_next();
  BackendIndex next_place();
  State attempt();
  void succeed();
  void fail(ConnectError error);

  EventLoop& loop_;
  Cluster* cluster_ = nullptr;  // null before start()
  Transport& transport_;
  ConnectObserver& observer_;
  uint64_t client_hash_ = 0;
  TimePoint began_{};
  std::array<BackendIndex, kMaxAttempts> tried_{};
  uint32_t attempts_ = 0;
  uint32_t backends_ = 0;  // how many of the attempts were not another address of the one before
  BackendIndex place_ = kNoBackend;
  State state_ = State::connecting;
  EndReason reason_ = EndReason::no_backend;
};

}  // namespace weir
