// The value types that only HTTP has.
#include "base/ascii.h"
#include "base/network.h"
#include "base/percent.h"
#include "config/value_reading.h"
#include "http/header_names.h"

namespace weir::config {
namespace {

// ---- hosts

Problem host_problem(std::string_view text, std::string hint) {
  return {Code::E135, fmt::format("'{}' is not a host", text), std::move(hint)};
}

bool is_ipv6_literal(std::string_view text) {
  if (text.size() < 4 || text.front() != '[' || text.back() != ']') return false;
  const std::string_view inside = text.substr(1, text.size() - 2);
  return inside.find(':') != std::string_view::npos && inside.find('/') == std::string_view::npos &&
         IpAddress().parse(inside);
}

bool is_host_text(std::string_view text) {
  return is_host_name(text) && text.back() != '.' && text.find("..") == std::string_view::npos;
}

// In lower case, as the data path compares it.
Outcome read_host(std::string_view text, std::string& out) {
  if (is_ipv6_literal(text) || is_host_text(text)) return out = lower_case(text), Outcome{};
  if (text.find("://") != std::string_view::npos)
    return host_problem(text, "a host alone, without scheme and path");
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && is_host_text(text.substr(0, colon)))
    return host_problem(
        text, fmt::format("a host has no port here; write {}", lower_case(text.substr(0, colon))));
  if (text.size() > 1 && text.back() == '.' && is_host_text(text.substr(0, text.size() - 1)))
    return host_problem(text, fmt::format("write {}, without the last dot",
                                          lower_case(text.substr(0, text.size() - 1))));
  if (std::any_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; }))
    return host_problem(text, "write other scripts as clients send them: xn--…");
  return host_problem(text, "write example.com, \"[::1]\" or an IPv4 address");
}

Outcome read_host_pattern(std::string_view text, std::string& out) {
  if (text == "*") return host_problem(text, "leave out 'hosts' to match all hosts");
  const bool wildcard = text.substr(0, 2) == "*.";
  if (text.find('*') != std::string_view::npos && (!wildcard || text.rfind('*') != 0))
    return host_problem(text, "one '*' is possible, as the first label: \"*.example.com\"");
  std::string host;
  if (text.substr(0, 1) == "." && is_host_text(text.substr(1)))
    return host_problem(text,
                        fmt::format("write \"*{0}\" for the names below it, and {1} for itself",
                                    lower_case(text), lower_case(text.substr(1))));
  if (text.find_first_of(", ") != std::string_view::npos)
    return host_problem(text, "write several as a list: [a.example, b.example]");
  if (Outcome problem = read_host(wildcard ? text.substr(2) : text, host)) return problem;
  out = (wildcard ? "*." : "") + host;
  return {};
}

// host or host:port, for a Host field.
Outcome read_authority(std::string_view text, std::string& out) {
  const size_t colon = text.rfind(':');
  std::string host;
  if (text.find("://") != std::string_view::npos)
    return host_problem(text, "a host alone, without scheme and path");
  if (colon != std::string_view::npos && text.back() != ']') {
    uint32_t port = 0;
    if (Outcome problem = read_number(text.substr(colon + 1), port, 1, 65535))
      return Problem{problem->code,
                     fmt::format("'{}' in '{}' is not a port", text.substr(colon + 1), text),
                     "write a number from 1 to 65535"};
    if (Outcome problem = read_host(text.substr(0, colon), host)) return problem;
  } else if (Outcome problem = read_host(text, host)) {
    return problem;
  }
  out = lower_case(text);
  return {};
}

Outcome read_network(std::string_view text, std::string& out) {
  const std::string one(text);
  const Result<TrustedNetworks> network = has_control(text)
                                              ? Error{"a network has no control characters", ""}
                                              : TrustedNetworks::parse(std::span(&one, 1));
  if (!network) return Problem{Code::E134, network.error().message, ""};
  out = text;
  return {};
}

// ---- paths

