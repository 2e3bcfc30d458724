#include "health/grpc_health.h"

#include <array>

namespace weir {
namespace {

// Protocol Buffers: a tag is a field number and one of these.
enum class WireType : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
constexpr uint64_t kStatusField = 1;

std::optional<uint64_t> read_varint(std::string_view& rest) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

bool skip_bytes(std::string_view& rest, uint64_t size) {
  if (size > rest.size()) return false;
  rest.remove_prefix(static_cast<size_t>(size));
  return true;
}

bool skip_field(std::string_view& rest, uint64_t type) {
  switch (static_cast<WireType>(type)) {
    case WireType::varint: return read_varint(rest).has_value();
    case WireType::fixed64: return skip_bytes(rest, 8);
    case WireType::fixed32: return skip_bytes(rest, 4);
    case WireType::bytes: {
      const std::optional<uint64_t> size = read_varint(rest);
      return size && skip_bytes(rest, *size);
    }
  }
  return false;
}

}  // namespace

const char* text(ServingStatus status) {
  constexpr std::array kNames{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  return kNames[static_cast<size_t>(status)];
}

std::string health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';  // field 1, bytes
    if (service.size() >= 0x80) message += char(0x80 | (service.size() & 0x7f));
    message += char(service.size() >= 0x80 ? service.size() >> 7 : service.size());
    message += service;
  }
  std::string bytes(5, '\0');
  bytes[3] = char(message.size() >> 8);
  bytes[4] = char(message.size() & 0xff);
  return bytes + message;
}

std::optional<ServingStatus> read_health_response(std::string_view message) {
  auto status = ServingStatus::unknown;  // where the field is missing
  while (!message.empty()) {
    const std::optional<uint64_t> tag = read_varint(message);
    if (!tag) return std::nullopt;
    if (*tag != (kStatusField << 3 | uint64_t(WireType::varint))) {
      if (*tag >> 3 == 0 || !skip_field(message, *tag & 7)) return std::nullopt;
      continue;
    }
    const std::optional<uint64_t> value = read_varint(message);
    if (!value) return std::nullopt;
    status = *value <= uint64_t(ServingStatus::service_unknown) ? ServingStatus(*value)
                                                                : ServingStatus::unknown;
  }
  return status;
}

}  // namespace weir
