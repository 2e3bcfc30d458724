#include "exchange/own_head.h"

#include <algorithm>

namespace weir {
namespace {

bool is_replaced(const FieldEdits* edits, std::string_view name) {
  if (edits == nullptr) return false;
  const auto same = [&](std::string_view other) { return iequals(other, name); };
  return std::any_of(edits->remove.begin(), edits->remove.end(), same) ||
         std::any_of(edits->set.begin(), edits->set.end(),
                     [&](const FieldText& field) { return same(field.name); });
}

// All fields but Connection.
template <class Writer>
void write_own_fields(Writer& out, const OwnHead& head) {
  const FieldEdits* const edits = head.edits;
  const auto own = [&](std::string_view name, std::string_view value) {
    if (!value.empty() && !is_replaced(edits, name)) out.field(name, value);
  };
  own("Date", head.date);
  own("Server", head.http.server_text);
  own("Location", head.location);
  if (head.body_size > 0) own("Content-Type", head.type);
  if (!head.grpc_status.empty()) {
    out.field("Content-Type", "application/grpc");
    out.field("Grpc-Status", head.grpc_status);
    out.field("Grpc-Message", head.grpc_message);
  } else if (!has_no_body(head.status)) {
    out.field("Content-Length", head.body_size);
  }
  own("X-Request-Id", head.request_id);
  if (edits != nullptr) {
    for (const FieldText& field : edits->set) out.field(field.name, field.value);
    for (const FieldText& field : edits->add) out.field(field.name, field.value);
  }
}

// RFC 9113 8.2.1: a value has no blanks around it.
class TrimmingWriter {
 public:
  explicit TrimmingWriter(HpackWriter& out) : out_(out) {}

  void field(std::string_view name, std::string_view value) { out_.field(name, trim_ows(value)); }
  void field(std::string_view name, uint64_t value) { out_.field(name, value); }

 private:
  HpackWriter& out_;
};

}  // namespace

void write_own_head(H1HeadWriter& out, const OwnHead& head, ConnectionOption connection) {
  out.status_line(head.status);
  write_own_fields(out, head);
  if (connection == ConnectionOption::close) out.field("Connection", "close");
  if (connection == ConnectionOption::keep_alive) out.field("Connection", "keep-alive");
  out.end();
}

void write_own_head(HpackWriter& out, const OwnHead& head) {
  out.status(head.status);
  TrimmingWriter fields(out);
  write_own_fields(fields, head);
}

}  // namespace weir