Outcome read_target(std::string_view text, std::string& out) {
  const bool visible = std::all_of(text.begin(), text.end(), is_visible);
  if (text.empty() || text[0] != '/' || text.size() > 1024 || !visible || !is_encoded(text) ||
      text.find('#') != std::string_view::npos) {
    const char* hint = "a path begins with '/', such as /api/v1";
    if (!text.empty() && text[0] == '/')
      hint = "write other bytes percent-encoded: %20 for a blank";
    return Problem{Code::E132, fmt::format("'{}' is not a path", text), hint};
  }
  out = text;
  return {};
}
// Of a request to weir: OPTIONS may have "*", for the server as a whole (RFC 9112 3.2.4).
Outcome read_request_target(std::string_view text, std::string& out) {
  if (text != "*") return read_target(text, out);
  out = text;
  return {};
}
Outcome read_path(std::string_view text, std::string& out) {
  if (text.find('?') != std::string_view::npos)
    return Problem{Code::E132, fmt::format("'{}' is a path with a query", text),
                   "write the path alone; 'query' matches parameters"};
  if (text.find('*') != std::string_view::npos && text.back() == '*')
    return Problem{Code::E132,
                   fmt::format("'{}' ends with '*', which is no wildcard in a path", text),
                   "write path_prefix, without the '*', to match all paths below it"};
  if (Outcome problem = read_target(text, out)) return problem;
  out = spelled(out);  // as the paths of requests are compared
  return {};
}

// ---- fields

Outcome read_field_name(std::string_view text, std::string& out) {
  if (!all(kToken, text) || text.size() > 256)
    return Problem{Code::E136, fmt::format("'{}' is not the name of a header field", text),
                   "letters, digits and any of ! # $ % & ' * + - . ^ _ ` | ~"};
  out = text;
  return {};
}

// A field that a route may change: neither framing nor hop-by-hop, and no name that a backend may
// confuse with another one.
Outcome read_edited_field(std::string_view text, std::string& out) {
  if (Outcome problem = read_field_name(text, out)) return problem;
  if (is_configurable(text)) return {};
  const std::string_view alike = known_name(alias_of(text));
  const std::string name = alike.empty() ? lower_case(text) : std::string(alike);
  if (has_flag(field_id(name), kWritten)) {
    const char* hint = "weir writes this field itself, so that both sides read the same message";
    if (name == "host") hint = "use the key 'host' of 'rewrite' or of the health check";
    if (name == "upgrade") hint = "use the key 'upgrade' of the route";
    if (alike.empty())
      return Problem{Code::E138, fmt::format("'{}' cannot be changed", text), hint};
    return Problem{
        Code::E138,
        fmt::format("'{}' cannot be changed: many programs take it for '{}'", text, name), hint};
  }
  return Problem{
      Code::E247, fmt::format("'{}' is taken for '{}' by many programs", text, name),
      fmt::format("write {}; weir removes other spellings of it from every message", name)};
}

Outcome read_field_value(std::string_view text, std::string& out) {
  const bool good = text.empty() || all(kFieldText, text);
  if (!good || trim_ows(text).size() != text.size() || text.size() > 4096)
    return Problem{Code::E137, "this is not possible in a header field",
                   "up to 4096 bytes, without control characters and blanks around them"};
  out = text;
  return {};
}

// "Name: value", or "Name: *".
Outcome read_field_condition(std::string_view text, std::string& out) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return Problem{Code::E137, fmt::format("'{}' has no value", text),
                   fmt::format("write \"{}: value\", or \"{}: *\" for any value", text, text)};
  std::string name, value;
  if (Outcome problem = read_field_name(text.substr(0, colon), name)) return problem;
  if (Outcome problem = read_field_value(trim_ows(text.substr(colon + 1)), value)) return problem;
  if (value.empty())
    return Problem{Code::E137, fmt::format("'{}' has no value", text),
                   fmt::format("write \"{}: *\" for any value", name)};
  out = fmt::format("{}: {}", name, value);
  return {};
}

Outcome read_server_header(std::string_view text, std::string& out) {
  if (text.empty())
    return Problem{Code::E137, "'server_header' has no text", "write remove to send no such field"};
  for (const std::string_view word : {"false", "off", "no", "none"})
    if (iequals(text, word))
      return Problem{Code::E137, fmt::format("'{}' would be the text of the field", text),
                     "write remove to send no such field"};
  return read_field_value(text, out);
}

Outcome read_text(std::string_view text, std::string& out) {
  if (text.size() > 1024 || has_control(text))
    return Problem{Code::E133, "up to 1024 bytes without control characters are possible here", ""};
  out = text;
  return {};
}

