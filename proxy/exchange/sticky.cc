#include "exchange/sticky.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "http/cookies.h"
#include "http/sticky_value.h"

namespace weir {
namespace {

std::string_view same_site(config::SameSite value) {
  switch (value) {
    case config::SameSite::lax: return "; SameSite=Lax";
    case config::SameSite::strict: return "; SameSite=Strict";
    case config::SameSite::none: return "; SameSite=None";
  }
  CHECK_UNREACHABLE();
}

bool is_secure(config::CookieSecure when, bool https) {
  return when == config::CookieSecure::always || (when == config::CookieSecure::automatic && https);
}

uint64_t whole_seconds(Duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

// Whether requests with its cookie are sent to this backend now.
bool may_follow(const Cluster& cluster, BackendIndex backend, TimePoint now, bool repeatable) {
  const ClusterSpec& spec = cluster.spec();
  const HostSpec& host = spec.hosts[backend];
  if (host.state == config::BackendState::maintenance || !host.backend->has_address() ||
      host.backend->health() == Health::down)
    return false;
  if (host.active()) return !cluster.is_avoided(backend, now, repeatable);
  return spec.sticky->drain == config::StickyDrain::keep && !host.backend->held_off(now) &&
         !spec.ejected(host);
}

}  // namespace

StickyChoice read_sticky(const RequestHead& head, const ClusterSpec& spec, uint32_t unix_time) {
  const config::Sticky& sticky = *spec.sticky;
  const uint64_t ttl = whole_seconds(sticky.ttl);
  StickyChoice choice;
  find_cookies(head, sticky.cookie, [&](std::string_view text) {
    const std::optional<StickyValue> value = parse_sticky(text);
    if (!value) return false;
    const uint64_t age = unix_time > value->issued ? unix_time - value->issued : 0;
    if (ttl != 0 && age > ttl) return false;
    choice = {spec.sticky->tags->find(value->key, value->tag), ttl != 0 && age > ttl / 2};
    return choice.backend != kNoBackend;
  });
  return choice;
}

std::string_view set_sticky(const ClusterSpec& spec, BackendIndex backend, uint32_t unix_time,
                            bool https, std::span<char> memory) {
  const config::Sticky& sticky = *spec.sticky;
  const auto value =
      sticky_text({spec.sticky->tags->key(), unix_time, spec.sticky->tags->tag(backend)});
  TextMemory text(memory);
  text.begin();
  const auto add = [&](std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) text.add(part);
  };
  add({sticky.cookie, "=", {value.data(), value.size()}, "; Path=", sticky.path});
  if (!sticky.domain.empty()) add({"; Domain=", sticky.domain});
  const uint64_t ttl = whole_seconds(sticky.ttl);
  if (ttl > 0) add({"; Max-Age=", fmt::format_int(ttl).c_str()});
  add({same_site(sticky.same_site), is_secure(sticky.secure, https) ? "; Secure" : "",
       "; HttpOnly"});
  return text.end();
}

BackendIndex sticky_backend(const StickyRequest& request, bool repeatable) {
  const ClusterSpec& spec = request.cluster.spec();
  if (!spec.sticky) return kNoBackend;
  const BackendIndex backend = read_sticky(request.head, spec, request.unix_time).backend;
  if (backend == kNoBackend) return kNoBackend;
  return may_follow(request.cluster, backend, request.now, repeatable) ? backend : kNoBackend;
}

std::string_view new_sticky(const StickyRequest& request, const StickyResponse& response,
                            std::span<char> memory) {
  const ClusterSpec& spec = request.cluster.spec();
  const BackendIndex backend = response.backend;
  // A drain ends with the cookies.
  if (!spec.sticky || !spec.hosts[backend].active()) return {};
  const StickyChoice had = read_sticky(request.head, spec, request.unix_time);
  if (had.backend == backend && !had.renew) return {};
  // Its backend was full, most likely: there may be room for the next request.
  if (had.backend != backend && had.backend != kNoBackend &&
      std::ranges::find(response.failed, had.backend) == response.failed.end() &&
      may_follow(request.cluster, had.backend, request.now, /*repeatable=*/false))
    return {};
  return set_sticky(spec, backend, request.unix_time, response.https, memory);
}

}  // namespace weir
