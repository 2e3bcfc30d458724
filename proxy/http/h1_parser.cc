#include "http/h1_parser.h"

#include <algorithm>

#include "base/check.h"
#include "http/semantics.h"

namespace weir {

// Lines end in CRLF and hold no control byte but HTAB, so finding the first byte that is not field
// text finds the end of a line and everything forbidden at once.
H1RequestParser::State H1RequestParser::feed(std::string_view input) {
  if (state_ != State::incomplete) return state_;
  DCHECK(input.size() >= scanned_);
  head_.base_ = input.data();
  for (;;) {
    size_t limit = line_limit();
    size_t bound = std::min(input.size(), limit);
    while (scanned_ < bound && is(kFieldText, input[scanned_])) ++scanned_;
    // A CR needs room for its LF inside the limit, whether the LF has arrived or not.
    bool at_end_of_line = scanned_ < bound && input[scanned_] == '\r';
    if (scanned_ >= limit || (at_end_of_line && scanned_ + 2 > limit))
      return fail(too_long(input.substr(line_begin_, scanned_ - line_begin_)));
    if (scanned_ == input.size()) return state_;
    if (!at_end_of_line)
      return fail({400, input[scanned_] == '\n' ? "a line ends in LF without CR"
                                                : "a control byte in the head"});
    if (scanned_ + 1 == input.size()) return state_;
    if (input[scanned_ + 1] != '\n') return fail({400, "a CR is not followed by LF"});
    std::string_view line = input.substr(line_begin_, scanned_ - line_begin_);
    scanned_ += 2;
    line_begin_ = scanned_;
    if (end_of_line(line) != State::incomplete) return state_;
  }
}

size_t H1RequestParser::line_limit() const {
  if (line_ == Line::field) return limits_.head;
  return std::min(line_begin_ + limits_.request_line, limits_.head);
}

Fault H1RequestParser::too_long(std::string_view line) const {
  if (line_ == Line::field) return {431, "the header fields are too large"};
  if (line.find(' ') == std::string_view::npos) return {501, "the method is not known"};
  return {414, "the request-target is too long"};
}

H1RequestParser::State H1RequestParser::end_of_line(std::string_view line) {
  if (line_ == Line::request) {
    if (line.empty() && !skipped_empty_line_) {  // RFC 9112 2.2: one empty line before is ignored
      skipped_empty_line_ = true;
      return state_;
    }
    if (Fault fault = parse_request_line(line)) return fail(fault);
    line_ = Line::field;
    return state_;
  }
  if (!line.empty()) {
    if (Fault fault = parse_field(line)) return fail(fault);
    return state_;
  }
  if (Fault fault = check_semantics(head_)) return fail(fault);
  return state_ = State::complete;
}

// method SP request-target SP HTTP-version, each SP exactly one.
Fault H1RequestParser::parse_request_line(std::string_view line) {
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return {400, "the request line is not: method target version"};
  std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  std::string_view version = line.substr(last + 1);
  if (!all(kToken, method)) return {400, "the method is not a token"};
  if (method.size() > kMaxMethodSize) return {501, "the method is not known"};

  bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                     is(kDigit, version[5]) && version[6] == '.' && is(kDigit, version[7]);
  if (!well_formed) return {400, "the version is not HTTP/1.1 or HTTP/1.0"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return {505, "the only versions are HTTP/1.1 and HTTP/1.0"};
  head_.version_ = version == "HTTP/1.1" ? HttpVersion::http_1_1 : HttpVersion::http_1_0;
  head_.method_ = head_.slice_of(method);
  head_.target_ = head_.slice_of(target);
  return parse_target(head_);
}

// field-name ":" OWS field-value OWS; no line folding.
Fault H1RequestParser::parse_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return {400, "a folded header line"};
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {400, "a header line without a colon"};
  if (!all(kToken, line.substr(0, colon))) return {400, "a field name is not a token"};
  if (head_.field_count_ == kMaxFields) return {431, "too many header fields"};
  std::string_view value = trim_ows(line.substr(colon + 1));
  head_.fields_[head_.field_count_++] = {head_.slice_of(line.substr(0, colon)),
                                         head_.slice_of(value)};
  return {};
}

}  // namespace weir