Outcome read_body(std::string_view text, std::string& out) {
  if (text.size() > 65536)
    return Problem{Code::E133, fmt::format("{} bytes, but at most 65536 are possible", text.size()),
                   "let a backend serve longer bodies"};
  out = text;
  return {};
}

Outcome read_query_name(std::string_view text, std::string& out) {
  if (text.empty()) return Problem{Code::E133, "a query parameter without a name", ""};
  return read_text(text, out);
}

// "GET|POST" is a valid token, but no client sends such a method.
Outcome read_method(std::string_view text, std::string& out) {
  if (text.find_first_of("|, ") != std::string_view::npos)
    return Problem{Code::E139, fmt::format("'{}' is not a method", text),
                   "write several as a list: [GET, POST]"};
  if (!all(kToken, text) || text.size() > 32)
    return Problem{Code::E139, fmt::format("'{}' is not a method", text), "such as GET"};
  if (const std::string meant = upper_case(text); meant != text)
    return Problem{Code::E139, fmt::format("'{}' is not a method; they are case-sensitive", text),
                   fmt::format("write {}", meant)};
  out = text;
  return {};
}

// name ["/" version], RFC 9110 7.8.
Outcome read_upgrade(std::string_view text, std::string& out) {
  const size_t slash = std::min(text.find('/'), text.size());
  const std::string_view name = text.substr(0, slash);
  const std::string_view version = text.substr(std::min(slash + 1, text.size()));
  if (lower_case(name) == "h2c")
    return Problem{Code::E138, "'h2c' is never forwarded",
                   "it would carry requests past the routes and checks of weir"};
  if (!all(kToken, name) || (slash < text.size() && !all(kToken, version)) || text.size() > 64)
    return Problem{Code::E133, fmt::format("'{}' is not the name of a protocol", text),
                   "such as websocket or SPDY/3.1, or none"};
  out = lower_case(name) + std::string(text.substr(slash));
  return {};
}

Outcome read_route_name(std::string_view text, std::string& out) {
  if (text == "none") return Problem{Code::E131, "'none' means no route", "give it another name"};
  if (text.empty() || text.size() > 100 || !std::all_of(text.begin(), text.end(), is_visible))
    return Problem{Code::E131, "this is not a name of a route",
                   "up to 100 visible ASCII characters, no blanks"};
  out = text;
  return {};
}
Outcome read_expected_route(std::string_view text, std::string& out) {
  return text == "none" ? (out = text, Outcome{}) : read_route_name(text, out);
}

Outcome read_service_name(std::string_view text, std::string& out) {
  if (text.empty() || text.size() > 200 || !std::all_of(text.begin(), text.end(), is_visible))
    return Problem{Code::E131, "this is not a name of a service",
                   "up to 200 visible ASCII characters, as in package.Service; leave it out to ask "
                   "about the whole server"};
  out = text;
  return {};
}

// ---- hashing

Outcome read_hash_by(std::string_view text, HashBy& out) {
  using Part = HashBy::Part;
  HashBy by;
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view name = text.substr(std::min(colon + 1, text.size()));
  if (Outcome problem = read_word(text.substr(0, colon), by.part)) {
    problem->message = fmt::format("'{}' is nothing to hash by", text);
    if (problem->hint.starts_with("one of"))
      problem->hint = "client, host, path, \"header:NAME\", \"cookie:NAME\" or \"query:NAME\"";
    return problem;
  }
  const bool named = by.part >= Part::header;
  if (named && name.empty())
    return Problem{Code::E133, fmt::format("'{}' names no {}", text, weir::text(by.part)),
                   fmt::format("write \"{}:NAME\"", weir::text(by.part))};
  if (!named && colon < text.size())
    return Problem{
        Code::E133,
        fmt::format("'{}' has a name, but there is one {} only", text, weir::text(by.part)),
        fmt::format("write {}", weir::text(by.part))};
  if (Outcome problem = by.part == Part::query ? read_query_name(name, by.name)
                        : named                ? read_field_name(name, by.name)
                                               : Outcome{})
    return problem;
  out = std::move(by);
  return {};
}
std::string write_hash_by(const HashBy& by) {
  return std::string(weir::text(by.part)) + (by.name.empty() ? "" : ":" + by.name);
}

// ---- cookies

