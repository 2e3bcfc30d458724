// CheckRun: one question to one backend: connect, send what the probe asks, hand it the answer.
//
// Owner: a health check, by Owned. Thread: its loop's. Tells its owner once, unless it is let go
// before. The deadline of all of it is the owner's.
#pragma once

#include "health/probe.h"
#include "net/transport.h"
#include "tls/tls_client.h"

namespace weir {

struct CheckTarget;

class CheckRunOwner {
 public:
  enum class Verdict : uint8_t {
    ok,
    fail,
    unknown,  // an error of our own, which says nothing about the backend
  };
  // `why` is for people: "connection refused". The owner may let go of the run.
  virtual void on_run_over(Verdict verdict, std::string why) = 0;

 protected:
  ~CheckRunOwner() = default;
};

class CheckRun final : public Retirable, private TransportReader, private TransportWriter {
 public:
  CheckRun(EventLoop& loop, CheckRunOwner& owner, std::unique_ptr<Probe> probe);

  // May tell the owner before it returns.
  void start(const CheckTarget& target);
  // What a timeout now means: "not connected", "no 'PONG'".
  std::string missing() const;

 protected:
  void close() override { transport_.close(); }

 private:
  enum class Stage : uint8_t { connecting, handshake, asking, listening };

  ~CheckRun() override = default;
  void on_writable() override;
  void on_readable() override;
  void connect(Transport::Connecting state);
  bool send_proxy_header();
  void handshake();
  void ask();
  void listen();
  void conclude(Probe::Finding finding);
  void failed_with(int error);
  void over(CheckRunOwner::Verdict verdict, std::string why);

  CheckRunOwner& owner_;
  std::unique_ptr<Probe> probe_;
  Transport transport_;
  std::unique_ptr<TlsStream> tls_;  // until it is connected; null: none
  config::ProxyVersion proxy_protocol_{};
  Address to_;
  Stage stage_ = Stage::connecting;
  size_t sent_ = 0;
};

}  // namespace weir
