#include "config/value_types.h"

#include "base/address.h"
#include "base/ascii.h"
#include "config/value_reading.h"

namespace weir::config {

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

Outcome read_name(std::string_view text, std::string& out) {
  constexpr std::string_view kPunctuation = "._-:@[]";
  const bool good = std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || kPunctuation.find(c) != std::string_view::npos;
  });
  if (text.empty() || text.size() > 64 || !good)
    return Problem{Code::E131, fmt::format("'{}' is not a name", text),
                   "up to 64 letters, digits and any of . _ - : @ [ ]"};
  out = text;
  return {};
}

namespace {

// ---- text

Outcome read_algorithm(std::string_view text, std::string& out) {
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return (is_alphanumeric(c) && c == ascii_lower(c)) || c == '_' || c == '-';
  });
  if (text.empty() || text.size() > 15 || !good)
    return Problem{Code::E133, fmt::format("'{}' is not a congestion control algorithm", text),
                   "such as cubic, bbr or reno"};
  out = text;
  return {};
}

Outcome read_bytes(std::string_view text, std::string& out) {
  if (text.empty() || text.size() > 1024)
    return Problem{Code::E133, fmt::format("{} bytes, but 1 to 1024 are possible", text.size()),
                   "leave the key out for none"};
  out = text;
  return {};
}

Outcome read_hex_bytes(std::string_view text, std::string& out) {
  const auto wrong = [](const std::string& what) {
    return Problem{Code::E266, what,
                   "two digits for each byte, blanks between them: 00 04 d2 16 ff"};
  };
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    if (text[i] == ' ') {
      --i;  // one character, not two
      continue;
    }
    const int high = hex_value(text[i]);
    const int low = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    if (high < 0 || low < 0)
      return wrong(fmt::format("'{}' is not a byte in hexadecimal", text.substr(i, 2)));
    bytes += static_cast<char>(high * 16 + low);
  }
  if (bytes.empty() || bytes.size() > 1024)
    return wrong(fmt::format("{} bytes, but 1 to 1024 are possible", bytes.size()));
  out = std::move(bytes);
  return {};
}

std::string write_hex_bytes(const std::string& bytes) {
  std::string text;
  for (const char c : bytes)
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", static_cast<unsigned char>(c));
  return text;
}

Outcome read_url_path(std::string_view text, std::string& out) {
  const bool good = std::all_of(text.begin(), text.end(),
                                [](char c) { return is_visible(c) && c != '?' && c != '#'; });
  if (text.empty() || text[0] != '/' || text.size() > 256 || !good)
    return Problem{Code::E132, fmt::format("'{}' is not a path", text),
                   "a path begins with '/', such as /metrics"};
  out = text;
  return {};
}

Outcome read_socket_path(std::string_view text, std::string& out) {
  if (text.substr(0, 5) == "unix:")
    return Problem{Code::E132, fmt::format("'{}' has 'unix:' before the path", text),
                   "write the path alone, such as /run/weir/admin.sock"};
  if (text.empty() || text[0] != '/' || text.size() > 107 || has_control(text))
    return Problem{Code::E132, fmt::format("'{}' is not the path of a UNIX socket", text),
                   "an absolute path of up to 107 bytes, such as /run/weir/admin.sock"};
  out = text;
  return {};
}

// As for chmod(1); for a socket only the bits rw-rw-rw- have a meaning.
Outcome read_file_mode(std::string_view text, uint32_t& out) {
  const std::string_view digits = text.size() == 4 && text[0] == '0' ? text.substr(1) : text;
  const bool good = digits.size() == 3 && std::all_of(digits.begin(), digits.end(),
                                                      [](char c) { return c >= '0' && c <= '7'; });
  if (!good)
    return Problem{Code::E144, fmt::format("'{}' is not a file mode", text),
                   "three octal digits, as for chmod: 0660"};
  out = 0;
  for (char c : digits) out = out * 8 + static_cast<uint32_t>(c - '0');
  return {};
}
std::string write_file_mode(const uint32_t& mode) {
  return fmt::format("{:04o}", mode);
}

Outcome read_account(std::string_view text, std::string& out) {
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
  });
  if (text.empty() || text.size() > 64 || text.front() == '-' || !good)
    return Problem{Code::E145, fmt::format("'{}' is not the name of a user or group", text),
                   "a name such as www-data, or a number"};
  out = text;
  return {};
}

