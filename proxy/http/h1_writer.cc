#include "http/h1_writer.h"

#include <charconv>
#include <cstdio>
#include <cstring>

namespace weir {

void H1HeadWriter::append(std::string_view text) {
  if (!ok_ || text.size() > out_.size() - used_) {
    ok_ = false;
    return;
  }
  std::memcpy(out_.data() + used_, text.data(), text.size());
  used_ += text.size();
}

void H1HeadWriter::status_line(unsigned status) {
  if (status < 100 || status > 999) ok_ = false;
  char digits[10];
  auto end = std::to_chars(digits, digits + sizeof digits, status).ptr;
  append("HTTP/1.1 ");
  append({digits, size_t(end - digits)});
  append(" ");
  append(reason_phrase(status));
  append("\r\n");
}

void H1HeadWriter::field(std::string_view name, std::string_view value) {
  if (!all(kToken, name) || (!value.empty() && !all(kFieldText, value))) ok_ = false;
  append(name);
  append(": ");
  append(value);
  append("\r\n");
}

void H1HeadWriter::field(std::string_view name, uint64_t value) {
  char digits[20];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  field(name, std::string_view(digits, size_t(end - digits)));
}

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
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

// ";q=0", ";q=0.0", ";q=0.00", ";q=0.000" after a coding refuse it.
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
