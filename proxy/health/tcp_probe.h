// TcpProbe: sends `send` or `send_hex`, if one is set, and searches the first bytes of the answer
// for `expect` or `expect_hex`, if one is set.
#pragma once

#include "health/probe.h"

namespace weir {

class TcpProbe final : public Probe {
 public:
  static constexpr size_t kAnswerLimit = 4096;

  explicit TcpProbe(const config::HealthCheck& spec) : spec_(spec) {}

  std::string_view request_bytes() const override {
    return spec_.send.empty() ? spec_.send_hex : spec_.send;
  }
  bool expects_response() const override { return !expected().empty(); }
  Finding receive(std::string_view bytes) override;
  Finding receive_end() override;
  std::string missing() const override { return "no " + shown(); }

 private:
  const std::string& expected() const {
    return spec_.expect.empty() ? spec_.expect_hex : spec_.expect;
  }
  std::string shown() const;
  const config::HealthCheck& spec_;
  std::string answer_;
};

}  // namespace weir
