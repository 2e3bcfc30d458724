// Sticky sessions: a cookie that leads the requests of a client to one backend. Pure functions:
// cookie in, cookie out. The time of issue is not signed: a client can only lengthen its own stay.
#pragma once

#include <span>
#include <string_view>

#include "http/message.h"
#include "upstream/cluster.h"

namespace weir {

struct StickyChoice {
  BackendIndex backend = kNoBackend;  // the request has no cookie that is valid
  bool renew = false;                 // half of its time is over
};
// Of a request to a cluster with `sticky`. Of several cookies the first that is valid counts.
StickyChoice read_sticky(const RequestHead& head, const ClusterSpec& spec, uint32_t unix_time);

// The value of Set-Cookie, in `memory`. `https`: the client uses it.
inline constexpr size_t kMaxStickyField = 1024;
std::string_view set_sticky(const ClusterSpec& spec, BackendIndex backend, uint32_t unix_time,
                            bool https, std::span<char> memory);

// What an exchange does with them, whatever its cluster.
struct StickyRequest {
  const Cluster& cluster;
  const RequestHead& head;
  TimePoint now;
  uint32_t unix_time;
};
// The backend that the request is sent to, if that has room; kNoBackend: the balancer chooses one.
BackendIndex sticky_backend(const StickyRequest& request, bool repeatable);

// The name of the cookie, which backends do not get; empty: there is none.
inline std::string_view sticky_name(const ClusterSpec& spec) {
  return spec.sticky ? std::string_view(spec.sticky->cookie) : std::string_view();
}

// The value of Set-Cookie for a response of `backend`; empty: the client keeps what it has.
// `failed`: the backends that have failed the request.
struct StickyResponse {
  BackendIndex backend;
  std::span<const BackendIndex> failed;
  bool https;
};
std::string_view new_sticky(const StickyRequest& request, const StickyResponse& response,
                            std::span<char> memory);

}  // namespace weir
