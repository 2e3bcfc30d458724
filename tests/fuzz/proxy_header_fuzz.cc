// Any bytes as the beginning of a connection from a proxy. The outcome does not depend on how they
// are split, and a header that is written anew has the same meaning.
#include <array>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "preamble/proxy_header.h"

namespace {

using namespace weir;
using State = ProxyRead::State;

// In its own heap memory, so that a read beyond its end is detected.
ProxyRead read(std::vector<char>& memory, std::string_view input) {
  memory.assign(input.begin(), input.end());
  memory.shrink_to_fit();
  return read_proxy_header({memory.data(), memory.size()});
}

bool same(const ProxyRead& a, const ProxyRead& b) {
  return a.state == b.state && a.reason == b.reason && a.header.size == b.header.size &&
         a.header.command == b.header.command && a.header.source == b.header.source &&
         a.header.destination == b.header.destination;
}

void check_splits(std::string_view input, const ProxyRead& whole) {
  bool decided = false;
  std::vector<char> memory;
  const size_t step = 1 + input.size() / 512;
  for (size_t size = 0; size < input.size(); size += step) {
    const ProxyRead part = read(memory, input.substr(0, size));
    CHECK(part.state != State::incomplete || !decided);
    decided = part.state != State::incomplete;
    CHECK(!decided || same(part, whole));
  }
}

ProxyRead read_v1(std::vector<char>& memory, const ProxyHeader& header) {
  std::array<char, kMaxProxyLine> room;
  const auto written = write_proxy_v1(room, header.source, header.destination);
  return read(memory, {written.data(), written.size()});
}

ProxyRead read_v2(std::vector<char>& memory, const ProxyHeader& header) {
  std::array<char, kMaxWrittenProxyHeader> room;
  const auto written = write_proxy_v2(room, header.source, header.destination, header.tls());
  return read(memory, {written.data(), written.size()});
}

// Longer ones are not written.
std::string_view kept(std::string_view value) {
  return value.size() > kMaxProxyValue ? std::string_view() : value;
}

void check_tls(const ProxyTls& before, const ProxyTls& after) {
  CHECK(after.alpn == kept(before.alpn) && after.authority == kept(before.authority));
  if (before.version.empty()) return;
  CHECK(after.version == kept(before.version) && after.cipher == kept(before.cipher));
  CHECK(after.common_name == kept(before.common_name));
  CHECK(after.client_certificate == before.client_certificate);
  CHECK(after.verified == before.verified);
}

void check_written(const ProxyHeader& header) {
  std::vector<char> memory;
  const ProxyRead line = read_v1(memory, header);
  CHECK(line.state == State::complete && line.header.size == memory.size());
  if (header.source.is_ip())
    CHECK(line.header.source == header.source && line.header.destination == header.destination);
  const ProxyRead block = read_v2(memory, header);
  CHECK(block.state == State::complete && block.header.size == memory.size());
  CHECK(block.header.source == header.source && block.header.destination == header.destination);
  if (header.has_addresses()) check_tls(header.tls(), block.header.tls());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<char> memory;
  const ProxyRead whole = read(memory, input);
  CHECK(whole.reason.empty() == (whole.state != State::malformed));
  CHECK(whole.state != State::incomplete || input.size() < kMaxProxyHeader);
  check_splits(input, whole);
  if (whole.state != State::complete) return 0;
  CHECK(whole.header.size <= input.size() && whole.header.size <= kMaxProxyHeader);
  check_written(whole.header);
  return 0;
}