Outcome read_output(std::string_view text, std::string& out) {
  const bool is_path =
      text.find('/') != std::string_view::npos && text.size() < 4096 && !has_control(text);
  if (text != "stderr" && text != "stdout" && !is_path)
    return Problem{Code::E132, fmt::format("'{}' is neither stderr, stdout nor a path", text),
                   "a path has a '/': /var/log/weir.log, ./weir.log"};
  out = text;
  return {};
}

Outcome read_access_output(std::string_view text, std::string& out) {
  if (text == "none") return out = text, Outcome{};
  Outcome problem = read_output(text, out);
  if (problem)
    problem->message = fmt::format("'{}' is neither none, stderr, stdout nor a path", text);
  return problem;
}

// ---- addresses

Problem address_problem(std::string_view text, std::string message) {
  std::string hint = "write host:port, [::1]:80, :80 or unix:/path";
  if (message.find("write ") != std::string::npos) hint = "";
  if (text.substr(0, 1) == "*") hint = "all addresses are written ':80'";
  return {Code::E130, std::move(message), std::move(hint)};
}

// "https://host/path": the hint has the address in it, and the keys for the rest.
Outcome url_problem(std::string_view text, bool of_a_backend) {
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos) return {};
  const std::string_view scheme = text.substr(0, mark), rest = text.substr(mark + 3);
  const std::string_view host = rest.substr(0, rest.find_first_of("/?"));
  const bool secure = scheme == "https" || scheme == "wss" || scheme == "tls";
  const bool has_port = static_cast<bool>(split_host_port(host));
  const bool web = secure || scheme == "http" || scheme == "ws";
  std::string hint = fmt::format("write {}{}", host,
                                 has_port ? ""
                                 : secure ? ":443"
                                 : web    ? ":80"
                                          : ":PORT");
  if (secure)
    hint += of_a_backend ? ", and tls: {} of the cluster" : ", and tls with the certificates";
  if (rest.size() > host.size() + 1) hint += "; for the path, rewrite of a route";
  return Problem{Code::E130, fmt::format("'{}' is a URL, not an address", text), std::move(hint)};
}

Outcome read_bind(std::string_view text, std::string& out) {
  if (Outcome problem = url_problem(text, false)) return problem;
  if (text.size() <= 5 && all_digits(text))
    return Problem{Code::E130, fmt::format("'{}' has no colon", text),
                   fmt::format("write \":{}\" for all addresses", text)};
  const Result<Address> address = has_control(text)
                                      ? Error{fmt::format("'{}' is not an address", text), ""}
                                      : Address::parse(text);
  if (!address) {
    Problem problem = address_problem(text, address.error().message);
    if (address.error().message.find("is not an IP address") != std::string::npos &&
        text.substr(0, 1) != "*")
      problem.hint =
          "weir listens on addresses, not on names: 0.0.0.0:80, 127.0.0.1:80, \"[::]:80\" or :80 "
          "for all";
    return problem;
  }
  out = text;
  return {};
}

Outcome read_admin(std::string_view text, std::string& out) {
  if (text.substr(0, 5) == "unix:")
    return Problem{Code::E130, "'bind' is a TCP address",
                   "a UNIX socket is admin.socket: /run/weir/admin.sock"};
  return read_bind(text, out);
}

Outcome read_backend_address(std::string_view text, std::string& out) {
  if (has_control(text)) return address_problem("", fmt::format("'{}' is not an address", text));
  if (Outcome problem = url_problem(text, true)) return problem;
  if (text.substr(0, 5) == "unix:") return read_bind(text, out);
  const Result<HostPort> parts = split_host_port(text);
  if (!parts) return address_problem(text, parts.error().message);
  if (parts->host.empty())
    return address_problem("", fmt::format("'{}' has no host; a backend is one server", text));
  if (parts->port == 0)
    return address_problem("", fmt::format("'{}': a backend has a port from 1 to 65535", text));
  const bool is_ipv6 = parts->host.find(':') != std::string::npos;
  const bool numeric = static_cast<bool>(Address::parse(text));
  const bool looks_numeric = parts->host.find_first_not_of("0123456789.") == std::string::npos;
  if (!numeric && (is_ipv6 || looks_numeric || !is_host_name(parts->host)))
    return address_problem(
        "", fmt::format("'{}' is neither an IP address nor a host name", parts->host));
  out = text;
  return {};
}