Outcome read_cookie_name(std::string_view text, std::string& out) {
  if (text.empty() || !all(kToken, text) || text.size() > 64)
    return Problem{Code::E131, fmt::format("'{}' is not the name of a cookie", text),
                   "up to 64 letters, digits and any of ! # $ % & ' * + - . ^ _ ` | ~"};
  out = text;
  return {};
}

Outcome read_cookie_path(std::string_view text, std::string& out) {
  const bool visible = std::all_of(text.begin(), text.end(), is_visible);
  if (text.empty() || text[0] != '/' || !visible || text.find(';') != std::string_view::npos ||
      text.size() > 256)
    return Problem{Code::E132, fmt::format("'{}' is not the path of a cookie", text),
                   "up to 256 visible characters without ';', the first a '/'"};
  out = text;
  return {};
}

// ---- statuses

Outcome read_error_status(std::string_view text, std::string& out) {
  uint32_t status = 0;
  out = text;
  return read_number(text, status, 400, 599);
}

Outcome read_retry_on(std::string_view text, std::string& out) {
  uint32_t status = 0;
  if (!read_number(text, status, 400, 599)) return out = text, Outcome{};
  RetryReason reason{};
  if (Outcome problem = read_word(text, reason)) {
    problem->code = Code::E142;
    problem->message = fmt::format("'{}' is no reason for a retry", text);
    if (problem->hint.find("one of") == 0) problem->hint += "; or a status from 400 to 599";
    return problem;
  }
  out = text;
  return {};
}

Outcome read_status_set(std::string_view text, StatusSet& out) {
  const Problem problem{Code::E128, fmt::format("'{}' is not a set of statuses", text),
                        "write 200, 200-299 or \"200-299, 304\"; from 100 to 599"};
  StatusSet set;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (rest.empty() && comma < text.size() && text.back() == ',') return problem;
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    const size_t dash = part.find('-');
    StatusSet::Range range;
    if (read_number(part.substr(0, dash), range.first, 100, 599)) return problem;
    range.last = range.first;
    if (dash != std::string_view::npos && read_number(part.substr(dash + 1), range.last, 100, 599))
      return problem;
    if (range.last < range.first) return problem;
    set.ranges.push_back(range);
  }
  if (set.ranges.empty() || set.ranges.size() > 32) return problem;
  out = std::move(set);
  return {};
}
std::string write_status_set(const StatusSet& set) {
  std::string text;
  for (const StatusSet::Range& range : set.ranges) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", range.first);
    if (range.last != range.first) text += fmt::format("-{}", range.last);
  }
  return text;
}

Outcome read_redirect_status(std::string_view text, uint32_t& out) {
  uint32_t status = 0;
  const char* const possible = "one of 301, 302, 303, 307, 308";
  if (Outcome problem = read_number(text, status, 0, 999)) {
    problem->hint = possible;
    return problem;
  }
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
    return Problem{Code::E111, fmt::format("{} does not redirect", status), possible};
  out = status;
  return {};
}
std::string write_unless_zero(const uint32_t& value) {
  return value == 0 ? "" : std::to_string(value);
}

// ---- sizes

