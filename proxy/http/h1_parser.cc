#include "http/h1_parser.h"

#include <algorithm>
#include <cstring>

#include "http/semantics.h"

namespace weir {
namespace {

using Found = H1LineScanner::Found;

// Exactly "HTTP/1.1" or "HTTP/1.0"; any other text of this form is another version.
Fault parse_version(std::string_view text, HttpVersion& version) {
  const bool well_formed = text.size() == 8 && std::memcmp(text.data(), "HTTP/", 5) == 0 &&
                           is(kDigit, text[5]) && text[6] == '.' && is(kDigit, text[7]);
  if (!well_formed) return {400, "the version is not HTTP/1.1 or HTTP/1.0"};
  if (text[5] != '1' || text[7] > '1') return {505, "the only versions are HTTP/1.1 and HTTP/1.0"};
  version = text[7] == '1' ? HttpVersion::http_1_1 : HttpVersion::http_1_0;
  return {};
}

}  // namespace

// field-name ":" OWS field-value OWS; no line folding. A known name is a token.
Fault add_field(MessageHead& head, std::string_view line, size_t max_fields) {
  const size_t size = find_colon(line);
  const std::string_view name(line.data(), size);
  const FieldId id = field_id(name);
  if (size == line.size() || (id == FieldId::other && !all(kToken, name))) {
    if (line.front() == ' ' || line.front() == '\t') return {400, "a folded header line"};
    if (size == line.size()) return {400, "a header line without a colon"};
    return {400, "a field name is not a token"};
  }
  if (head.field_count_ >= max_fields) return {431, "too many header fields"};
  const std::string_view value(line.data() + size + 1, line.size() - size - 1);
  head.add(head.slice_of(name), head.slice_of(trim_ows(value)), id);
  return {};
}

H1RequestParser::State H1RequestParser::feed(std::string_view input, RequestHead& head) {
  if (state_ != State::incomplete) return state_;
  if (!started()) head.clear();
  head.move_to(input.data());
  for (;;) {
    switch (lines_.next(input, std::min(limits_.head, kMaxHeadSize))) {
      case Found::line: break;
      case Found::incomplete: return state_;
      case Found::too_long: return fail(too_long(lines_.line(input)));
      case Found::forbidden: return fail(lines_.fault());
    }
    if (end_of_line(lines_.line(input), head) != State::incomplete) return state_;
  }
}

Fault H1RequestParser::too_long(std::string_view line) const {
  if (line_ == Line::field) return {431, "the header fields are too large"};
  if (line.find(' ') == std::string_view::npos) return {501, "the method is not known"};
  return {414, "the request-target is too long"};
}

H1RequestParser::State H1RequestParser::end_of_line(std::string_view line, RequestHead& head) {
  if (line_ == Line::request) {
    if (line.empty() && !skipped_empty_line_) {  // RFC 9112 2.2: one empty line before is ignored
      skipped_empty_line_ = true;
      return state_;
    }
    if (Fault fault = parse_request_line(line, head)) return fail(fault);
    line_ = Line::field;
    return state_;
  }
  if (!line.empty()) {
    if (Fault fault = add_field(head, line, limits_.fields)) return fail(fault);
    return state_;
  }
  if (Fault fault = check_semantics(head)) return fail(fault);
  return state_ = State::complete;
}

// method SP request-target SP HTTP-version, each SP exactly one.
Fault H1RequestParser::parse_request_line(std::string_view line, RequestHead& head) {
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return {400, "the request line is not: method target version"};
  std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  if (!all(kToken, method)) return {400, "the method is not a token"};
  if (method.size() > kMaxMethodSize) return {501, "the method is not known"};
  if (Fault fault = parse_version(line.substr(last + 1), head.version_)) return fault;
  head.method_ = head.slice_of(method);
  head.target_ = head.slice_of(target);
  return parse_target(head);
}

void H1RequestParser::reset() {
  lines_ = H1LineScanner();
  line_ = Line::request;
  skipped_empty_line_ = false;
  state_ = State::incomplete;
  fault_ = {};
}

H1ResponseParser::State H1ResponseParser::feed(std::string_view input, ResponseHead& head) {
  if (state_ != State::incomplete) return state_;
  if (!started()) head.clear(answers_);
  head.move_to(input.data());
  for (;;) {
    switch (lines_.next(input, std::min(limits_.head, kMaxHeadSize))) {
      case Found::line: break;
      case Found::incomplete: return state_;
      case Found::too_long:
        return fail({502, in_fields_ ? "the header fields of the response are too large"
                                     : "the status line is too long"});
      case Found::forbidden: return fail(lines_.fault());
    }
    if (end_of_line(lines_.line(input), head) != State::incomplete) return state_;
  }
}

H1ResponseParser::State H1ResponseParser::end_of_line(std::string_view line, ResponseHead& head) {
  if (!in_fields_) {
    if (Fault fault = parse_status_line(line, head)) return fail(fault);
    in_fields_ = true;
    return state_;
  }
  if (!line.empty()) {
    if (Fault fault = add_field(head, line, limits_.fields)) return fail(fault);
    return state_;
  }
  if (Fault fault = check_semantics(head)) return fail(fault);
  return state_ = State::complete;
}

// HTTP-version SP status SP reason. Servers without a reason often leave out its SP, too. RFC 9112
// 4 requires the SP, but every client accepts the line without it, and the line is unambiguous.
Fault H1ResponseParser::parse_status_line(std::string_view line, ResponseHead& head) {
  const std::string_view version = line.substr(0, line.find(' '));
  if (Fault fault = parse_version(version, head.version_)) return fault;
  std::string_view rest = line.substr(version.size());
  const bool digits = rest.size() >= 4 && all(kDigit, rest.substr(1, 3));
  if (!digits || (rest.size() > 4 && rest[4] != ' '))
    return {502, "the status line is not: version status reason"};
  head.status_ = uint16_t((rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0'));
  if (head.status_ < 100) return {502, "a status below 100"};
  head.reason_ = head.slice_of(rest.size() > 4 ? rest.substr(5) : rest.substr(4));
  return {};
}

void H1ResponseParser::reset(AnswerTo request) {
  lines_ = H1LineScanner();
  in_fields_ = false;
  answers_ = request;
  state_ = State::incomplete;
  fault_ = {};
}

}  // namespace weir
