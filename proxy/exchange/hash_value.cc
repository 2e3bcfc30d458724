#include "exchange/hash_value.h"

#include "base/check.h"
#include "http/cookies.h"
#include "http/query.h"

namespace weir {

std::string_view hash_value(const config::HashBy& by, const RequestHead& head,
                            std::string_view host, std::string_view path) {
  using Part = config::HashBy::Part;
  switch (by.part) {
    case Part::client: return {};
    case Part::host: return host;
    case Part::path: return path;
    case Part::header: return head.find(by.name);
    case Part::cookie: return find_cookie(head, by.name);
    case Part::query: return find_parameter(head.query(), by.name);
  }
  CHECK_UNREACHABLE();
}

}  // namespace weir
