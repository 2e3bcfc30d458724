// TcpProbe: sends `send`, if there is any, and looks for `expect`, if there is any, in the first
// bytes of the answer.
#pragma once

#include "upstream/probe.h"

namespace weir {

class TcpProbe final : public Probe {
 public:
  static constexpr size_t kAnswerLimit = 4096;

  explicit TcpProbe(const config::HealthCheck& spec) : spec_(spec) {}

  std::string_view question() const override { return spec_.send; }
  bool wants_answer() const override { return !spec_.expect.empty(); }
  Finding hear(std::string_view bytes) override;
  Finding hear_end() override;
  std::string missing() const override { return "no " + quoted(spec_.expect); }

 private:
  const config::HealthCheck& spec_;
  std::string answer_;
};

}  // namespace weir
