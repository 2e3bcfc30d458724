// hash_value(): the part of a request by which its cluster chooses a backend. Pure.
#pragma once

#include <string_view>

#include "config/balance_model.h"
#include "http/message.h"

namespace weir {

// Empty: the request does not have it, and the client's address is hashed. `host` and `path`: as
// routes have matched them.
std::string_view hash_value(const config::HashBy& by, const RequestHead& head,
                            std::string_view host, std::string_view path);

}  // namespace weir
