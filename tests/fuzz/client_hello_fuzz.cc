// Any bytes as the first bytes of a TLS client. The result does not depend on how they are split
// into reads, nor on how the message is split into records.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "preamble/client_hello.h"

namespace {

using namespace weir;
using State = ClientHello::State;

struct Read {
  explicit Read(std::string_view input) : bytes(input), scratch(kMaxClientHello) {
    bytes.shrink_to_fit();
    hello = read_client_hello({bytes.data(), bytes.size()}, scratch);
  }

  std::string bytes;
  std::vector<char> scratch;
  ClientHello hello;
};

bool same_meaning(const ClientHello& a, const ClientHello& b) {
  if (a.server_name() != b.server_name() || a.offers_tls13 != b.offers_tls13) return false;
  AlpnList left = a.alpn, right = b.alpn;
  while (!left.empty() && !right.empty())
    if (left.next() != right.next()) return false;
  return left.empty() && right.empty();
}

void check_splits(std::string_view input, const ClientHello& whole) {
  bool decided = false;
  const size_t step = 1 + input.size() / 64;
  for (size_t size = 0; size < input.size(); size += step) {
    const Read part(input.substr(0, size));
    CHECK(part.hello.state != State::incomplete || !decided);
    decided = part.hello.state != State::incomplete;
    CHECK(!decided || (part.hello.state == whole.state && part.hello.reason == whole.reason &&
                       same_meaning(part.hello, whole)));
  }
}

std::string in_records(std::string_view message, size_t size) {
  std::string bytes;
  for (; !message.empty(); message.remove_prefix(std::min(size, message.size()))) {
    const std::string_view part = message.substr(0, size);
    bytes += "\x16\x03\x01";
    bytes += static_cast<char>(part.size() >> 8);
    bytes += static_cast<char>(part.size() & 0xff);
    bytes += part;
  }
  return bytes;
}

// As the body of a hello, since few inputs hold records and lengths that fit.
void check_as_message(std::string_view body) {
  if (body.size() + 4 > kMaxClientHello) return;
  std::string message{1, 0, static_cast<char>(body.size() >> 8),
                      static_cast<char>(body.size() & 0xff)};
  message += body;
  const Read whole(in_records(message, kMaxClientHello));
  CHECK(whole.hello.state == State::complete || whole.hello.state == State::malformed);
  const Read spread(in_records(message, 1 + message.size() / 60));
  CHECK(spread.hello.state == whole.hello.state && spread.hello.reason == whole.hello.reason);
  CHECK(same_meaning(spread.hello, whole.hello));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Read whole(input);
  CHECK(whole.hello.reason.empty() ==
        (whole.hello.state == State::complete || whole.hello.state == State::incomplete));
  CHECK(whole.hello.state != State::incomplete || input.size() < kMaxClientHelloInput);
  check_splits(input, whole.hello);
  check_as_message(input);
  if (input.size() > 9) check_as_message(input.substr(9));  // after the headers of a hello
  return 0;
}