// Of a listener or a backend; its default is the address.
Outcome read_label(std::string_view text, std::string& out) {
  Outcome problem = read_name(text, out);
  return problem && read_bind(text, out) && read_backend_address(text, out) ? problem : Outcome{};
}

// ---- numbers

template <uint64_t Most, typename T>
Outcome read_auto(std::string_view text, T& out) {
  if (text == "auto") return out = 0, Outcome{};
  Outcome problem = read_number(text, out, 1, Most);
  if (problem && problem->code == Code::E110 && problem->hint.empty())
    problem->hint = "a number, or auto";
  return problem;
}
template <typename T>
std::string write_auto(const T& value) {
  return value == 0 ? "auto" : std::to_string(value);
}

Outcome read_concurrency(std::string_view text, uint32_t& out) {
  if (text == "none") return out = 0, Outcome{};
  Outcome problem = read_number(text, out, 1, 1'000'000'000);
  if (problem && text == "0") problem->hint = "write 'none' for no limit";
  if (problem && problem->hint.empty()) problem->hint = "a number, or none";
  return problem;
}
std::string write_concurrency(const uint32_t& value) {
  return value == 0 ? "none" : std::to_string(value);
}
Outcome read_optional_concurrency(std::string_view text, std::optional<uint32_t>& out) {
  uint32_t value = 0;
  if (Outcome problem = read_concurrency(text, value)) return problem;
  out = value;
  return {};
}
std::string write_optional_concurrency(const std::optional<uint32_t>& value) {
  return value ? write_concurrency(*value) : "";
}
Outcome read_optional_count(std::string_view text, std::optional<uint64_t>& out) {
  uint64_t value = 0;
  if (Outcome problem = read_number(text, value, 0, 1'000'000'000)) return problem;
  out = value;
  return {};
}
std::string write_optional_count(const std::optional<uint64_t>& value) {
  return value ? std::to_string(*value) : "";
}

Outcome read_boolean(std::string_view text, bool& out) {
  if (text != "true" && text != "false")
    return Problem{Code::E112, fmt::format("'{}' is neither true nor false", text),
                   "write true or false"};
  out = text == "true";
  return {};
}
std::string write_boolean(const bool& value) {
  return value ? "true" : "false";
}
Outcome read_optional_boolean(std::string_view text, std::optional<bool>& out) {
  bool value = false;
  if (Outcome problem = read_boolean(text, value)) return problem;
  out = value;
  return {};
}
std::string write_optional_boolean(const std::optional<bool>& value) {
  return value ? write_boolean(*value) : "";
}

// Up to four decimal places, so that the text reads back as the same number.
Outcome read_percent(std::string_view text, double& out) {
  const std::string_view number = text.substr(0, text.size() - (text.empty() ? 0 : 1));
  const size_t point = number.find('.');
  const std::string_view whole = number.substr(0, point);
  const std::string_view places = point == std::string_view::npos ? "0" : number.substr(point + 1);
  const auto digits = [](std::string_view t, size_t most) {
    return t.size() <= most && all_digits(t);
  };
  if (text.empty() || text.back() != '%' || !digits(whole, 3) || !digits(places, 4)) {
    const bool bare = digits(text, 3);
    return Problem{Code::E125, fmt::format("'{}' is not a percentage", text),
                   bare ? fmt::format("write {}%", text) : "write 20% or 2.5%"};
  }
  double value = 0;
  std::from_chars(number.data(), number.data() + number.size(), value);
  if (value > 100)
    return Problem{Code::E111, fmt::format("{} is out of range", text), "from 0% to 100%"};
  out = value / 100;
  return {};
}
std::string write_percent(const double& value) {
  return fmt::format("{:.10g}%", value * 100);
}

// ---- durations

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr Unit kUnits[] = {
    {"d", std::chrono::hours(24)}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}, {"us", 1us}};
constexpr Duration kLongest = std::chrono::hours(24 * 365);

const Unit* unit_at(std::string_view text) {
  const Unit* found = nullptr;
  for (const Unit& unit : kUnits)
    if (text.substr(0, unit.name.size()) == unit.name &&
        (!found || unit.name.size() > found->name.size()))
      found = &unit;
  return found;
}

Problem bad_duration(std::string_view text) {
  if (all_digits(text))
    return {Code::E121, fmt::format("'{0}' has no unit; write '{0}s' or '{0}ms'", text), ""};
  return {Code::E122, fmt::format("'{}' is not a duration", text),
          "write 500ms, 5s, 1m30s, 8h or 1d"};
}

// Whole numbers with units, from the largest unit to the smallest.
Outcome read_duration(std::string_view text, Duration& out) {
  std::string_view rest = text;
  Duration sum{}, last = Duration::max();
  while (!rest.empty()) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, 10);
    if (error == std::errc::invalid_argument) return bad_duration(text);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const Unit* unit = unit_at(rest);
    if (!unit || unit->length >= last) return bad_duration(text);
    rest.remove_prefix(unit->name.size());
    last = unit->length;
    const auto most = static_cast<uint64_t>((kLongest - sum) / unit->length);
    if (error != std::errc() || number > most)
      return Problem{Code::E123, fmt::format("'{}' is longer than 365d", text), ""};
    sum += static_cast<int64_t>(number) * unit->length;
  }
  if (text.empty()) return bad_duration(text);
  out = sum;
  return {};
}

