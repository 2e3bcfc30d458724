// The message of a gRPC health check, of grpc/doc/health-checking: `HealthCheckRequest` to write,
// `HealthCheckResponse` to read. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

inline constexpr size_t kMaxHealthMessage = 1024;

enum class ServingStatus : uint8_t { unknown, serving, not_serving, service_unknown };
const char* text(ServingStatus status);  // as gRPC names it: "NOT_SERVING"

// With the prefix of a message: not compressed, and its length. `service`: empty: the server.
std::string health_request(std::string_view service);
// Of a message without its prefix. Fields that are not known are skipped. Nullopt: no such message.
std::optional<ServingStatus> read_health_response(std::string_view message);

}  // namespace weir
