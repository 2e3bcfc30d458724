// The value types that only TLS has.
#include "base/ascii.h"
#include "base/network.h"
#include "config/value_reading.h"

namespace weir::config {
namespace {

bool is_made_of(std::string_view text, std::string_view punctuation) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || punctuation.find(c) != std::string_view::npos;
  });
}

// ---- versions

Outcome read_version(std::string_view text, TlsVersion& out) {
  Outcome problem = read_word(text, out);
  if (!problem) return {};
  problem->message = fmt::format("'{}' is not a version of TLS that weir supports", text);
  problem->hint = "1.2 or 1.3";
  return problem;
}
Outcome read_optional_version(std::string_view text, std::optional<TlsVersion>& out) {
  TlsVersion version{};
  if (Outcome problem = read_version(text, version)) return problem;
  out = version;
  return {};
}

// ---- files

// Whether the file exists is checked when it is opened.
Outcome read_file_path(std::string_view text, std::string& out) {
  if (text.find("-----BEGIN") != std::string_view::npos)
    return Problem{Code::E132, "this is the content of a file, not its path",
                   "write the path of the file: /etc/weir/tls/example.pem"};
  if (text.empty() || text.size() >= 4096 || has_control(text))
    return Problem{Code::E132, fmt::format("'{}' is not the path of a file", text),
                   "such as /etc/weir/tls/example.pem"};
  out = text;
  return {};
}

// A certificate without a name is named after its file.
Outcome read_certificate_name(std::string_view text, std::string& out) {
  if (text.empty() || text.size() >= 4096 || has_control(text))
    return Problem{Code::E131, fmt::format("'{}' is not the name of a certificate", text),
                   "a short text, such as example"};
  out = text;
  return {};
}

// ---- ciphers

constexpr size_t kLongestCiphers = 2048;

// OpenSSL checks the names when the files of the configuration are loaded.
Outcome read_ciphers(std::string_view text, std::string& out) {
  for (const std::string_view name : {"TLS_AES_", "TLS_CHACHA20_"})
    if (text.find(name) != std::string_view::npos)
      return Problem{Code::E133, fmt::format("'{}' names ciphers of TLS 1.3", text),
                     "write them in 'ciphersuites'; 'ciphers' is for TLS 1.2"};
  if (text.size() > kLongestCiphers || !is_made_of(text, ":+-!@=_., "))
    return Problem{Code::E133, fmt::format("'{}' is not a list of ciphers", text),
                   "OpenSSL's names with colons: ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE+CHACHA20"};
  out = text;
  return {};
}

Outcome read_ciphersuites(std::string_view text, std::string& out) {
  const Problem problem{Code::E133, fmt::format("'{}' is not a list of ciphers of TLS 1.3", text),
                        "with colons: TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"};
  if (text.size() > kLongestCiphers || !is_made_of(text, "_:")) return problem;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(':', begin), text.size());
    if (!text.substr(begin, end - begin).starts_with("TLS_")) return problem;
    begin = end + 1;
  }
  out = text;
  return {};
}

// The possible protocols depend on the listener's protocol: validate_tls.cc.
Outcome read_alpn(std::string_view text, std::string& out) {
  const bool good = std::all_of(text.begin(), text.end(), is_visible);
  if (text.empty() || text.size() > 255 || !good)
    return Problem{Code::E133,
                   fmt::format("'{}' is not a protocol's name (ALPN)", good ? text : "…"),
                   "1 to 255 visible characters, such as http/1.1"};
  out = text;
  return {};
}

// ---- names of backends

// A name, in lower case: RFC 6066 has no IP addresses in SNI.
Outcome read_server_name(std::string_view text, std::string& out) {
  std::string host;
  if (Outcome problem = types::host::type.read(text, &host)) {
    problem->hint =
        problem->hint.starts_with("write example.com") ? "write example.com" : problem->hint;
    return problem;
  }
  if (host.front() == '[' || IpAddress().parse(host))
    return Problem{Code::E135, fmt::format("'{}' is an IP address, not a name", text),
                   "leave 'sni' out; 'verify_name' may be an address"};
  out = std::move(host);
  return {};
}

// A name or an IP address without brackets, as in a certificate.
Outcome read_verify_name(std::string_view text, std::string& out) {
  if (IpAddress().parse(text)) return out = text, Outcome{};
  std::string host;
  if (Outcome problem = types::host::type.read(text, &host)) return problem;
  out = host.front() == '[' ? host.substr(1, host.size() - 2) : std::move(host);
  return {};
}

// Editors read them as numbers if they are not quoted.
constexpr const char* kVersion =
    R"("anyOf": [{"enum": ["1.2", "1.3", 1.2, 1.3]}, {"type": "string", "pattern": "\\$\\{"}])";
constexpr const char* kVersions = "`\"1.2\"` or `\"1.3\"`";

std::string write_optional_version(const std::optional<TlsVersion>& value) {
  return write_optional_word(value);
}

}  // namespace

namespace types {

const ValueType proxy_version::type = described_words<ProxyVersion>();
const ValueType tls_version::type =
    described<read_version, write_word<TlsVersion>, TlsVersion>("version", kVersions, kVersion);
const ValueType optional_tls_version::type =
    described<read_optional_version, write_optional_version, std::optional<TlsVersion>>(
        "version", kVersions, kVersion);
const ValueType tls_policy::type = described_words<TlsPolicy>();
const ValueType client_auth::type = described_words<ClientAuth>();
const ValueType client_fields::type = described_words<ClientFields>();
const ValueType file_path::type =
    described<read_file_path, same, std::string>("path", "of a file", kText);
const ValueType certificate_name::type =
    described<read_certificate_name, same, std::string>("name", "any short text", kText);
const ValueType ciphers::type = described<read_ciphers, same, std::string>(
    "ciphers", "`ECDHE-ECDSA-AES128-GCM-SHA256:…`", kText);
const ValueType ciphersuites::type =
    described<read_ciphersuites, same, std::string>("ciphers", "`TLS_AES_128_GCM_SHA256:…`", kText);
const ValueType alpn::type =
    described<read_alpn, same, std::string>("protocol", "`http/1.1`, …", kText);
const ValueType server_name::type =
    described<read_server_name, same, std::string>("host", "`example.com`, no address", kText);
const ValueType verify_name::type = described<read_verify_name, same, std::string>(
    "host", "`example.com`, `10.0.0.1`, `\"::1\"`", kText);
const ValueType chain_depth::type =
    described<read_count<0, 100, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "0 to 100", R"("minimum": 0, "maximum": 100)", Form::number);
const ValueType handshakes::type =
    described<read_count<0, 1'000'000'000, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "0 to 1000000000", R"("minimum": 0, "maximum": 1000000000)", Form::number);

}  // namespace types
}  // namespace weir::config
