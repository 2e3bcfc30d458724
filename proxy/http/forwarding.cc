#include "http/forwarding.h"

#include <algorithm>
#include <array>
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

// One element of Forwarded, RFC 7239 4. What is not given, or cannot be read, is empty.
struct ForwardedElement {
  std::string_view node, proto;
};

// Takes everything up to a `separator` outside of quotes off the text, and the separator.
std::string_view unquoted_part(std::string_view& rest, char separator) {
  bool quoted = false;
  size_t i = 0;
  for (; i < rest.size() && (quoted || rest[i] != separator); ++i) {
    if (rest[i] == '"') quoted = !quoted;
    if (quoted && rest[i] == '\\') ++i;
  }
  i = std::min(i, rest.size());
  const std::string_view part = trim_ows(rest.substr(0, i));
  rest.remove_prefix(std::min(i + 1, rest.size()));
  return part;
}

std::string_view unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return value;
  return value.substr(1, value.size() - 2);
}

ForwardedElement forwarded_element(std::string_view text) {
  ForwardedElement element;
  while (!text.empty()) {
    const std::string_view pair = unquoted_part(text, ';');
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = unquoted(pair.substr(std::min(equals + 1, pair.size())));
    if (iequals(pair.substr(0, equals), "for")) element.node = value;
    if (iequals(pair.substr(0, equals), "proto")) element.proto = value;
  }
  return element;
}

// The last elements of all Forwarded fields, in their order.
class ForwardedElements {
 public:
  explicit ForwardedElements(const RequestHead& head) {
    for (size_t i = 0; head.has(FieldId::forwarded) && i < head.field_count(); ++i) {
      if (head.field_id(i) != FieldId::forwarded) continue;
      std::string_view rest = head.field_value(i);
      while (!rest.empty())
        if (const std::string_view one = unquoted_part(rest, ','); !one.empty())
          elements_[count_++ % elements_.size()] = forwarded_element(one);
    }
  }
  size_t size() const { return std::min(count_, elements_.size()); }
  const ForwardedElement& from_the_end(size_t i) const {
    return elements_[(count_ - 1 - i) % elements_.size()];
  }

 private:
  std::array<ForwardedElement, 16> elements_;
  size_t count_ = 0;
};

// The scheme of that name, of WebSocket as well; empty for others.
std::string_view known_scheme(std::string_view name) {
  if (iequals(name, "https") || iequals(name, "wss")) return "https";
  if (iequals(name, "http") || iequals(name, "ws")) return "http";
  return {};
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
  if (believed && !head.has(FieldId::x_forwarded_for) && head.has(FieldId::forwarded)) {
    const ForwardedElements elements(head);
    for (size_t i = 0; believed && i < elements.size(); ++i) {
      if (!parse_entry(elements.from_the_end(i).node, address)) return client;
      client = address;
      believed = trusted.contains(address);
    }
    return client;
  }
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

std::string_view client_scheme(const RequestHead& head, const Hop& hop,
                               const TrustedNetworks& trusted) {
  if (!hop.trusted) return hop.scheme;
  const std::string_view told = known_scheme(only_value(head, hop, FieldId::x_forwarded_proto));
  if (!told.empty()) return told;
  if (!head.has(FieldId::forwarded)) return hop.scheme;
  const ForwardedElements elements(head);
  std::string_view scheme = hop.scheme;
  IpAddress address;
  for (size_t i = 0; i < elements.size(); ++i) {
    const ForwardedElement& element = elements.from_the_end(i);
    if (const std::string_view proto = known_scheme(element.proto); !proto.empty()) scheme = proto;
    if (!parse_entry(element.node, address) || !trusted.contains(address)) break;
  }
  return scheme;
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