Outcome read_positive(std::string_view text, Duration& out) {
  Duration value{};
  if (Outcome problem = read_duration(text, value)) return problem;
  if (value == Duration::zero())
    return Problem{Code::E123, fmt::format("'{}' must be longer than zero", text), ""};
  out = value;
  return {};
}
// The values that Linux accepts for TCP_KEEPIDLE and TCP_KEEPINTVL.
Outcome read_keepalive_interval(std::string_view text, Duration& out) {
  constexpr Duration kMost = std::chrono::seconds(32767);
  Duration value{};
  if (Outcome problem = read_duration(text, value)) return problem;
  if (value < 1s || value > kMost || value % Duration(1s) != Duration::zero())
    return Problem{Code::E123, fmt::format("the kernel does not accept '{}'", text),
                   "whole seconds, from 1s to 32767s"};
  out = value;
  return {};
}
Outcome read_keepalive_idle(std::string_view text, Duration& out) {
  Duration value{};
  if (!read_duration(text, value) && value == Duration::zero()) return out = value, Outcome{};
  Outcome problem = read_keepalive_interval(text, out);
  if (problem && problem->code == Code::E123) problem->hint += "; 0s: no keepalive";
  return problem;
}
Outcome read_optional_duration(std::string_view text, std::optional<Duration>& out) {
  Duration value{};
  if (Outcome problem = read_duration(text, value)) return problem;
  out = value;
  return {};
}
Outcome read_timeout(std::string_view text, Timeout& out) {
  return read_duration(text, out.value);
}
Outcome read_positive_timeout(std::string_view text, Timeout& out) {
  return read_positive(text, out.value);
}
Outcome read_optional_timeout(std::string_view text, std::optional<Timeout>& out) {
  Timeout value;
  if (Outcome problem = read_duration(text, value.value)) return problem;
  out = value;
  return {};
}
Outcome read_auto_timeout(std::string_view text, std::optional<Timeout>& out) {
  if (text == "auto") return out.reset(), Outcome{};
  Timeout value;
  if (Outcome problem = read_positive(text, value.value)) {
    if (problem->hint.empty()) problem->hint = "a duration such as 500ms or 5s, or auto";
    return problem;
  }
  out = value;
  return {};
}
std::string write_auto_timeout(const std::optional<Timeout>& v) {
  return v ? duration_text(v->value) : "auto";
}
std::string write_optional_timeout(const std::optional<Timeout>& v) {
  return v ? duration_text(v->value) : "";
}
std::string write_duration(const Duration& value) {
  return duration_text(value);
}
std::string write_optional_duration(const std::optional<Duration>& v) {
  return v ? duration_text(*v) : "";
}
std::string write_timeout(const Timeout& value) {
  return duration_text(value.value);
}

// ---- words

Outcome read_protocol(std::string_view text, Protocol& out) {
  Outcome problem = read_word(text, out);
  if (problem && text == "https")
    problem->hint = "write protocol: http, and 'tls' with the certificates";
  return problem;
}

