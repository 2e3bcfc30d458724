// Schemes that authenticate a connection, not a request: NTLM and Negotiate (RFC 4559). Later
// requests on the connection belong to the authenticated user. Pure functions.
#pragma once

#include "http/message.h"

namespace weir {

// A challenge of a response, or the credentials of a request, name such a scheme: in any case, in
// any member of a list, in any of several fields. Proxy-Authenticate and Proxy-Authorization do not
// count: they are never relayed.
bool authenticates_connection(const ResponseHead& head);
bool authenticates_connection(const RequestHead& head);

}  // namespace weir
