#include "http/semantics.h"

#include <charconv>
#include <limits>

namespace weir {
namespace {

constexpr uint64_t kMaxContentLength = uint64_t(std::numeric_limits<int64_t>::max());

// The fields that decide the framing, with how often each came.
struct FramingFields {
  int hosts = 0, lengths = 0, encodings = 0;
  std::string_view host, length, encoding;
  bool close = false, keep_alive = false, continue_expected = false, unknown_expectation = false;
};

void note_connection(FramingFields& found, std::string_view list) {
  for (std::string_view member; next_member(list, member);) {
    if (iequals(member, "close")) found.close = true;
    if (iequals(member, "keep-alive")) found.keep_alive = true;
  }
}

FramingFields collect(const RequestHead& head) {
  FramingFields found;
  for (size_t i = 0; i < head.field_count(); ++i) {
    std::string_view name = head.field_name(i), value = head.field_value(i);
    if (iequals(name, "host")) ++found.hosts, found.host = value;
    if (iequals(name, "content-length")) ++found.lengths, found.length = value;
    if (iequals(name, "transfer-encoding")) ++found.encodings, found.encoding = value;
    if (iequals(name, "connection")) note_connection(found, value);
    if (iequals(name, "expect")) {
      bool known = iequals(value, "100-continue");
      found.continue_expected |= known;
      found.unknown_expectation |= !known;
    }
  }
  return found;
}

Fault check_host(const FramingFields& found, HttpVersion version) {
  if (found.hosts > 1) return {400, "more than one Host field"};
  if (found.hosts == 0)
    return version == HttpVersion::http_1_0 ? Fault{} : Fault{400, "the Host field is missing"};
  return valid_authority(found.host) ? Fault{} : Fault{400, "the Host field is not a host"};
}

// RFC 9112 6.1 and 6.3: chunked must be last, once; what may stand before it we do not speak.
Fault check_encoding(const FramingFields& found, HttpVersion version) {
  if (version == HttpVersion::http_1_0) return {400, "Transfer-Encoding in an HTTP/1.0 request"};
  if (found.lengths > 0) return {400, "both Content-Length and Transfer-Encoding"};
  if (found.encodings > 1) return {400, "more than one Transfer-Encoding field"};
  if (iequals(found.encoding, "chunked")) return {};
  int chunked = 0;
  std::string_view last;
  for (std::string_view list = found.encoding, member; next_member(list, member); last = member)
    chunked += iequals(member, "chunked");
  if (chunked == 1 && iequals(last, "chunked"))
    return {501, "the only transfer coding supported is chunked"};
  return {400, "Transfer-Encoding does not end in exactly one chunked"};
}

Fault check_length(const FramingFields& found, uint64_t& length) {
  if (found.lengths > 1) return {400, "more than one Content-Length field"};
  std::string_view text = found.length;
  if (!all(kDigit, text)) return {400, "Content-Length is not a number"};
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), length);
  if (parsed.ec != std::errc() || length > kMaxContentLength)
    return {400, "Content-Length is too large"};
  return {};
}

}  // namespace

Fault check_semantics(RequestHead& head) {
  FramingFields found = collect(head);
  if (Fault fault = check_host(found, head.version_)) return fault;
  if (head.authority_.size == 0 && found.hosts == 1) head.authority_ = head.slice_of(found.host);

  if (found.encodings > 0) {
    if (Fault fault = check_encoding(found, head.version_)) return fault;
    head.framing_ = BodyFraming::chunked;
  } else if (found.lengths > 0) {
    if (Fault fault = check_length(found, head.content_length_)) return fault;
    head.framing_ = head.content_length_ > 0 ? BodyFraming::length : BodyFraming::none;
  }

  bool persistent = head.version_ == HttpVersion::http_1_1;
  head.keep_alive_ = !found.close && (persistent || found.keep_alive);
  // RFC 9110 10.1.1: the expectation of an HTTP/1.0 client is ignored.
  if (persistent && found.unknown_expectation) return {417, "the only expectation is 100-continue"};
  head.expects_continue_ =
      persistent && found.continue_expected && head.framing_ != BodyFraming::none;
  return {};
}

}  // namespace weir