// The formats that can contain the fields of messages.
constexpr std::span<const std::string_view> kMessageFormats =
    std::span(kWords<LogFormat>).first(list_index(LogFormat::common));
Outcome read_log_format(std::string_view text, LogFormat& out) {
  return read_word(text, out, kMessageFormats);
}

constexpr const char* kAddress = R"("type": "string", "pattern": "\\$\\{|:[0-9]+$|^unix:[/@]")";
constexpr const char* kPath = R"("type": "string", "pattern": "\\$\\{|^/")";
constexpr const char* kDuration =
    R"("type": "string", "pattern": "\\$\\{|^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?$", "minLength": 2)";
constexpr const char* kAutoDuration =
    R"("type": "string", "pattern": "\\$\\{|^auto$|^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?$", "minLength": 2)";

}  // namespace

std::string duration_text(Duration duration) {
  if (duration <= Duration::zero()) return "0s";
  std::string text;
  for (const Unit& unit : kUnits) {
    // 24h and 90s stay readable as 1d and 1m30s; nothing else is split.
    const int64_t number = duration / unit.length;
    if (number == 0) continue;
    text += fmt::format("{}{}", number, unit.name);
    duration -= number * unit.length;
  }
  return text;
}

namespace types {

const ValueType name::type =
    described<read_name, same, std::string>("name", "up to 64 letters, digits, `._-:@[]`", kText);
const ValueType label::type = described<read_label, same, std::string>(
    "name", "up to 64 letters, digits, `._-:@[]`, or an address", kText);
const ValueType cluster_name::type =
    described<read_name, same, std::string>("name of a cluster", "of a cluster in the file", kText);
const ValueType bind_address::type = described<read_bind, same, std::string>(
    "address", "`10.0.0.1:80`, `\"[::1]:80\"`, `:80` (all), `unix:/path`", kAddress);
const ValueType admin_address::type =
    described<read_admin, same, std::string>("address", "`127.0.0.1:9901`", kAddress);
const ValueType backend_address::type = described<read_backend_address, same, std::string>(
    "address", "`host:port`, `10.0.0.1:80`, `\"[::1]:80\"`, `unix:/path`", kAddress);
const ValueType socket_path::type =
    described<read_socket_path, same, std::string>("path", "absolute", kPath);
const ValueType file_mode::type = described<read_file_mode, write_file_mode, uint32_t>(
    "file mode", "`0660`, as for chmod", kText);
const ValueType account::type =
    described<read_account, same, std::string>("account", "`www-data`, `33`", kText);
const ValueType url_path::type =
    described<read_url_path, same, std::string>("path", "of a URL", kPath);
const ValueType log_output::type =
    described<read_output, same, std::string>("output", "`stderr`, `stdout` or a path", kText);
const ValueType access_output::type = described<read_access_output, same, std::string>(
    "output", "`none`, `stderr`, `stdout` or a path", kText);
const ValueType algorithm::type =
    described<read_algorithm, same, std::string>("word", "`cubic`, `bbr`, …", kText);
const ValueType bytes::type =
    described<read_bytes, same, std::string>("text", "up to 1024 bytes", kText);
const ValueType hex_bytes::type = described<read_hex_bytes, write_hex_bytes, std::string>(
    "bytes", "up to 1024 bytes in hexadecimal", kText);
const ValueType boolean::type =
    described<read_boolean, write_boolean, bool>("boolean", "`true` or `false`", "", Form::boolean);
const ValueType optional_boolean::type =
    described<read_optional_boolean, write_optional_boolean, std::optional<bool>>(
        "boolean", "`true` or `false`", "", Form::boolean);
const ValueType workers::type =
    described<read_auto<1024, uint32_t>, write_auto<uint32_t>, uint32_t>(
        "count", "`auto`, or 1 to 1024", R"("minimum": 1, "maximum": 1024)", Form::number);
const ValueType auto_count::type =
    described<read_auto<1'000'000'000, uint64_t>, write_auto<uint64_t>, uint64_t>(
        "count", "`auto`, or 1 to 1000000000", R"("minimum": 1, "maximum": 1000000000)",
        Form::number);
const ValueType count::type =
    described<read_count<0, 1'000'000'000, uint64_t>, write_count<uint64_t>, uint64_t>(
        "count", "0 to 1000000000", R"("minimum": 0, "maximum": 1000000000)", Form::number);
const ValueType weight::type =
    described<read_count<1, 1000, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "1 to 1000", R"("minimum": 1, "maximum": 1000)", Form::number);
const ValueType tries::type =
    described<read_count<1, 100, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "1 to 100", R"("minimum": 1, "maximum": 100)", Form::number);
