// Shared by the readers of the two versions of the PROXY protocol; for the sources of
// proxy_header.h only.
#pragma once

#include <utility>

#include "preamble/proxy_header.h"

namespace weir::proxy_header {

using State = ProxyRead::State;
using Command = ProxyHeader::Command;

inline constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);  // of version 2
inline constexpr std::string_view kNoHeader = "the connection does not begin with a PROXY header";

inline ProxyRead incomplete() {
  return {};
}
inline ProxyRead malformed(std::string_view reason) {
  return {.state = State::malformed, .reason = reason, .header = {}};
}
inline ProxyRead complete(ProxyHeader header) {
  return {.state = State::complete, .reason = {}, .header = std::move(header)};
}

// Compares the beginning of `input` with `word`: complete when `input` has the whole word.
inline State match(std::string_view input, std::string_view word) {
  if (!word.starts_with(input.substr(0, word.size()))) return State::malformed;
  return input.size() < word.size() ? State::incomplete : State::complete;
}

Address ip_address(std::string_view host, uint16_t port);  // `host` has four or sixteen bytes

ProxyRead read_v1(std::string_view input);
ProxyRead read_v2(std::string_view input);

}  // namespace weir::proxy_header
