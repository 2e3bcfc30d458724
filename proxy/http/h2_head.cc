#include "http/h2_head.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "http/h1_parser.h"
#include "http/semantics.h"

namespace weir {
namespace {

using FaultKind = H2HeadFault::Kind;

constexpr Fault kTooManyFields{431, "too many header fields"};
constexpr std::string_view kCrumbSeparator = "; ";

H2HeadFault malformed_head(const char* reason) {
  return {FaultKind::stream, {400, reason}};
}
H2HeadFault answered(Fault fault) {
  return {fault ? FaultKind::answer : FaultKind::none, fault};
}

// RFC 9113 8.2.1. The value is not valid_field_value().
H2HeadFault value_fault(std::string_view value) {
  if (trim_ows(value).size() != value.size())
    return malformed_head("a field value begins or ends with a blank");
  if (value.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos)
    return malformed_head("a field value has a NUL, CR or LF");
  return answered({400, "a field value has a control byte"});
}

// RFC 9113 8.2.2: the message is malformed.
bool is_of_a_connection(const HpackField& field) {
  switch (field.id) {
    case FieldId::connection:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::transfer_encoding:
    case FieldId::upgrade: return true;
    case FieldId::te: return !iequals(field.value, "trailers");
    default: return false;  // of the fields that weir knows, no other one
  }
}

}  // namespace

bool H2FieldCheck::passes(const HpackField& field, unsigned allowed) {
  if (!field.name_valid) {
    note(malformed_head(field.name.starts_with(':') ? "an unknown pseudo-field"
                                                    : "a field name is not a token in lower case"));
    return false;
  }
  if (!field.value_valid) note(value_fault(field.value));
  if (field.pseudo != PseudoField::none) return passes_pseudo(field.pseudo, allowed);
  in_fields_ = true;
  if (is_of_a_connection(field)) {
    note(malformed_head("a field of HTTP/1 connections"));
    return false;
  }
  return field.value_valid;
}

// RFC 9113 8.3. A value at fault counts as one.
bool H2FieldCheck::passes_pseudo(PseudoField field, unsigned allowed) {
  const char* reason = nullptr;
  if ((allowed & bit(field)) == 0)
    reason = "a pseudo-field of another kind of message";
  else if (in_fields_)
    reason = "a pseudo-field behind a field";
  else if (has(field))
    reason = "a pseudo-field is repeated";
  pseudo_ |= bit(field);
  if (reason != nullptr) note(malformed_head(reason));
  return reason == nullptr;
}

void H2RequestReader::begin(RequestHead& head, std::span<char> memory, const HeadLimits& limits) {
  *this = H2RequestReader();
  head_ = &head;
  memory_ = memory;
  max_fields_ = limits.fields;
  head.clear();
  head.version_ = HttpVersion::http_2;
  head.method_ = head.target_ = {};
  head.move_to(memory.data());
}

void H2RequestReader::on_field(const HpackField& field) {
  constexpr unsigned kAllowed =
      H2FieldCheck::bit(PseudoField::authority) | H2FieldCheck::bit(PseudoField::method) |
      H2FieldCheck::bit(PseudoField::path) | H2FieldCheck::bit(PseudoField::scheme) |
      H2FieldCheck::bit(PseudoField::protocol);
  used_ = size_t(field.value.data() + field.value.size() - memory_.data());
  if (!check_.passes(field, kAllowed)) return;
  if (field.pseudo != PseudoField::none) return pseudo_field(field);
  if (field.id == FieldId::cookie) return cookie(field);
  add(field);
}

void H2RequestReader::pseudo_field(const HpackField& field) {
  const auto value = head_->slice_of(field.value);
  switch (field.pseudo) {
    case PseudoField::authority: head_->authority_ = value; return;
    case PseudoField::method: head_->method_ = value; return;
    case PseudoField::path: head_->target_ = value; return;
    case PseudoField::scheme: scheme_ = field.value; return;
    case PseudoField::protocol: head_->protocol_ = value; return;
    case PseudoField::none:
    case PseudoField::status: break;
  }
  CHECK_UNREACHABLE();
}

void H2RequestReader::add(const HpackField& field) {
  if (head_->field_count() >= max_fields_) {
    too_many_ = true;
    return;
  }
  head_->add(head_->slice_of(field.name), head_->slice_of(field.value), field.id,
             field.never_indexed);
}

// RFC 9113 8.2.3. Browsers send a field for each cookie: together they count as one. An empty piece
// adds nothing: the value would end with a blank.
void H2RequestReader::cookie(const HpackField& field) {
  if (!has_cookie_) {
    has_cookie_ = true;
    cookie_ = head_->field_count();
    return add(field);
  }
  if (too_many_) return;
  head_->field(cookie_).never_indexed |= field.never_indexed;
  if (field.value.empty()) return;
  if (joined_ == 0) join(head_->field_value(cookie_));
  if (joined_ > 0) join(kCrumbSeparator);
  join(field.value);
}

// What decode() counts for a crumb is more than what stands here.
void H2RequestReader::join(std::string_view crumb) {
  const std::span<char> room = memory_.subspan(texts().size() + joined_);
  CHECK(crumb.size() <= room.size());
  if (!crumb.empty()) std::memcpy(room.data(), crumb.data(), crumb.size());
  joined_ += crumb.size();
}

void H2RequestReader::end_cookie() {
  if (joined_ == 0) return;
  std::memmove(memory_.data() + used_, memory_.data() + texts().size(), joined_);
  head_->field(cookie_).value = {uint32_t(used_), uint32_t(joined_)};
  used_ += joined_;
}

H2HeadFault H2RequestReader::finish(const HpackOutcome& outcome, bool end_stream) {
  DCHECK(outcome.state == HpackOutcome::State::complete ||
         outcome.state == HpackOutcome::State::too_large);
  end_cookie();
  H2HeadFault fault = check_.fault();
  if (fault.kind != FaultKind::stream) {
    if (outcome.state == HpackOutcome::State::too_large)
      fault = answered({431, "the header fields are too large"});
    else if (too_many_)
      fault = answered(kTooManyFields);
    else if (const char* reason = malformed())
      fault = malformed_head(reason);
    else if (!fault)
      fault = answered(check_message(end_stream));
  }
  if (!all(kToken, head_->method())) head_->method_ = {};
  return fault;
}

// RFC 9113 8.3.1 and 8.5, RFC 8441 4: which pseudo-fields a request has.
const char* H2RequestReader::malformed() const {
  const bool connect = head_->method() == "CONNECT";
  const bool extended = check_.has(PseudoField::protocol);
  const bool has_path = check_.has(PseudoField::path), has_scheme = check_.has(PseudoField::scheme);
  if (head_->method().empty()) return "no :method";
  if (extended && !connect) return ":protocol without CONNECT";
  if (extended && head_->protocol().empty()) return "an empty :protocol";
  if (connect && !check_.has(PseudoField::authority)) return "CONNECT without :authority";
  if (connect && !extended)
    return has_path || has_scheme ? "CONNECT with :path or :scheme" : nullptr;
  if (!has_path || head_->target().empty()) return "no :path";
  return !has_scheme || scheme_.empty() ? "no :scheme" : nullptr;
}

Fault H2RequestReader::check_message(bool end_stream) {
  if (Fault fault = check_method()) return fault;
  if (check_.has(PseudoField::scheme) && !iequals(scheme_, "https") && !iequals(scheme_, "http"))
    return {400, "the scheme is neither http nor https"};
  if (Fault fault = check_target()) return fault;
  if (Fault fault = check_authority()) return fault;
  if (Fault fault = check_body(end_stream)) return fault;
  return head_->has(FieldId::expect) ? check_expectation(*head_) : Fault{};
}

Fault H2RequestReader::check_method() const {
  if (!all(kToken, head_->method())) return {400, "the method is not a token"};
  if (head_->method().size() > kMaxMethodSize) return {501, "the method is not known"};
  std::string_view rest = head_->protocol(), protocol;
  if (!rest.empty() && !(next_protocol(rest, protocol) && protocol == head_->protocol()))
    return {400, ":protocol is not a protocol"};
  return {};
}

// RFC 9113 8.3.1: never the absolute form.
Fault H2RequestReader::check_target() {
  if (!check_.has(PseudoField::path)) {
    head_->target_ = head_->authority_;
    return parse_target(*head_);
  }
  const std::string_view path = head_->target();
  if (path.size() > kMaxH2PathSize) return {414, "the request-target is too long"};
  if (path.front() != '/' && path != "*") return {400, ":path does not begin with a slash"};
  return parse_target(*head_);
}

// RFC 9113 8.3.1: one host goes out, and it is the one that both fields name.
Fault H2RequestReader::check_authority() {
  RequestHead& head = *head_;
  if (head.repeated(FieldId::host)) return {400, "more than one Host field"};
  const std::string_view host = head.find(FieldId::host);
  if (!check_.has(PseudoField::authority)) {
    if (!head.has(FieldId::host)) return {400, "neither :authority nor a Host field"};
    head.authority_ = head.slice_of(host);
  } else if (head.has(FieldId::host) && !iequals(host, head.authority())) {
    return {400, "the Host field is not :authority"};
  }
  return valid_authority(head.authority()) ? Fault{} : Fault{400, ":authority is not a host"};
}

// A length of 0 is a body of 0 bytes, whether or not the stream has ended. What follows a CONNECT
// is no body.
Fault H2RequestReader::check_body(bool end_stream) {
  RequestHead& head = *head_;
  if (head.has(FieldId::content_length)) {
    if (Fault fault = check_length(head)) return fault;
  }
  const bool connect = head.method() == "CONNECT";
  if (head.content_length() > 0 && connect) return {400, "CONNECT with a body"};
  if (head.content_length() > 0 && end_stream)
    return {400, "the stream ends before the body that Content-Length announces"};
  if (head.content_length() > 0)
    head.framing_ = BodyFraming::length;
  else if (!head.has_length_ && !connect && !end_stream)
    head.framing_ = BodyFraming::delimited;
  return {};
}

void H2ResponseReader::begin(ResponseHead& head, std::span<char> memory, const HeadLimits& limits,
                             AnswerTo request) {
  *this = H2ResponseReader();
  head_ = &head;
  memory_ = memory.data();
  max_fields_ = limits.fields;
  head.clear(request);
  head.version_ = HttpVersion::http_2;
  head.move_to(memory_);
}

void H2ResponseReader::on_field(const HpackField& field) {
  used_ = size_t(field.value.data() + field.value.size() - memory_);
  if (!check_.passes(field, H2FieldCheck::bit(PseudoField::status))) return;
  if (field.pseudo == PseudoField::status) {
    if (field.value.size() != 3 || !all(kDigit, field.value)) return;
    const auto digit = [&](size_t i) { return unsigned(field.value[i] - '0'); };
    head_->status_ = uint16_t(digit(0) * 100 + digit(1) * 10 + digit(2));
  } else if (head_->field_count() >= max_fields_) {
    too_many_ = true;
  } else {
    head_->add(head_->slice_of(field.name), head_->slice_of(field.value), field.id,
               field.never_indexed);
  }
}

H2HeadFault H2ResponseReader::finish(const HpackOutcome& outcome, bool end_stream) {
  DCHECK(outcome.state == HpackOutcome::State::complete ||
         outcome.state == HpackOutcome::State::too_large);
  const char* reason = nullptr;
  if (check_.fault())
    reason = check_.fault().fault.reason;
  else if (outcome.state == HpackOutcome::State::too_large)
    reason = "the header fields of the response are too large";
  else if (too_many_)
    reason = kTooManyFields.reason;
  else
    reason = check_message(end_stream);
  if (reason == nullptr) return {};
  return {FaultKind::stream, {502, reason}};
}

// RFC 9113 8.1, 8.1.1 and 8.3.2. RFC 9113 8.6: 101 does not exist.
const char* H2ResponseReader::check_message(bool end_stream) {
  ResponseHead& head = *head_;
  if (!check_.has(PseudoField::status)) return "no :status";
  if (head.status() < 100 || head.status() > 599) return ":status is not a status";
  if (head.status() == 101) return "101 in HTTP/2";
  if (head.interim() && end_stream) return "the stream ends with an interim response";
  if (head.opens_tunnel()) return nullptr;  // RFC 9110 9.3.6: the framing fields are ignored
  if (head.has(FieldId::content_length)) {
    if (const Fault fault = check_length(head)) return fault.reason;
  }
  const bool announced = head.content_length() > 0;
  if (head.interim() && announced) return "an interim response announces a body";
  if (head.bodiless()) return nullptr;
  if (announced && end_stream)
    return "the stream ends before the body that Content-Length announces";
  if (announced)
    head.framing_ = BodyFraming::length;
  else if (!head.has_length_ && !end_stream)
    head.framing_ = BodyFraming::delimited;
  return nullptr;
}

void H2TrailerReader::begin(std::span<char> memory) {
  *this = H2TrailerReader();
  memory_ = memory;
}

void H2TrailerReader::on_field(const HpackField& field) {
  if (!check_.passes(field, 0)) return;
  const size_t size = field.name.size() + field.value.size() + 4;
  if (size > memory_.size() - used_)
    return check_.note(malformed_head("the trailers are too large"));
  char* to = memory_.data() + used_;
  to = std::copy(field.name.begin(), field.name.end(), to);
  to = std::copy_n(": ", 2, to);
  to = std::copy(field.value.begin(), field.value.end(), to);
  std::copy_n("\r\n", 2, to);
  used_ += size;
}

H2HeadFault H2TrailerReader::finish(const HpackOutcome& outcome, bool end_stream) {
  DCHECK(outcome.state == HpackOutcome::State::complete ||
         outcome.state == HpackOutcome::State::too_large);
  if (check_.fault()) return malformed_head(check_.fault().fault.reason);
  if (outcome.state == HpackOutcome::State::too_large)
    return malformed_head("the trailers are too large");
  if (!end_stream) return malformed_head("a second head in a request or response");
  return {};
}

}  // namespace weir
