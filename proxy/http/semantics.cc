#include "http/semantics.h"

#include <charconv>
#include <limits>

namespace weir {
namespace {

constexpr uint64_t kMaxContentLength = uint64_t(std::numeric_limits<int64_t>::max());

Fault check_host(const RequestHead& head) {
  if (head.repeated(FieldId::host)) return {400, "more than one Host field"};
  if (!head.has(FieldId::host))
    return head.version() == HttpVersion::http_1_0 ? Fault{}
                                                   : Fault{400, "the Host field is missing"};
  return valid_authority(head.find(FieldId::host)) ? Fault{}
                                                   : Fault{400, "the Host field is not a host"};
}

// RFC 9112 6.1 and 6.3: chunked must be last, once; weir supports no other coding before it.
Fault check_encoding(const MessageHead& head) {
  if (head.version() == HttpVersion::http_1_0) return {400, "Transfer-Encoding in HTTP/1.0"};
  if (head.has(FieldId::content_length)) return {400, "both Content-Length and Transfer-Encoding"};
  if (head.repeated(FieldId::transfer_encoding))
    return {400, "more than one Transfer-Encoding field"};
  const std::string_view encoding = head.find(FieldId::transfer_encoding);
  if (iequals(encoding, "chunked")) return {};
  int chunked = 0;
  std::string_view last;
  for (std::string_view list = encoding, member; next_member(list, member); last = member)
    chunked += iequals(member, "chunked");
  if (chunked == 1 && iequals(last, "chunked"))
    return {501, "the only transfer coding supported is chunked"};
  return {400, "Transfer-Encoding does not end in exactly one chunked"};
}

// `chunked, trailers;q=1`: the name of a parameterised member.
std::string_view name_of_member(std::string_view member) {
  return trim_ows(member.substr(0, member.find(';')));
}

bool is_option(std::string_view option, std::string_view known) {
  return option.size() == known.size() && detail::same_name(option, known);
}

// The members of all Upgrade fields that are not empty, valid or not.
size_t upgrade_members(const MessageHead& head) {
  size_t members = 0;
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::upgrade) continue;
    std::string_view list = head.field_value(i);
    for (std::string_view member; next_member(list, member);) members += !member.empty();
  }
  return members;
}

}  // namespace

// Keeps the options of all Connection fields. Their number, and that of the protocols in Upgrade,
// is bounded: each is compared with each field, or with each protocol of the other side.
Fault check_connection(MessageHead& head) {
  const bool persistent = head.version_ != HttpVersion::http_1_0;
  bool close = false, keep_alive = false, upgrade = false;
  size_t options = 0;
  for (size_t i = 0; head.has(FieldId::connection) && i < head.field_count_; ++i) {
    if (head.field_id(i) != FieldId::connection) continue;
    std::string_view list = head.field_value(i);
    for (std::string_view option; next_member(list, option);) {
      if (option.empty()) continue;
      if (++options > kMaxConnectionOptions) return {400, "too many Connection options"};
      if (is_option(option, "close"))
        close = true;
      else if (is_option(option, "keep-alive"))
        keep_alive = true;
      else if (is_option(option, "upgrade"))
        upgrade = true;
      else
        head.connection_names_fields_ = true;
    }
  }
  head.keep_alive_ = !close && (persistent || keep_alive);
  head.upgrades_ = persistent && upgrade && head.has(FieldId::upgrade);
  if (head.upgrades_ && upgrade_members(head) > kMaxConnectionOptions)
    return {400, "too many protocols in Upgrade"};
  return {};
}

Fault check_length(MessageHead& head) {
  if (head.repeated(FieldId::content_length)) return {400, "more than one Content-Length field"};
  const std::string_view text = head.find(FieldId::content_length);
  if (!all(kDigit, text)) return {400, "Content-Length is not a number"};
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), head.content_length_);
  if (parsed.ec != std::errc() || head.content_length_ > kMaxContentLength)
    return {400, "Content-Length is too large"};
  head.has_length_ = true;
  return {};
}

Fault check_semantics(RequestHead& head) {
  if (Fault fault = check_host(head)) return fault;
  if (head.authority_.size == 0 && head.has(FieldId::host))
    head.authority_ = head.slice_of(head.find(FieldId::host));

  if (head.has(FieldId::transfer_encoding)) {
    if (Fault fault = check_encoding(head)) return fault;
    head.framing_ = BodyFraming::delimited;
  } else if (head.has(FieldId::content_length)) {
    if (Fault fault = check_length(head)) return fault;
    head.framing_ = head.content_length_ > 0 ? BodyFraming::length : BodyFraming::none;
  }
  if (Fault fault = check_connection(head)) return fault;
  // RFC 9110 10.1.1: the expectation of an HTTP/1.0 client is ignored.
  if (head.version_ == HttpVersion::http_1_0 || !head.has(FieldId::expect)) return {};
  return check_expectation(head);
}

Fault check_expectation(RequestHead& head) {
  for (size_t i = 0; i < head.field_count_; ++i) {
    if (head.field_id(i) == FieldId::expect && !iequals(head.field_value(i), "100-continue"))
      return {417, "the only expectation is 100-continue"};
  }
  head.expects_continue_ = head.framing_ != BodyFraming::none;
  return {};
}

