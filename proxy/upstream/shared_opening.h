// SharedOpening: makes the connection that many requests wait for: socket, TLS, and with TLS the
// version of HTTP that the backend chooses (ALPN, RFC 9113 3.3). A failure is counted, logged, and
// holds the backend off once, however many requests wait.
//
// Owner: a SharedConnection, by value, whose transport it has until it reports; thread: the
// worker's.
#pragma once

#include "upstream/cluster.h"

namespace weir {

class SharedOpening final : private TransportReader,
                            private TransportWriter,
                            private Yielding,
                            private Deadline {
 public:
  enum class Outcome : uint8_t {
    http2,
    http1,   // the cluster lets the backend choose
    failed,  // counted and logged
  };
  class Owner {
   public:
    virtual void on_opened(Outcome outcome) = 0;  // the last call

   protected:
    ~Owner() = default;
  };

  SharedOpening(Pool& pool, Transport& transport, Owner& owner)
      : pool_(pool), transport_(transport), owner_(owner) {}

  // `cluster` is used during the call only. The owner is called later.
  void start(const ClusterSpec& cluster, const HostSpec& host, ClusterCells& cells);
  void stop();
  // The backend may choose, and has chosen HTTP/1 the last time.
  bool expects_http1() const { return expects_http1_; }

 private:
  void on_readable() override { proceed(); }
  void on_writable() override { proceed(); }
  void on_resume() override { proceed(); }
  void on_deadline() override { fail(ConnectError::timeout); }
  void proceed();
  void opened();
  void fail(ConnectError error);

  Pool& pool_;
  Transport& transport_;
  Owner& owner_;
  std::unique_ptr<TlsStream> tls_;  // until the socket is connected
  ClusterCells* cells_ = nullptr;
  config::Backoff backoff_;
  TimePoint since_{};
  bool without_tls_ = false;  // which is needed and could not be made
  bool may_choose_ = false;   // the backend
  bool expects_http1_ = false;
};

}  // namespace weir
