#include "http/h2_relay.h"

#include "http/relay_fields.h"
#include "http/scan.h"
#include "http/semantics.h"

namespace weir {
namespace {

// The writer of relay_fields.h. RFC 9113 8.2.1: a value has no blanks around it.
class H2FieldWriter {
 public:
  explicit H2FieldWriter(HpackWriter& out) : out_(out) {}

  void relayed(std::string_view name, std::string_view value, bool never_indexed) {
    out_.field(name, value,
               never_indexed ? HpackWriter::Indexing::never : HpackWriter::Indexing::allowed);
  }
  void parsed(std::string_view name, std::string_view value) { field(name, value); }
  void field(std::string_view name, std::string_view value) { out_.field(name, trim_ows(value)); }
  void list_field(std::string_view name, std::string_view text, std::string_view more) {
    out_.field_of(name, text, more);
  }
  void framing(const BodyPlan& body) {
    if (body.length) out_.field("Content-Length", *body.length);
  }
  void fail() { out_.fail(); }

 private:
  HpackWriter& out_;
};

bool is_valid_path(std::string_view path, std::string_view method) {
  if (path != "*") return path.starts_with('/') && find_not_target_text(path, 0) == path.size();
  return method == "OPTIONS";
}

// RFC 9113 8.3.1 and 8.5, RFC 8441 4.
void write_pseudo_fields(HpackWriter& out, const RequestHead& head, const RequestPlan& plan,
                         std::string_view scheme) {
  const bool extended = !plan.protocol.empty();
  const std::string_view method = extended ? "CONNECT" : head.method();
  if (!all(kToken, method)) return out.fail();
  out.pseudo_field(PseudoField::method, method);
  if (!extended && method == "CONNECT") {
    if (!valid_authority(plan.target)) return out.fail();
    return out.pseudo_field(PseudoField::authority, plan.target);
  }
  if (!is_valid_path(plan.target, method) || (extended && !all(kToken, plan.protocol)))
    return out.fail();
  if (extended) out.pseudo_field(PseudoField::protocol, plan.protocol);
  out.pseudo_field(PseudoField::scheme, scheme);
  out.pseudo_field(PseudoField::path, plan.target);
  if (!plan.authority.empty()) out.pseudo_field(PseudoField::authority, plan.authority);
}

}  // namespace

void write_h2_request(HpackWriter& out, const RequestHead& head, const RequestPlan& plan,
                      std::string_view scheme) {
  const bool extended = !plan.protocol.empty();
  if (!is_sound(plan.body) || (!extended && !head.protocol().empty())) return out.fail();
  const bool as_received = plan.authority.data() == head.authority().data();
  if (!as_received && !plan.authority.empty() && !valid_authority(plan.authority))
    return out.fail();
  write_pseudo_fields(out, head, plan, scheme);
  H2FieldWriter fields(out);
  write_request_fields(fields, head, plan);
  if (plan.te && accepts_trailers(head)) out.field("te", "trailers");
}

void write_h2_response(HpackWriter& out, const ResponseHead& head, const ResponsePlan& plan) {
  const bool switches = head.status() == 101;
  if (!is_sound(head, plan, HttpVersion::http_2)) return out.fail();
  if (switches && (plan.protocol.empty() || !head.switches_protocols())) return out.fail();
  out.status(switches ? 200 : head.status());
  H2FieldWriter fields(out);
  write_response_fields(fields, head, plan);
}

}  // namespace weir