// RFC 9112 6.3. A response without a body may have fields that describe one. In a response to HEAD
// and in a 304 they are allowed, and must be valid; in a 204 they are a common mistake that makes
// the next message ambiguous.
Fault check_semantics(ResponseHead& head) {
  const bool encoded = head.has(FieldId::transfer_encoding);
  if (Fault fault = check_connection(head)) return fault;
  if (head.opens_tunnel()) {  // RFC 9110 9.3.6: the framing fields are ignored
    head.keep_alive_ = false;
    return {};
  }
  if (encoded) {
    if (Fault fault = check_encoding(head)) return fault;
  } else if (head.has(FieldId::content_length)) {
    if (Fault fault = check_length(head)) return fault;
  }
  const bool announced = encoded || head.content_length_ > 0;
  if (head.status_ < 200 && announced) return {502, "an interim response announces a body"};
  if (head.bodiless()) {
    if (head.status_ == 101 || (head.status_ == 204 && announced)) head.keep_alive_ = false;
  } else if (encoded) {
    head.framing_ = BodyFraming::delimited;
  } else if (head.has_length_) {
    head.framing_ = announced ? BodyFraming::length : BodyFraming::none;
  } else {
    head.framing_ = BodyFraming::until_close;
    head.keep_alive_ = false;
  }
  return {};
}

std::optional<uint32_t> ResponseHead::keep_alive_timeout() const {
  std::string_view list = find(FieldId::keep_alive);
  for (std::string_view member; next_member(list, member);) {
    const size_t mark = member.find('=');
    if (mark == std::string_view::npos || !iequals(trim_ows(member.substr(0, mark)), "timeout"))
      continue;
    const std::string_view number = name_of_member(member.substr(mark + 1));
    uint32_t seconds = 0;
    const char* end = number.data() + number.size();
    if (!all(kDigit, number)) return std::nullopt;
    if (std::from_chars(number.data(), end, seconds).ec != std::errc()) return std::nullopt;
    return seconds;
  }
  return std::nullopt;
}

AnswerTo answer_to(std::string_view method) {
  if (method == "HEAD") return AnswerTo::head;
  return method == "CONNECT" ? AnswerTo::connect : AnswerTo::other;
}

bool is_safe_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool next_protocol(std::string_view& rest, std::string_view& protocol) {
  while (next_member(rest, protocol)) {
    const size_t slash = protocol.find('/');
    const std::string_view name = protocol.substr(0, slash);
    const bool versioned = slash != std::string_view::npos;
    if (!all(kToken, name) || (versioned && !all(kToken, protocol.substr(slash + 1)))) continue;
    if (!iequals(name, "h2c")) return true;
  }
  return false;
}

namespace {

struct Protocol {
  std::string_view name, version;  // the version with its '/'; empty: none

  explicit Protocol(std::string_view text)
      : name(text.substr(0, text.find('/'))), version(text.substr(name.size())) {}
};

bool same_protocol(std::string_view a, std::string_view b) {
  const Protocol one(a), other(b);
  return iequals(one.name, other.name) && one.version == other.version;
}

// Calls `visit` with each protocol of all Upgrade fields until it returns true. Returns whether it
// did.
template <class Visit>
bool any_protocol(const MessageHead& head, Visit visit) {
  for (size_t i = 0; head.has(FieldId::upgrade) && i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::upgrade) continue;
    std::string_view list = head.field_value(i);
    for (std::string_view protocol; next_protocol(list, protocol);)
      if (visit(protocol)) return true;
  }
  return false;
}

}  // namespace

bool allows_protocol(std::span<const std::string> allowed, std::string_view protocol) {
  const Protocol offered(protocol);
  for (const std::string& text : allowed) {
    const Protocol one(text);
    if (!iequals(one.name, offered.name)) continue;
    if (one.version.empty() || one.version == offered.version) return true;
  }
  return false;
}

bool offers_upgrade(const RequestHead& request, std::span<const std::string> allowed) {
  return !offered_protocol(request, allowed).empty();
}

std::string_view offered_protocol(const RequestHead& request,
                                  std::span<const std::string> allowed) {
  std::string_view first;
  const auto allows = [&](std::string_view one) {
    if (allows_protocol(allowed, one)) first = one;
    return !first.empty();
  };
  if (request.upgrades())
    any_protocol(request, allows);
  else if (!request.protocol().empty())
    allows(request.protocol());
  return first;
}

bool answers_upgrade(const RequestHead& request, const ResponseHead& response,
                     std::span<const std::string> allowed) {
  const std::string_view extended = request.protocol();
  if (!response.switches_protocols() || (!request.upgrades() && extended.empty())) return false;
  size_t answered = 0;
  const bool unasked = any_protocol(response, [&](std::string_view protocol) {
    ++answered;
    const auto same = [&](std::string_view offer) { return same_protocol(offer, protocol); };
    const bool offered = extended.empty() ? any_protocol(request, same) : same(extended);
    return !offered || !allows_protocol(allowed, protocol);
  });
  // Members that next_protocol() skips were not offered either.
  return !unasked && answered > 0 && answered == upgrade_members(response);
}

}  // namespace weir
