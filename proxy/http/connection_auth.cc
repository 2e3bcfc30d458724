#include "http/connection_auth.h"

namespace weir {
namespace {

// Lists are split at every comma, those in quoted strings too: a realm that looks like a scheme
// makes a connection private needlessly, which is harmless; missing a scheme is not.
bool names_scheme(std::string_view value) {
  std::string_view member;
  while (next_member(value, member)) {
    const std::string_view scheme = member.substr(0, member.find_first_of(" \t"));
    if (iequals(scheme, "NTLM") || iequals(scheme, "Negotiate")) return true;
  }
  return false;
}

bool names_scheme(const MessageHead& head, FieldId id) {
  if (!head.has(id)) return false;
  for (size_t i = 0; i < head.field_count(); ++i)
    if (head.field_id(i) == id && names_scheme(head.field_value(i))) return true;
  return false;
}

}  // namespace

bool authenticates_connection(const ResponseHead& head) {
  return names_scheme(head, FieldId::www_authenticate);
}

bool authenticates_connection(const RequestHead& head) {
  return names_scheme(head, FieldId::authorization);
}

}  // namespace weir
