// The part of the model that is about health checks. Plain values, as in model.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "config/plain_values.h"

namespace weir::config {

// An answer of a check that has all of this drains the backend. At least one is given.
struct DrainOn {
  StatusSet status;    // empty: any
  std::string header;  // "Name: value", or "Name: *" for any value; empty: none
  std::string body;    // bytes the body must contain; empty: any
  friend bool operator==(const DrainOn&, const DrainOn&) = default;
};

struct HealthCheck {
  enum class Type : uint8_t { tcp, http, grpc };
  Type type = Type::tcp;
  Duration interval = std::chrono::seconds(2);
  Duration fast_interval = std::chrono::seconds(1);
  Duration timeout = std::chrono::seconds(2);
  uint32_t rise = 1;
  uint32_t fall = 2;
  double jitter = 0.1;     // share of the interval, 0 to 1
  std::string send;        // bytes sent after connecting; empty: none
  std::string expect;      // bytes the answer must contain; empty: connecting is enough
  std::string send_hex;    // in place of `send`, where that is empty; the bytes themselves
  std::string expect_hex;  // in place of `expect`
  std::string method = "GET";
  std::string path = "/";
  std::string host;  // empty: the backend's address
  NamedValues headers;
  StatusSet expect_status{{{200, 299}}};
  std::string expect_body;  // bytes the body must contain; empty: any
  std::string service;      // of grpc; empty: the server as a whole
  uint32_t port = 0;        // 0: the backend's
  std::optional<bool> tls;  // none: as the cluster
  std::optional<DrainOn> drain_on;
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};
constexpr auto list_names(HealthCheck::Type) {
  return std::to_array<const char*>({"tcp", "http", "grpc"});
}

}  // namespace weir::config
