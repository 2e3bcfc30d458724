// decide(): what happens to a request whose head is complete: weir forwards, answers, redirects or
// refuses it. The data path, `weir explain` and `weir test` use the same function.
//
// Pure functions of the configuration and the request, without I/O. Facts of the connection come in
// as plain values of RequestFacts. None allocates, except that facts_of() may let `host` grow.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/text_buffer.h"
#include "http/message.h"
#include "routing/http_spec.h"
#include "routing/path_choice.h"

namespace weir {

struct RequestFacts {
  RouteQuery query;  // its path: RequestHead::path(), as received
  TargetForm form = TargetForm::origin;
  uint64_t content_length = 0;  // 0: no body, or a body of unknown length
  // Clients of this host must authenticate in another way than this connection did.
  bool misdirected = false;
};

// `host`: receives the host as routes compare it: in lower case, without port, without needless
// encodings (RFC 3986 6.2.2). `scheme`: of the client, see client_scheme(). The views of the result
// are of `head`, `host` and `scheme`.
RequestFacts facts_of(const RequestHead& head, TextBuffer& host, std::string_view scheme);

// A backend may read the name as another host: %62.test as b.test. `host`: of facts_of().
bool is_ambiguous_host(std::string_view host, std::string_view authority);

struct Decision {
  enum class Kind : uint8_t { forward, respond, redirect, refuse };

  Kind kind = Kind::refuse;
  unsigned status = 0;      // of the answer that weir writes; 0: a backend answers
  const char* reason = "";  // refuse: a literal for logs
  // The route, the path that it matched and that is forwarded, and how the path was read. Without a
  // route the request is refused.
  PathChoice choice{};
  std::string_view location{};  // redirect
};

struct DecisionMemory {
  std::span<char> path;      // at least twice the size of the path
  std::span<char> location;  // for a redirect's Location
};

// The views of the result are of `request`, `memory` and literals.
Decision decide(const HttpSpec& http, const RequestFacts& request, const DecisionMemory& memory);

// The request-target for the backend of a request that is forwarded. `path`: of the Decision. Null:
// the target does not fit into `memory`.
std::string_view backend_target(const Route& route, const RequestHead& head, std::string_view path,
                                std::span<char> memory);

}  // namespace weir
