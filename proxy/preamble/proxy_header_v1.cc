#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

#include "preamble/proxy_header_parts.h"

namespace weir::proxy_header {
namespace {

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kBadAddress =
    "an address in a PROXY line is not of its family, or no single blank follows it";
constexpr std::string_view kBadPort =
    "a port in a PROXY line is not a number from 0 to 65535, or what follows it is wrong";
constexpr std::string_view kNoCrlf = "a PROXY line does not end with CRLF";

// Removes a field of a line and the byte after it. If the field is incomplete, it is the whole rest
// of the line.
State take_field(std::string_view& left, std::string_view allowed, char end,
                 std::string_view& field) {
  field = left.substr(0, left.find_first_not_of(allowed));
  if (field.size() == left.size()) return State::incomplete;
  if (left[field.size()] != end) return State::malformed;
  left.remove_prefix(field.size() + 1);
  return State::complete;
}

bool parse_port(std::string_view text, uint16_t& port) {
  if (text.size() > 1 && text[0] == '0') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

ProxyRead read_ports_and_end(std::string_view left, std::array<uint16_t, 2>& ports) {
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string_view text;
    const State state = take_field(left, "0123456789", i == 0 ? ' ' : '\r', text);
    if (state == State::incomplete && text.empty()) return incomplete();
    if (state == State::malformed || !parse_port(text, ports[i])) return malformed(kBadPort);
    if (state == State::incomplete) return incomplete();
  }
  if (left.empty()) return incomplete();
  if (left[0] != '\n') return malformed(kNoCrlf);
  return complete({});
}

// The line after "PROXY TCP4 " or "PROXY TCP6 ".
ProxyRead read_tcp(std::string_view line, std::string_view left, bool v6) {
  const size_t longest = v6 ? INET6_ADDRSTRLEN - 1 : INET_ADDRSTRLEN - 1;
  const std::string_view allowed = v6 ? "0123456789abcdefABCDEF:." : "0123456789.";
  const size_t host_size = v6 ? sizeof(in6_addr) : sizeof(in_addr);
  std::array<std::array<char, sizeof(in6_addr)>, 2> hosts{};
  for (auto& host : hosts) {
    std::string_view field;
    const State state = take_field(left, allowed, ' ', field);
    if (state == State::malformed || field.size() > longest) return malformed(kBadAddress);
    if (state == State::incomplete) return incomplete();
    char text[INET6_ADDRSTRLEN] = {};  // with the terminating zero for inet_pton()
    std::memcpy(text, field.data(), field.size());
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, host.data()) != 1) return malformed(kBadAddress);
  }
  std::array<uint16_t, 2> ports{};
  ProxyRead rest = read_ports_and_end(left, ports);
  if (rest.state != State::complete) return rest;
  return complete({.size = line.find('\n') + 1,
                   .command = Command::proxy,
                   .source = ip_address({hosts[0].data(), host_size}, ports[0]),
                   .destination = ip_address({hosts[1].data(), host_size}, ports[1]),
                   .tlvs = {}});
}

// The rest of the line after "PROXY UNKNOWN" is ignored, but the line must end.
ProxyRead read_unknown(std::string_view line, std::string_view left) {
  if (left.empty()) return incomplete();
  if (left[0] != ' ' && left[0] != '\r')
    return malformed("what follows UNKNOWN in a PROXY line is wrong");
  const size_t end = left.find_first_of("\r\n");
  if (end == left.npos) return incomplete();
  if (left[end] == '\n') return malformed(kNoCrlf);
  if (end + 1 == left.size()) return incomplete();
  if (left[end + 1] != '\n') return malformed(kNoCrlf);
  ProxyHeader header;
  header.size = line.size() - left.size() + end + 2;
  header.command = Command::proxy;
  return complete(std::move(header));
}

ProxyRead read_line_within(std::string_view line) {
  const State start = match(line, kLineStart);
  if (start == State::malformed) return malformed(kNoHeader);
  if (start == State::incomplete) return incomplete();
  bool may_come = false;
  for (const std::string_view protocol : {"TCP4 ", "TCP6 ", "UNKNOWN"}) {
    const std::string_view left = line.substr(kLineStart.size());
    const State state = match(left, protocol);
    may_come |= state == State::incomplete;
    if (state != State::complete) continue;
    const std::string_view behind = left.substr(protocol.size());
    return protocol[0] == 'U' ? read_unknown(line, behind)
                              : read_tcp(line, behind, protocol[3] == '6');
  }
  if (may_come) return incomplete();
  return malformed("the protocol of a PROXY line is none of TCP4, TCP6 and UNKNOWN");
}

}  // namespace

ProxyRead read_v1(std::string_view input) {
  ProxyRead read = read_line_within(input.substr(0, kMaxProxyLine));
  if (read.state == State::incomplete && input.size() >= kMaxProxyLine)
    return malformed("a PROXY line is longer than 107 bytes");
  return read;
}

}  // namespace weir::proxy_header
