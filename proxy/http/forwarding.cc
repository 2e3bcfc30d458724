#include "http/forwarding.h"

#include <algorithm>
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

// A quoted string that does not end would hide the text after it.
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

// "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80": the forms that occur in X-Forwarded-For.
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

// One element of Forwarded, RFC 7239 4. Parts that are missing or invalid are empty.
struct ForwardedElement {
  std::string_view node, proto;
};

// Removes the text up to a `separator` outside of quotes, and the separator.
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
  if (!quotes_end(text)) return element;
  while (!text.empty()) {
    const std::string_view pair = unquoted_part(text, ';');
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = unquoted(pair.substr(std::min(equals + 1, pair.size())));
    if (iequals(pair.substr(0, equals), "for")) element.node = value;
    if (iequals(pair.substr(0, equals), "proto")) element.proto = value;
  }
  return element;
}

// A quoted pair, RFC 9110 5.6.4: the byte at `i` follows an odd number of backslashes.
bool is_escaped(std::string_view text, size_t i) {
  const size_t begin = i;
  while (i > 0 && text[i - 1] == '\\') --i;
  return (begin - i) % 2 != 0;
}

// Takes the last element off a list, at a comma outside of quotes. The list is read backwards:
// proxies append, so text of a client in front, such as an unterminated quote, cannot
// hide the element of a proxy.
std::string_view last_element(std::string_view& rest) {
  bool quoted = false;
  size_t begin = rest.size();
  for (; begin > 0 && (quoted || rest[begin - 1] != ','); --begin)
    if (rest[begin - 1] == '"' && !(quoted && is_escaped(rest, begin - 1))) quoted = !quoted;
  const std::string_view element = trim_ows(rest.substr(begin));
  rest = rest.substr(0, begin - std::min<size_t>(begin, 1));
  return element;
}

// The elements of all Forwarded fields, the last one first.
class ForwardedElements {
 public:
  explicit ForwardedElements(const RequestHead& head)
      : head_(head), fields_(head.has(FieldId::forwarded) ? head.field_count() : 0) {}

  bool next(ForwardedElement& element) {
    for (;;) {
      while (!rest_.empty()) {
        const std::string_view one = last_element(rest_);
        if (one.empty()) continue;  // RFC 9110 5.6.1: empty members are skipped
        element = forwarded_element(one);
        return true;
      }
      if (fields_ == 0) return false;
      --fields_;
      if (head_.field_id(fields_) == FieldId::forwarded) rest_ = head_.field_value(fields_);
    }
  }

 private:
  const RequestHead& head_;
  size_t fields_;          // the fields before this index have not been read
  std::string_view rest_;  // of the current field
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
  const bool received = hop.trusted && head.has(FieldId::x_forwarded_for);
  if (!received && hop.origin.empty()) return hop.client;
  memory.begin();
  if (received) {
    add_received(head, FieldId::x_forwarded_for, memory);
  } else {
    memory.add(hop.origin);
    memory.add(", ");
  }
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
    ForwardedElements elements(head);
    for (ForwardedElement element; believed && elements.next(element);) {
      if (!parse_entry(element.node, address)) return client;
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
      if (entry.empty()) continue;  // RFC 9110 5.6.1: empty members are skipped
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
  // The proxy uses X-Forwarded-*: a Forwarded field may be the client's, and of several
  // X-Forwarded-Proto fields one may be.
  if (head.repeated(FieldId::x_forwarded_proto) || head.has(FieldId::x_forwarded_for))
    return hop.scheme;
  std::string_view scheme = hop.scheme;
  IpAddress address;
  ForwardedElements elements(head);
  for (ForwardedElement element; elements.next(element);) {
    if (const std::string_view proto = known_scheme(element.proto); !proto.empty()) scheme = proto;
    if (!parse_entry(element.node, address) || !trusted.contains(address)) break;
  }
  return scheme;
}

std::string_view request_id(const RequestHead& head, const Hop& hop, uint64_t random,
                            std::span<char, kRequestIdSize> memory) {
  const std::string_view received = only_value(head, hop, FieldId::x_request_id);
  if (received.size() <= kMaxRequestIdSize && all(kToken, received)) return received;
  for (size_t i = kRequestIdSize; i-- > 0; random >>= 4) memory[i] = kHexDigits[random & 15];
  return {memory.data(), memory.size()};
}

}  // namespace weir
