// gRPC as a proxy needs it, of "gRPC over HTTP2" (grpc/doc/PROTOCOL-HTTP2 of the gRPC project):
// what is gRPC, its time limit, its statuses and messages. Pure functions, any thread, no
// allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/outcomes.h"
#include "base/time.h"

namespace weir {

// application/grpc, alone or with a format ("+proto") or parameters.
bool is_grpc(std::string_view content_type);

inline constexpr Duration kMaxGrpcTimeout = std::chrono::hours(24 * 365 * 100);
// Of grpc-timeout: at most 8 digits and a unit; at most kMaxGrpcTimeout. Nullopt: invalid.
std::optional<Duration> parse_grpc_timeout(std::string_view value);

// Of grpc-status. The null view, where the field is missing: none; no number of a status: other.
GrpcStatus parse_grpc_status(std::string_view value);
// The server says that it has failed, not that the call was wrong.
bool is_server_failure(GrpcStatus status);
// For a response that weir itself makes with this HTTP status.
GrpcStatus grpc_status_for(unsigned http_status);

// The text for grpc-message, percent-encoded; the null view when it does not fit into `memory`,
// which three times the size always does.
std::string_view encode_grpc_message(std::string_view message, std::span<char> memory);

}  // namespace weir
