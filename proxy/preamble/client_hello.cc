#include "preamble/client_hello.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/byte_reader.h"
#include "base/check.h"

namespace weir {
namespace {

using State = ClientHello::State;

constexpr size_t kRecordHeader = 5;
constexpr size_t kMaxRecord = 16 * 1024;
constexpr size_t kMessageHeader = 4;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kClientHello = 1;
constexpr unsigned kServerNameExtension = 0;
constexpr unsigned kAlpnExtension = 16;
constexpr unsigned kVersionsExtension = 43;
constexpr uint16_t kTls13 = 0x0304;

struct [[nodiscard]] Verdict {
  State state = State::complete;
  std::string_view reason;
};

Verdict malformed(std::string_view reason) {
  return {State::malformed, reason};
}
Verdict too_long() {
  return {State::too_long, "the TLS ClientHello is too long"};
}

unsigned byte_at(std::string_view bytes, size_t i) {
  return static_cast<uint8_t>(bytes[i]);
}

// Finds the message in the records, without copying it. Each fault is found at the byte that causes
// it, in the order of the bytes, so that the outcome does not depend on how they were split.
class Records {
 public:
  explicit Records(std::string_view input) : input_(input) {}

  // Complete: the input has the whole message.
  Verdict read() {
    for (size_t count = 0; !all_there(); ++count) {
      if (at_ == input_.size()) return {State::incomplete, {}};
      if (count == kMaxClientHelloRecords) return too_long();
      const Verdict header = read_header(count == 0);
      if (header.state != State::complete) return header;
      const Verdict content = read_content();
      if (content.state != State::complete) return content;
    }
    return {};
  }

  // When complete: the message; a view of the input if it is in one record.
  std::string_view message(std::span<char> scratch) const {
    ByteReader reader(input_);
    size_t size = 0;
    while (reader.ok()) {
      reader.take(kRecordHeader - 2);
      const std::string_view content = reader.take(reader.u16());
      if (content.size() == wanted_) return content;
      CHECK(size + content.size() <= wanted_ && wanted_ <= scratch.size());
      std::copy(content.begin(), content.end(), scratch.begin() + static_cast<ptrdiff_t>(size));
      size += content.size();
      if (size == wanted_) return {scratch.data(), size};
    }
    CHECK_UNREACHABLE();
  }

 private:
  bool all_there() const { return wanted_ != 0 && collected_ == wanted_; }

  Verdict read_header(bool first) {
    const std::string_view header = input_.substr(at_, kRecordHeader);
    const Verdict other = first ? Verdict{State::not_tls, "the connection does not begin with TLS"}
                                : malformed("a TLS ClientHello is broken off by another record");
    if (byte_at(header, 0) != kHandshake) return other;
    if (header.size() > 1 && byte_at(header, 1) != 3) return other;  // SSL 3.0 to TLS 1.3
    if (header.size() > 3 && byte_at(header, 3) > kMaxRecord / 256)
      return malformed("a TLS record is longer than 16 KiB");
    if (header.size() < kRecordHeader) return {State::incomplete, {}};
    length_ = byte_at(header, 3) * 256 + byte_at(header, 4);
    if (length_ > kMaxRecord) return malformed("a TLS record is longer than 16 KiB");
    if (length_ == 0) return malformed("a TLS record of the handshake is empty");
    at_ += kRecordHeader;
    return {};
  }

  Verdict read_content() {
    const std::string_view content = input_.substr(at_, length_);
    for (size_t i = 0; collected_ + i < kMessageHeader && i < content.size(); ++i) {
      const Verdict verdict = message_header_byte(collected_ + i, byte_at(content, i));
      if (verdict.state != State::complete) return verdict;
    }
    if (wanted_ != 0 && length_ > wanted_ - collected_)
      return malformed("something follows the TLS ClientHello in its record");
    if (content.size() < length_) return {State::incomplete, {}};
    collected_ += length_;
    at_ += length_;
    return {};
  }

  Verdict message_header_byte(size_t place, unsigned value) {
    if (place == 0)
      return value == kClientHello ? Verdict{}
                                   : malformed("the TLS handshake begins with no ClientHello");
    size_ = size_ * 256 + value;
    // Further bytes can only make it longer.
    const size_t at_least = size_ << (8 * (kMessageHeader - 1 - place));
    if (at_least + kMessageHeader > kMaxClientHello) return too_long();
    if (place == kMessageHeader - 1) wanted_ = size_ + kMessageHeader;
    return {};
  }