const ValueType connect_tries::type =
    described<read_count<1, 8, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "1 to 8", R"("minimum": 1, "maximum": 8)", Form::number);
const ValueType backlog::type =
    described<read_count<1, 65535, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "1 to 65535", R"("minimum": 1, "maximum": 65535)", Form::number);
const ValueType percent::type = described<read_percent, write_percent, double>(
    "percentage", "`0%` to `100%`",
    R"("type": "string", "pattern": "\\$\\{|^[0-9]{1,3}(\\.[0-9]{1,4})?%$")");
const ValueType duration::type = described<read_duration, write_duration, Duration>(
    "duration", "`500ms`, `5s`, `1m30s`; `0s`: none", kDuration);
const ValueType positive_duration::type = described<read_positive, write_duration, Duration>(
    "duration", "`500ms`, `5s`, `1m30s`", kDuration);
const ValueType optional_duration::type =
    described<read_optional_duration, write_optional_duration, std::optional<Duration>>(
        "duration", "`500ms`, `5s`, `1m30s`; `0s`: none", kDuration);
const ValueType timeout::type = described<read_timeout, write_timeout, Timeout>(
    "duration", "`5s`, `1m30s`, `8h`; `0s`: off", kDuration);
const ValueType positive_timeout::type = described<read_positive_timeout, write_timeout, Timeout>(
    "duration", "`500ms`, `5s`", kDuration);
const ValueType keepalive_idle::type = described<read_keepalive_idle, write_duration, Duration>(
    "duration", "whole seconds: `2m`, up to `32767s`; `0s`: off", kDuration);
const ValueType keepalive_interval::type =
    described<read_keepalive_interval, write_duration, Duration>(
        "duration", "whole seconds: `15s`, up to `32767s`", kDuration);
const ValueType keepalive_probes::type =
    described<read_count<1, 127, uint32_t>, write_count<uint32_t>, uint32_t>(
        "count", "1 to 127", R"("minimum": 1, "maximum": 127)", Form::number);
const ValueType optional_timeout::type =
    described<read_optional_timeout, write_optional_timeout, std::optional<Timeout>>(
        "duration", "`5s`, `1m30s`, `8h`; `0s`: off", kDuration);
const ValueType auto_timeout::type =
    described<read_auto_timeout, write_auto_timeout, std::optional<Timeout>>(
        "duration", "`auto`, or `500ms`, `5s`", kAutoDuration);
const ValueType optional_count::type =
    described<read_optional_count, write_optional_count, std::optional<uint64_t>>(
        "count", "0 to 1000000000", R"("minimum": 0, "maximum": 1000000000)", Form::number);
const ValueType concurrency::type = described<read_concurrency, write_concurrency, uint32_t>(
    "count", "`none`, or 1 to 1000000000", R"("minimum": 1, "maximum": 1000000000)", Form::number);
const ValueType optional_concurrency::type =
    described<read_optional_concurrency, write_optional_concurrency, std::optional<uint32_t>>(
        "count", "`none`, or 1 to 1000000000", R"("minimum": 1, "maximum": 1000000000)",
        Form::number);
const ValueType balance::type = described_words<Balance>();
const ValueType optional_balance::type = described_optional_words<Balance>();
const ValueType protocol::type = [] {
  ValueType type = described<read_protocol, write_word<Protocol>, Protocol>("word", "", "");
  type.words = kWords<Protocol>;
  return type;
}();
const ValueType backend_state::type = described_words<BackendState>();
const ValueType check_type::type = described_words<HealthCheck::Type>();
const ValueType log_level::type = described_words<LogLevel>();
const ValueType log_format::type = [] {
  ValueType type = described<read_log_format, write_word<LogFormat>, LogFormat>("word", "", "");
  type.words = kMessageFormats;
  return type;
}();
const ValueType optional_access_format::type = described_optional_words<LogFormat>();

}  // namespace types
}  // namespace weir::config
