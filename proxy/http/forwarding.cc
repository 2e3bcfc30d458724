#include "http/forwarding.h"

#include <cstring>
#include <utility>

#include "http/semantics.h"

namespace weir {
namespace {

// All received fields of that name as one list: RFC 9110 5.3.
void add_received(const RequestHead& head, FieldId id, TextMemory& memory) {
  for (size_t i = 0; head.has(id) && i < head.field_count(); ++i) {
    if (head.field_id(i) != id || head.field_value(i).empty()) continue;
    memory.add(head.field_value(i));
    memory.add(", ");
  }
}

// A quoted string that does not end would swallow what is written behind it.
bool quotes_end(std::string_view value) {
  bool quoted = false;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '"') quoted = !quoted;
    if (quoted && value[i] == '\\') ++i;
  }
  return !quoted;
}

bool all_quotes_end(const RequestHead& head, FieldId id) {
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (head.field_id(i) == id && !quotes_end(head.field_value(i))) return false;
  }
  return true;
}

// RFC 7239 4: a value is a token or a quoted string. No client address and no valid host holds a
// quotation mark or a backslash.
void add_quoted(std::string_view value, TextMemory& memory) {
  const bool token = all(kToken, value);
  if (!token) memory.add("\"");
  memory.add(value);
  if (!token) memory.add("\"");
}

void add_node(std::string_view address, TextMemory& memory) {
  const bool v6 = address.find(':') != std::string_view::npos;
  if (!v6) return add_quoted(address, memory);
  memory.add("\"[");
  memory.add(address);
  memory.add("]\"");
}

// "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80": the forms that are seen in X-Forwarded-For.
bool parse_entry(std::string_view entry, IpAddress& address) {
  if (address.parse(entry)) return true;
  if (!entry.empty() && entry.front() == '[') {
    const size_t end = entry.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view port = entry.substr(end + 1);
    if (!port.empty() && (port.front() != ':' || !all(kDigit, port.substr(1)))) return false;
    const std::string_view host = entry.substr(1, end - 1);
    return host.find(':') != std::string_view::npos && address.parse(host);
  }
  const size_t colon = entry.find(':');
  if (colon == std::string_view::npos || !all(kDigit, entry.substr(colon + 1))) return false;
  return address.parse(entry.substr(0, colon));
}

// Takes the last member off a list.
std::string_view last_member(std::string_view& rest) {
  const size_t comma = rest.rfind(',');
  if (comma == std::string_view::npos) return trim_ows(std::exchange(rest, {}));
  const std::string_view member = trim_ows(rest.substr(comma + 1));
  rest = rest.substr(0, comma);
  return member;
}

std::string_view only_value(const RequestHead& head, const Hop& hop, FieldId id) {
  return hop.trusted && !head.repeated(id) ? head.find(id) : std::string_view();
}

}  // namespace

void TextMemory::add(std::string_view text) {
  if (full_ || text.size() > memory_.size() - used_) {
    full_ = true;
    return;
  }
  if (!text.empty()) std::memcpy(memory_.data() + used_, text.data(), text.size());
  used_ += text.size();
}

std::string_view x_forwarded_for(const RequestHead& head, const Hop& hop, TextMemory& memory) {
  if (!hop.trusted || !head.has(FieldId::x_forwarded_for)) return hop.client;
  memory.begin();
  add_received(head, FieldId::x_forwarded_for, memory);
  memory.add(hop.client);
  return memory.end();
}

std::string_view forwarded(const RequestHead& head, const Hop& hop, TextMemory& memory) {
  memory.begin();
  if (hop.trusted && all_quotes_end(head, FieldId::forwarded))
    add_received(head, FieldId::forwarded, memory);
  memory.add("for=");
  add_node(hop.client, memory);
  if (!head.authority().empty()) {
    memory.add(";host=");
    add_quoted(head.authority(), memory);
  }
  memory.add(";proto=");
  memory.add(hop.scheme);
  return memory.end();
}

std::string_view x_forwarded_proto(const RequestHead& head, const Hop& hop) {
  const std::string_view received = only_value(head, hop, FieldId::x_forwarded_proto);
  return all(kToken, received) ? received : hop.scheme;
}

std::string_view x_forwarded_host(const RequestHead& head, const Hop& hop) {
  const std::string_view received = only_value(head, hop, FieldId::x_forwarded_host);
  return valid_authority(received) ? received : head.authority();
}

std::optional<IpAddress> client_address(const RequestHead& head, const Address& peer,
                                        const TrustedNetworks& trusted) {
  IpAddress address;
  std::optional<IpAddress> client;
  if (address.assign(peer)) client = address;
  bool believed = trusted.contains(peer);
  for (size_t i = head.field_count(); believed && i-- > 0;) {
    if (head.field_id(i) != FieldId::x_forwarded_for) continue;
    std::string_view rest = head.field_value(i);
    while (believed && !rest.empty()) {
      const std::string_view entry = last_member(rest);
      if (entry.empty()) continue;  // RFC 9110 5.6.1: empty members are passed over
      if (!parse_entry(entry, address)) return client;
      client = address;
      believed = trusted.contains(address);
    }
  }
  return client;
}

std::string_view request_id(const RequestHead& head, const Hop& hop, uint64_t random,
                            std::span<char, kRequestIdSize> memory) {
  const std::string_view received = only_value(head, hop, FieldId::x_request_id);
  if (received.size() <= kMaxRequestIdSize && all(kToken, received)) return received;
  for (size_t i = kRequestIdSize; i-- > 0; random >>= 4)
    memory[i] = "0123456789abcdef"[random & 15];
  return {memory.data(), memory.size()};
}

}  // namespace weir