struct SizeUnit {
  std::string_view name;
  uint64_t bytes;
};
constexpr SizeUnit kSizes[] = {{"TiB", uint64_t{1} << 40},
                               {"TB", 1'000'000'000'000},
                               {"GiB", uint64_t{1} << 30},
                               {"GB", 1'000'000'000},
                               {"MiB", uint64_t{1} << 20},
                               {"MB", 1'000'000},
                               {"KiB", uint64_t{1} << 10},
                               {"KB", 1'000},
                               {"B", 1}};
constexpr uint64_t kLargest = uint64_t{1} << 50;

Outcome read_size(std::string_view text, uint64_t& out) {
  if (text == "0") return out = 0, Outcome{};
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view number = text.substr(0, digits), unit = text.substr(digits);
  if (digits > 0 && unit.empty())
    return Problem{Code::E126, fmt::format("'{0}' has no unit; write '{0}KiB' or '{0}MiB'", text),
                   ""};
  const auto found = std::find_if(std::begin(kSizes), std::end(kSizes),
                                  [&](const SizeUnit& size) { return size.name == unit; });
  if (digits == 0 || found == std::end(kSizes) || (digits > 1 && number[0] == '0'))
    return Problem{Code::E126, fmt::format("'{}' is not a size", text),
                   "whole numbers with B, KiB, MiB, GiB, KB, MB or GB: 64KiB, 10MiB"};
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || value > kLargest / found->bytes)
    return Problem{Code::E111, fmt::format("{} is out of range", text), "up to 1024TiB"};
  out = value * found->bytes;
  return {};
}
std::string write_size(const uint64_t& value) {
  if (value == 0) return "0";
  for (const SizeUnit& unit : kSizes)
    if (value % unit.bytes == 0) return fmt::format("{}{}", value / unit.bytes, unit.name);
  return "";
}
Outcome read_header_size(std::string_view text, uint64_t& out) {
  uint64_t value = 0;
  if (Outcome problem = read_size(text, value)) return problem;
  if (value < 1024 || value > (uint64_t{1} << 20))
    return Problem{Code::E111, fmt::format("{} is out of range", text),
                   "from 1KiB to 1MiB: each connection may need that much memory"};
  out = value;
  return {};
}
Outcome read_byte_rate(std::string_view text, uint64_t& out) {
  if (text == "0") return out = 0, Outcome{};
  const bool per_second = text.size() > 2 && text.substr(text.size() - 2) == "/s";
  uint64_t value = 0;
  if (!per_second || read_size(text.substr(0, text.size() - 2), value))
    return Problem{Code::E127, fmt::format("'{}' is not a rate", text),
                   "write 500B/s or 1KiB/s; 0 for none"};
  out = value;
  return {};
}
std::string write_byte_rate(const uint64_t& value) {
  return value == 0 ? "0" : write_size(value) + "/s";
}

constexpr const char* kSizePattern =
    R"("anyOf": [{"const": 0}, {"type": "string", "pattern": "\\$\\{|^0$|^[0-9]+([KMGT]i?)?B$"}])";
constexpr const char* kRatePattern =
    R"("anyOf": [{"const": 0}, {"type": "string", "pattern": "\\$\\{|^0$|^[0-9]+([KMGT]i?)?B/s$"}])";
constexpr const char* kTarget = R"("type": "string", "pattern": "\\$\\{|^/")";
constexpr const char* kRequestTarget = R"("type": "string", "pattern": "\\$\\{|^/|^\\*$")";

}  // namespace

namespace types {

const ValueType network::type = described<read_network, same, std::string>(
    "network", "`10.0.0.0/8`, `2001:db8::/32`, an address, or `\"unix:\"`", kText);
const ValueType host_pattern::type = described<read_host_pattern, same, std::string>(
    "host", "`example.com`, `\"*.example.com\"`, `\"[::1]\"`", kText);
const ValueType host::type =
    described<read_host, same, std::string>("host", "`example.com`, without a port", kText);
const ValueType authority::type = described<read_authority, same, std::string>(
    "host", "`example.com`, `example.com:8080`", kText);
const ValueType path::type =
    described<read_path, same, std::string>("path", "`/v1`, percent-encoded", kTarget);
const ValueType target_path::type =
    described<read_target, same, std::string>("path", "`/v1?full=yes`, percent-encoded", kTarget);
const ValueType request_target::type = described<read_request_target, same, std::string>(
    "path", "`/v1?full=yes`, percent-encoded; `*` with OPTIONS", kRequestTarget);
const ValueType method::type =
    described<read_method, same, std::string>("method", "`GET`, `POST`, …", kText);
const ValueType field_name::type =
    described<read_field_name, same, std::string>("field", "a header field's name", kText);
const ValueType edited_field::type = described<read_edited_field, same, std::string>(
    "field", "a header field's name; not `Host`, `Connection`, `Content-Length` and the like",
    kText);
const ValueType field_value::type =
    described<read_field_value, same, std::string>("text", "without control characters", kText);
const ValueType field_condition::type = described<read_field_condition, same, std::string>(
    "field and value", "`\"X-Drain: yes\"`; `\"X-Drain: *\"`: any value", kText);
const ValueType server_header::type =
    described<read_server_header, same, std::string>("text", "`pass`, `remove`, or a text", kText);
const ValueType match_value::type =
    described<read_text, same, std::string>("text", "up to 1024 bytes", kText);
const ValueType query_name::type =
    described<read_query_name, same, std::string>("parameter", "its name", kText);
const ValueType body::type = described<read_body, same, std::string>("text", "up to 64 KiB", kText);
const ValueType error_status::type =
    described<read_error_status, same, std::string>("status", "400 to 599", kText);
const ValueType upgrade_protocol::type = described<read_upgrade, same, std::string>(
    "protocol", "`websocket`, `SPDY/3.1`, …; `none`", kText);
const ValueType route_name::type =
    described<read_route_name, same, std::string>("name", "up to 100 visible characters", kText);
const ValueType expected_route::type =
    described<read_expected_route, same, std::string>("name of a route", "or `none`", kText);
const ValueType retry_on::type = described<read_retry_on, same, std::string>(
    "reason", "see below, or a status from 400 to 599", kText);
const ValueType size::type = described<read_size, write_size, uint64_t>(
    "size", "`64KiB`, `10MiB`, `1GB`; `0`", kSizePattern);
const ValueType header_size::type =
    described<read_header_size, write_size, uint64_t>("size", "`1KiB` to `1MiB`", kSizePattern);
const ValueType header_count::type =
    described<read_count<10, 1000, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "10 to 1000", R"("minimum": 10, "maximum": 1000)", Form::number);
const ValueType byte_rate::type = described<read_byte_rate, write_byte_rate, uint64_t>(
    "rate", "`500B/s`, `1KiB/s`; `0`", kRatePattern);
const ValueType stream_count::type =
    described<read_count<1, 10'000, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "1 to 10000", R"("minimum": 1, "maximum": 10000)", Form::number);
const ValueType hash_by::type = described<read_hash_by, write_hash_by, HashBy>(
    "text", "`client`, `host`, `path`, `\"header:NAME\"`, `\"cookie:NAME\"`, `\"query:NAME\"`",
    kText);
const ValueType cookie_name::type =
    described<read_cookie_name, same, std::string>("name", "up to 64 characters", kText);
const ValueType cookie_path::type =
    described<read_cookie_path, same, std::string>("path", "`/shop`", kTarget);
const ValueType same_site::type = described_words<SameSite>();
const ValueType cookie_secure::type = described_words<CookieSecure>();
const ValueType sticky_drain::type = described_words<StickyDrain>();
const ValueType backend_protocol::type = described_words<BackendProtocol>();
const ValueType service_name::type =
    described<read_service_name, same, std::string>("name", "up to 200 visible characters", kText);
const ValueType split_weight::type =
    described<read_count<0, 1000, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "0 to 1000", R"("minimum": 0, "maximum": 1000)", Form::number);
const ValueType attempts::type =
    described<read_count<0, 10, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "0 to 10", R"("minimum": 0, "maximum": 10)", Form::number);
const ValueType port::type = described<read_count<1, 65535, uint32_t>, write_unless_zero, uint32_t>(
    "port", "1 to 65535", R"("minimum": 1, "maximum": 65535)", Form::number);
const ValueType respond_status::type =
    described<read_count<200, 599, uint32_t>, write_count<uint32_t>, uint32_t>(
        "status", "200 to 599", R"("minimum": 200, "maximum": 599)", Form::number);
const ValueType optional_status::type =
    described<read_count<200, 599, uint32_t>, write_unless_zero, uint32_t>(
        "status", "200 to 599", R"("minimum": 200, "maximum": 599)", Form::number);
const ValueType redirect_status::type =
    described<read_redirect_status, write_count<uint32_t>, uint32_t>(
        "status", "301, 302, 303, 307 or 308", R"("enum": [301, 302, 303, 307, 308])",
        Form::number);
const ValueType status_set::type = described<read_status_set, write_status_set, StatusSet>(
    "statuses", "`200`, `200-299`, `\"200-299, 304\"`",
    R"("type": ["string", "integer"], "minimum": 100, "maximum": 599, "pattern": "\\$\\{|^[1-5][0-9]{2}(-[1-5][0-9]{2})?( *, *[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$")");
const ValueType encoded_slashes::type = described_words<EncodedSlashes>();
const ValueType dot_segments::type = described_words<DotSegments>();
const ValueType double_slashes::type = described_words<DoubleSlashes>();
const ValueType forwarded::type = described_words<Forwarded>();
const ValueType optional_scheme::type = described_optional_words<Redirect::Scheme>();

}  // namespace types
}  // namespace weir::config
