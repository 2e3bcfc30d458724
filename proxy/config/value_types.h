// The types of plain values: how each is read from text, written back, and described in the JSON
// Schema and in the reference. keys.def names one for each key. read() and write() are inverse:
// read() makes the same value from the text that write() returns; an unset value is written as "".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/findings.h"

namespace weir::config {

struct Problem {
  Code code;
  std::string message;
  std::string hint;
};

// The form of a value in YAML, and the possible values.
enum class Form : uint8_t { text, number, boolean };

struct ValueType {
  const char* name;    // "duration"
  const char* syntax;  // for the reference; Markdown
  const char* schema;  // JSON Schema of the value, without the braces
  Form form;
  std::span<const std::string_view>
      words;  // the only possible values; empty: there is no such list
  // The C++ type of the member is checked where the table is built (keys.cc).
  std::optional<Problem> (*read)(std::string_view text, void* member);
  std::string (*write)(const void* member);
  // The place of the value, in the member; null, or a null result: not kept.
  Location* (*location)(void* member);
};

// One struct per type: `Value` is the member's type, `type` the description.
namespace types {

#define WEIR_VALUE_TYPE(name_, value) \
  struct name_ {                      \
    using Value = value;              \
    static const ValueType type;      \
  }

WEIR_VALUE_TYPE(name, std::string);
WEIR_VALUE_TYPE(label, std::string);
WEIR_VALUE_TYPE(cluster_name, std::string);
WEIR_VALUE_TYPE(bind_address, std::string);
WEIR_VALUE_TYPE(admin_address, std::string);
WEIR_VALUE_TYPE(backend_address, std::string);
WEIR_VALUE_TYPE(socket_path, std::string);
WEIR_VALUE_TYPE(file_mode, uint32_t);
WEIR_VALUE_TYPE(account, std::string);
WEIR_VALUE_TYPE(url_path, std::string);
WEIR_VALUE_TYPE(log_output, std::string);
WEIR_VALUE_TYPE(access_output, std::string);
WEIR_VALUE_TYPE(algorithm, std::string);
WEIR_VALUE_TYPE(bytes, std::string);
WEIR_VALUE_TYPE(hex_bytes, std::string);
WEIR_VALUE_TYPE(boolean, bool);
WEIR_VALUE_TYPE(optional_boolean, std::optional<bool>);
WEIR_VALUE_TYPE(workers, uint32_t);
WEIR_VALUE_TYPE(auto_count, uint64_t);
WEIR_VALUE_TYPE(count, uint64_t);
WEIR_VALUE_TYPE(weight, uint32_t);
WEIR_VALUE_TYPE(tries, uint32_t);
WEIR_VALUE_TYPE(connect_tries, uint32_t);
WEIR_VALUE_TYPE(backlog, uint32_t);
WEIR_VALUE_TYPE(percent, double);
WEIR_VALUE_TYPE(duration, Duration);
WEIR_VALUE_TYPE(positive_duration, Duration);
WEIR_VALUE_TYPE(optional_duration, std::optional<Duration>);
WEIR_VALUE_TYPE(timeout, Timeout);
WEIR_VALUE_TYPE(positive_timeout, Timeout);
WEIR_VALUE_TYPE(keepalive_idle, Duration);
WEIR_VALUE_TYPE(keepalive_interval, Duration);
WEIR_VALUE_TYPE(keepalive_probes, uint32_t);
WEIR_VALUE_TYPE(balance, Balance);
WEIR_VALUE_TYPE(optional_balance, std::optional<Balance>);
WEIR_VALUE_TYPE(protocol, Protocol);
WEIR_VALUE_TYPE(backend_state, BackendState);
WEIR_VALUE_TYPE(check_type, HealthCheck::Type);
WEIR_VALUE_TYPE(log_level, LogLevel);
WEIR_VALUE_TYPE(log_format, LogFormat);
WEIR_VALUE_TYPE(optional_access_format, std::optional<LogFormat>);
// HTTP: http_value_types.cc
WEIR_VALUE_TYPE(network, std::string);
WEIR_VALUE_TYPE(host_pattern, std::string);
WEIR_VALUE_TYPE(host, std::string);
WEIR_VALUE_TYPE(authority, std::string);
WEIR_VALUE_TYPE(path, std::string);
WEIR_VALUE_TYPE(target_path, std::string);
WEIR_VALUE_TYPE(request_target, std::string);
WEIR_VALUE_TYPE(method, std::string);
WEIR_VALUE_TYPE(field_name, std::string);
WEIR_VALUE_TYPE(edited_field, std::string);
WEIR_VALUE_TYPE(field_value, std::string);
WEIR_VALUE_TYPE(field_condition, std::string);
WEIR_VALUE_TYPE(server_header, std::string);
WEIR_VALUE_TYPE(match_value, std::string);
WEIR_VALUE_TYPE(query_name, std::string);
WEIR_VALUE_TYPE(body, std::string);
WEIR_VALUE_TYPE(error_status, std::string);
WEIR_VALUE_TYPE(upgrade_protocol, std::string);
WEIR_VALUE_TYPE(route_name, std::string);
WEIR_VALUE_TYPE(expected_route, std::string);
WEIR_VALUE_TYPE(retry_on, std::string);
WEIR_VALUE_TYPE(size, uint64_t);
WEIR_VALUE_TYPE(header_size, uint64_t);
WEIR_VALUE_TYPE(byte_rate, uint64_t);
WEIR_VALUE_TYPE(stream_count, uint32_t);
WEIR_VALUE_TYPE(hash_by, HashBy);
WEIR_VALUE_TYPE(cookie_name, std::string);
WEIR_VALUE_TYPE(cookie_path, std::string);
WEIR_VALUE_TYPE(same_site, SameSite);
WEIR_VALUE_TYPE(cookie_secure, CookieSecure);
WEIR_VALUE_TYPE(sticky_drain, StickyDrain);
WEIR_VALUE_TYPE(backend_protocol, BackendProtocol);
WEIR_VALUE_TYPE(service_name, std::string);
WEIR_VALUE_TYPE(split_weight, uint32_t);
WEIR_VALUE_TYPE(attempts, uint32_t);
WEIR_VALUE_TYPE(port, uint32_t);
WEIR_VALUE_TYPE(respond_status, uint32_t);
WEIR_VALUE_TYPE(optional_status, uint32_t);
WEIR_VALUE_TYPE(redirect_status, uint32_t);
WEIR_VALUE_TYPE(optional_timeout, std::optional<Timeout>);
WEIR_VALUE_TYPE(auto_timeout, std::optional<Timeout>);
WEIR_VALUE_TYPE(optional_count, std::optional<uint64_t>);
WEIR_VALUE_TYPE(concurrency, uint32_t);
WEIR_VALUE_TYPE(optional_concurrency, std::optional<uint32_t>);
WEIR_VALUE_TYPE(status_set, StatusSet);
WEIR_VALUE_TYPE(encoded_slashes, EncodedSlashes);
WEIR_VALUE_TYPE(dot_segments, DotSegments);
WEIR_VALUE_TYPE(double_slashes, DoubleSlashes);
WEIR_VALUE_TYPE(forwarded, Forwarded);
WEIR_VALUE_TYPE(optional_scheme, std::optional<Redirect::Scheme>);
// TLS: tls_value_types.cc
WEIR_VALUE_TYPE(proxy_version, ProxyVersion);
WEIR_VALUE_TYPE(tls_version, TlsVersion);
WEIR_VALUE_TYPE(optional_tls_version, std::optional<TlsVersion>);
WEIR_VALUE_TYPE(tls_policy, TlsPolicy);
WEIR_VALUE_TYPE(client_auth, ClientAuth);
WEIR_VALUE_TYPE(client_fields, ClientFields);
WEIR_VALUE_TYPE(file_path, std::string);
WEIR_VALUE_TYPE(certificate_name, std::string);
WEIR_VALUE_TYPE(ciphers, std::string);
WEIR_VALUE_TYPE(ciphersuites, std::string);
WEIR_VALUE_TYPE(alpn, std::string);
WEIR_VALUE_TYPE(server_name, std::string);
WEIR_VALUE_TYPE(verify_name, std::string);
WEIR_VALUE_TYPE(chain_depth, uint32_t);
WEIR_VALUE_TYPE(handshakes, uint32_t);
WEIR_VALUE_TYPE(header_count, uint32_t);

#undef WEIR_VALUE_TYPE

}  // namespace types

// "1m30s", "500ms", "0s".
std::string duration_text(Duration);

}  // namespace weir::config
