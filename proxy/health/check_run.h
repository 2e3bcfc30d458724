// CheckRun: one check of one backend: connects, sends the request of the probe, passes the response
// to the probe.
//
// Owner: a health check, by Owned. Thread: its loop's. Calls its owner once, unless the owner
// destroys it before that. The owner keeps the deadline of the whole run.
#pragma once

#include "health/probe.h"
#include "net/transport.h"
#include "tls/tls_client.h"

namespace weir {

struct CheckTarget;

class CheckRunOwner {
 public:
  enum class RunResult : uint8_t {
    ok,
    drain,  // ok, but the backend wants no new sessions
    fail,
    unknown,  // a local error, which says nothing about the backend
  };
  // `why`, for messages: "connection refused". The owner may destroy the run in this call.
  virtual void on_run_end(RunResult result, std::string why) = 0;

 protected:
  ~CheckRunOwner() = default;
};

class CheckRun final : public Retirable, private TransportReader, private TransportWriter {
 public:
  CheckRun(EventLoop& loop, CheckRunOwner& owner, std::unique_ptr<Probe> probe);

  // May call the owner before it returns.
  void start(const CheckTarget& target);
  // The message of a timeout at this moment: "not connected", "no 'PONG'".
  std::string missing() const;

 protected:
  void close() override { transport_.close(); }

 private:
  enum class Stage : uint8_t { connecting, sending, receiving };

  ~CheckRun() override = default;
  void on_writable() override;
  void on_readable() override;
  void connect();
  std::string_view write_proxy_header(std::span<char> memory) const;
  void connect_failed();
  void send_request();
  bool send_rest();
  bool agrees_on_protocol() const;
  void read_response();
  void conclude(Probe::Finding finding);
  void fail(int error);
  void finish(CheckRunOwner::RunResult result, std::string why);

  CheckRunOwner& owner_;
  std::unique_ptr<Probe> probe_;
  Transport transport_;
  std::unique_ptr<TlsStream> tls_;  // until the socket is connected; null: no TLS
  config::ProxyVersion proxy_protocol_{};
  Address to_;
  Stage stage_ = Stage::connecting;
  bool http2_ = false;
  size_t sent_ = 0;
};

}  // namespace weir
