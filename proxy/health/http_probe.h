// HttpProbe: one request and its response, whose requirements are those of HttpAnswer.
//
// An unexpected status decides at once. Otherwise the probe reads the response to its end, or 64
// KiB of its body: a truncated or invalid response is a failure, and a healthy server gets no reset
// while it writes. Memory: a head of up to kMaxHeadSize, and those 64 KiB.
#pragma once

#include "health/http_answer.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"

namespace weir {

class HttpProbe final : public Probe {
 public:
  static constexpr size_t kMaxInterim = kMaxHeadSize;  // bytes of interim responses together
  static constexpr size_t kMaxFields = 1000;

  HttpProbe(const config::HealthCheck& spec, const Backend& backend);

  std::string_view request_bytes() const override { return request_; }
  bool expects_response() const override { return true; }
  Finding receive(std::string_view bytes) override;
  Finding receive_end() override;
  std::string missing() const override;

 private:
  enum class Part : uint8_t { head, body };

  Finding receive_head(std::string_view bytes);
  Finding forget_interims();
  Finding take_head();
  Finding receive_body(std::string_view bytes);

  const config::HealthCheck& spec_;
  std::string request_;
  Part part_ = Part::head;
  H1ResponseReader parser_;
  H1BodyDecoder decoder_;
  std::string head_;  // the bytes of the head, and the bytes after it
  size_t begun_ = 0;  // where the current head begins in it
  size_t interim_bytes_ = 0;
  HttpAnswer answer_;
};

}  // namespace weir
