// TcpProbe: one question to one backend: connect, send something or not, wait for an answer or not.
//
// Owner: a health check, by Owned, for one attempt. Thread: its loop's. Tells its owner once,
// unless it is let go before. The deadline is the owner's: a probe knows no time, only what it
// waits for.
#pragma once

#include <string>
#include <string_view>

#include "config/model.h"
#include "net/transport.h"

namespace weir {

class ProbeOwner {
 public:
  enum class Verdict : uint8_t {
    ok,
    fail,
    unknown,  // an error of our own, which says nothing about the backend
  };
  // `why` is for people: "connection refused". The owner may let go of the probe.
  virtual void on_probe_done(Verdict verdict, std::string why) = 0;

 protected:
  ~ProbeOwner() = default;
};

class TcpProbe final : public Retirable, private TransportReader, private TransportWriter {
 public:
  static constexpr size_t kAnswerLimit = 4096;

  // `spec` is the owner's and outlives the probe.
  TcpProbe(EventLoop& loop, ProbeOwner& owner, const config::HealthCheck& spec);

  // May tell the owner before it returns.
  void start(const Address& to);
  // What a timeout now means: "not connected", "no 'PONG'".
  std::string missing() const;

 protected:
  void close() override { transport_.close(); }

 private:
  ~TcpProbe() override = default;
  void on_writable() override;
  void on_readable() override;
  void advance(Transport::Connecting state);
  bool send();  // whether all of it is out; a failure is noticed by the read
  void read();
  void done(ProbeOwner::Verdict verdict, std::string why);
  void failed_with(int error);
  std::string wanted() const;

  ProbeOwner& owner_;
  const config::HealthCheck& spec_;
  Transport transport_;
  bool connected_ = false;
  size_t sent_ = 0;
  std::string answer_;
};

}  // namespace weir
