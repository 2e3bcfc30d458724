#include "http/grpc.h"

#include <algorithm>
#include <charconv>

#include "http/chars.h"

namespace weir {
namespace {

constexpr size_t kMaxGrpcTimeoutDigits = 8;
constexpr std::string_view kUpperHexDigits = "0123456789ABCDEF";

std::optional<Duration> grpc_unit(char unit) {
  switch (unit) {
    case 'H': return std::chrono::hours(1);
    case 'M': return std::chrono::minutes(1);
    case 'S': return std::chrono::seconds(1);
    case 'm': return std::chrono::milliseconds(1);
    case 'u': return std::chrono::microseconds(1);
    case 'n': return std::chrono::nanoseconds(1);
    default: return std::nullopt;
  }
}

// Blanks at the ends are encoded as well: a field value has none (RFC 9113 8.2.1).
bool is_plain(std::string_view message, size_t i) {
  const char c = message[i];
  const bool at_end = i == 0 || i + 1 == message.size();
  return c >= ' ' && c <= '~' && c != '%' && !(c == ' ' && at_end);
}

}  // namespace

bool is_grpc(std::string_view content_type) {
  constexpr std::string_view kType = "application/grpc";
  if (!iequals(content_type.substr(0, kType.size()), kType)) return false;
  const std::string_view rest = trim_ows(content_type.substr(kType.size()));
  return rest.empty() || rest.front() == '+' || rest.front() == ';';
}

std::optional<Duration> parse_grpc_timeout(std::string_view value) {
  if (value.size() < 2 || value.size() > kMaxGrpcTimeoutDigits + 1) return std::nullopt;
  const std::string_view digits = value.substr(0, value.size() - 1);
  const std::optional<Duration> unit = grpc_unit(value.back());
  if (!unit || !all(kDigit, digits)) return std::nullopt;
  int64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (count > kMaxGrpcTimeout / *unit) return kMaxGrpcTimeout;
  return *unit * count;
}

GrpcStatus parse_grpc_status(std::string_view value) {
  if (value.data() == nullptr) return GrpcStatus::none;
  if (value.size() > 2 || !all(kDigit, value) || (value.size() == 2 && value[0] == '0'))
    return GrpcStatus::other;
  unsigned number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number < unsigned(GrpcStatus::none) ? GrpcStatus(number) : GrpcStatus::other;
}

bool is_server_failure(GrpcStatus status) {
  return status == GrpcStatus::UNKNOWN || status == GrpcStatus::DEADLINE_EXCEEDED ||
         status == GrpcStatus::INTERNAL || status == GrpcStatus::UNAVAILABLE ||
         status == GrpcStatus::DATA_LOSS;
}

GrpcStatus grpc_status_for(unsigned http_status) {
  switch (http_status) {
    case 400: return GrpcStatus::INTERNAL;
    case 404:
    case 405:
    case 501: return GrpcStatus::UNIMPLEMENTED;
    case 408: return GrpcStatus::DEADLINE_EXCEEDED;
    case 413:
    case 431: return GrpcStatus::RESOURCE_EXHAUSTED;
    case 421:
    case 502:
    case 503:
    case 504: return GrpcStatus::UNAVAILABLE;
    default: return GrpcStatus::UNKNOWN;
  }
}

std::string_view encode_grpc_message(std::string_view message, std::span<char> memory) {
  size_t used = 0;
  for (size_t i = 0; i < message.size(); ++i) {
    const bool plain = is_plain(message, i);
    if (memory.size() - used < (plain ? 1u : 3u)) return {};
    const auto byte = static_cast<unsigned char>(message[i]);
    if (!plain) {
      memory[used++] = '%';
      memory[used++] = kUpperHexDigits[byte >> 4];
    }
    memory[used++] = plain ? message[i] : kUpperHexDigits[byte & 15];
  }
  return {memory.data(), used};
}

}  // namespace weir