  std::string_view input_;
  size_t at_ = 0;         // in the input
  size_t length_ = 0;     // of the record
  size_t collected_ = 0;  // of the message, in the records before
  size_t size_ = 0;       // of the message without its header, so far
  size_t wanted_ = 0;     // of the message with its header; 0: not known
};

bool read_name(std::string_view content, ClientHello& hello) {
  hello.name_size = static_cast<uint8_t>(read_server_name(content, hello.name).size());
  return hello.name_size > 0;
}

bool read_alpn(std::string_view content, ClientHello& hello) {
  ByteReader reader(content);
  hello.alpn = AlpnList(reader.take(reader.u16()));
  return reader.done() && !hello.alpn.empty() && hello.alpn.fit();
}

bool read_versions(std::string_view content, ClientHello& hello) {
  ByteReader reader(content);
  ByteReader list(reader.take(reader.u8()));
  if (!reader.done() || list.done()) return false;
  while (list.more()) hello.offers_tls13 |= list.u16() == kTls13;
  return list.ok();
}

Verdict read_extensions(std::string_view bytes, ClientHello& hello) {
  bool name = false, alpn = false, versions = false;  // seen
  // False: the extension is a duplicate, or malformed.
  const auto read = [&hello](bool& seen, auto* reading, std::string_view content) {
    return !std::exchange(seen, true) && reading(content, hello);
  };
  ByteReader reader(bytes);
  while (reader.more()) {
    const unsigned type = reader.u16();
    const std::string_view content = reader.take(reader.u16());
    if (!reader.ok()) break;
    if (type == kServerNameExtension && !read(name, read_name, content))
      return malformed("the server name of a TLS ClientHello is malformed");
    if (type == kAlpnExtension && !read(alpn, read_alpn, content))
      return malformed("the protocols (ALPN) of a TLS ClientHello are malformed");
    if (type == kVersionsExtension && !read(versions, read_versions, content))
      return malformed("the versions of a TLS ClientHello are malformed");
  }
  return reader.ok() ? Verdict{}
                     : malformed("an extension of a TLS ClientHello does not fit into it");
}

// `message` begins with its header, which was read before.
Verdict read_message(std::string_view message, ClientHello& hello) {
  ByteReader reader(message.substr(kMessageHeader));
  reader.u16();     // the version field that supported_versions replaces
  reader.take(32);  // random
  const std::string_view session = reader.take(reader.u8());
  const std::string_view ciphers = reader.take(reader.u16());
  const std::string_view compressions = reader.take(reader.u8());
  if (!reader.ok() || session.size() > 32 || ciphers.empty() || ciphers.size() % 2 != 0 ||
      compressions.find('\0') == compressions.npos)
    return malformed("a TLS ClientHello is malformed");
  if (reader.done()) return {};  // before TLS 1.2 there need not be extensions
  const std::string_view extensions = reader.take(reader.u16());
  if (!reader.done()) return malformed("the extensions of a TLS ClientHello do not fill it");
  return read_extensions(extensions, hello);
}

ClientHello result(Verdict verdict) {
  ClientHello hello;
  hello.state = verdict.state;
  hello.reason = verdict.reason;
  return hello;
}

}  // namespace

std::string_view read_server_name(std::string_view extension,
                                  std::span<char, kMaxServerName> memory) {
  ByteReader reader(extension);
  ByteReader list(reader.take(reader.u16()));
  const uint8_t type = list.u8();
  std::string_view name = list.take(list.u16());
  if (!reader.done() || !list.done() || type != 0) return {};  // 0: host_name
  if (name.size() > kMaxServerName || name.find('\0') != name.npos) return {};
  if (name.ends_with('.')) name.remove_suffix(1);
  std::transform(name.begin(), name.end(), memory.begin(), ascii_lower);
  return {memory.data(), name.size()};
}

std::string_view AlpnList::next() {
  ByteReader reader(left_);
  const std::string_view protocol = reader.take(reader.u8());
  left_ = reader.rest();
  return protocol;
}

bool AlpnList::offers(std::string_view protocol) const {
  AlpnList walk = *this;
  while (!walk.empty())
    if (walk.next() == protocol) return true;
  return false;
}

bool AlpnList::fit() const {
  ByteReader reader(left_);
  while (reader.more())
    if (reader.take(reader.u8()).empty()) return false;
  return reader.ok();
}

ClientHello read_client_hello(std::string_view input, std::span<char> scratch) {
  CHECK(scratch.size() >= kMaxClientHello);
  Records records(input);
  const Verdict there = records.read();
  if (there.state != State::complete) return result(there);
  ClientHello hello;
  const Verdict meaning = read_message(records.message(scratch), hello);
  if (meaning.state != State::complete) return result(meaning);
  hello.state = State::complete;
  return hello;
}

}  // namespace weir
