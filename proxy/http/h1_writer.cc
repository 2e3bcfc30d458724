#include "http/h1_writer.h"

#include <charconv>
#include <cstdio>

#include "http/scan.h"

namespace weir {

void H1HeadWriter::status_line(unsigned status) {
  status_line(status, reason_phrase(status));
}

void H1HeadWriter::status_line(unsigned status, std::string_view reason) {
  if (status < 100 || status > 999 || (!reason.empty() && !all(kFieldText, reason))) return fail();
  const char digits[3] = {char('0' + status / 100), char('0' + status / 10 % 10),
                          char('0' + status % 10)};
  append("HTTP/1.1 ");
  append({digits, sizeof digits});
  append(" ");
  append(reason);
  append("\r\n");
}

void H1HeadWriter::request_line(std::string_view method, std::string_view target) {
  const bool sound =
      all(kToken, method) && !target.empty() && find_not_target_text(target, 0) == target.size();
  if (!sound) return fail();
  append(method);
  append(" ");
  append(target);
  append(" HTTP/1.1\r\n");
}

void H1HeadWriter::field(std::string_view name, std::string_view value) {
  if (!all(kToken, name) || find_not_field_text(value, 0) != value.size()) return fail();
  relayed_field(name, value);
}

void H1HeadWriter::field(std::string_view name, uint64_t value) {
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  relayed_field(name, std::string_view(digits, size_t(end - digits)));
}

void H1HeadWriter::list(std::string_view name) {
  if (!all(kToken, name)) return fail();
  append(name);
  append(": ");
  first_member_ = true;
}

void H1HeadWriter::member(std::string_view text, std::string_view more) {
  if (!all(kFieldText, text) || (!more.empty() && !all(kFieldText, more))) return fail();
  if (!first_member_) append(", ");
  first_member_ = false;
  append(text);
  append(more);
}

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return "Unknown";
  }
}

std::string_view format_http_date(std::time_t time, std::span<char, kHttpDateSize + 1> out) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::snprintf(out.data(), out.size(), "%s, %02u %s %04u %02u:%02u:%02u GMT", kDays[utc.tm_wday],
                unsigned(utc.tm_mday) % 100, kMonths[utc.tm_mon],
                unsigned(utc.tm_year + 1900) % 10000, unsigned(utc.tm_hour) % 100,
                unsigned(utc.tm_min) % 100, unsigned(utc.tm_sec) % 100);
  return {out.data(), kHttpDateSize};
}

namespace {

// ";q=0", ";q=0.0", ";q=0.00" or ";q=0.000" after a coding: the client does not accept it.
bool refused(std::string_view parameters) {
  size_t q = parameters.find("q=");
  if (q == std::string_view::npos) q = parameters.find("Q=");
  if (q == std::string_view::npos) return false;
  return trim_ows(parameters.substr(q + 2)).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  for (std::string_view member; next_member(accept_encoding, member);) {
    size_t semicolon = member.find(';');
    std::string_view coding = trim_ows(member.substr(0, semicolon));
    std::string_view parameters =
        semicolon == std::string_view::npos ? std::string_view() : member.substr(semicolon + 1);
    if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) return !refused(parameters);
    if (coding == "*") any = !refused(parameters);
  }
  return any;
}

}  // namespace weir
