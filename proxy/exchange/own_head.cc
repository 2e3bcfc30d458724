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

}  // namespace

void write_own_head(H1HeadWriter& out, const OwnHead& head, ConnectionOption connection) {
  const FieldEdits* const edits = head.edits;
  const auto own = [&](std::string_view name, std::string_view value) {
    if (!value.empty() && !is_replaced(edits, name)) out.field(name, value);
  };
  out.status_line(head.status);
  own("Date", head.date);
  own("Server", head.http.server_text);
  own("Location", head.location);
  if (head.body_size > 0) own("Content-Type", head.type);
  if (!has_no_body(head.status)) out.field("Content-Length", head.body_size);
  own("X-Request-Id", head.request_id);
  if (edits != nullptr) {
    for (const FieldText& field : edits->set) out.field(field.name, field.value);
    for (const FieldText& field : edits->add) out.field(field.name, field.value);
  }
  if (connection == ConnectionOption::close) out.field("Connection", "close");
  if (connection == ConnectionOption::keep_alive) out.field("Connection", "keep-alive");
  out.end();
}

}  // namespace weir
