#include "support/http_peer.h"

#include <fmt/format.h>
#include <poll.h>
#include <strings.h>

#include <algorithm>
#include <charconv>

namespace weir {
namespace {

constexpr size_t kReadSize = 65536;

size_t to_number(std::string_view text, int base) {
  size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

}  // namespace

int HttpMessage::status() const {
  if (!head.starts_with("HTTP/1.") || head.size() < 12) return 0;
  return static_cast<int>(to_number(std::string_view(head).substr(9, 3), 10));
}

std::string HttpMessage::method() const {
  return head.substr(0, head.find(' '));
}

std::string HttpMessage::target() const {
  const size_t begin = head.find(' ') + 1;
  return head.substr(begin, head.find(' ', begin) - begin);
}

std::string HttpMessage::field(std::string_view name) const {
  for (size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = std::string_view(head).substr(at + 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    std::string_view value = line.substr(name.size() + 1);
    value = value.substr(0, value.find("\r\n"));
    value.remove_prefix(std::min(value.size(), value.find_first_not_of(' ')));
    return std::string(value);
  }
  return {};
}

bool HttpMessage::closes() const {
  const std::string connection = field("connection");
  return ::strcasecmp(connection.c_str(), "close") == 0 ||
         (head.starts_with("HTTP/1.0") && ::strcasecmp(connection.c_str(), "keep-alive") != 0);
}

// Receives more bytes; false: no more arrive.
bool HttpPeer::fill(Duration patience) {
  const size_t before = ahead_.size();
  while (socket_.end() == Socket::End::open) {
    ahead_.resize(before + kReadSize);
    const size_t n = socket_.receive_some(ahead_.data() + before, kReadSize);
    ahead_.resize(before + n);
    if (n > 0) return true;
    if (socket_.end() == Socket::End::open && !wait_ready(socket_.fd(), POLLIN, patience)) break;
  }
  return false;
}

HttpMessage HttpPeer::read_head(Duration patience) {
  HttpMessage message;
  size_t end;
  while ((end = ahead_.find("\r\n\r\n")) == ahead_.npos)
    if (!fill(patience)) return message;
  message.head = ahead_.substr(0, end);
  ahead_.erase(0, end + 4);
  return message;
}

std::optional<std::string> HttpPeer::read_line() {
  size_t end;
  while ((end = ahead_.find("\r\n")) == ahead_.npos)
    if (!fill()) return std::nullopt;
  std::string line = ahead_.substr(0, end);
  ahead_.erase(0, end + 2);
  return line;
}

void HttpPeer::read_data(HttpMessage& message, size_t n, const Sink& sink) {
  message.whole = false;
  for (const size_t end = message.size + n; message.size < end;) {
    if (ahead_.empty() && !fill()) return;
    const size_t some = std::min(end - message.size, ahead_.size());
    if (sink)
      sink(message.size, std::string_view(ahead_).substr(0, some));
    else
      message.body.append(ahead_, 0, some);
    ahead_.erase(0, some);
    message.size += some;
  }
  message.whole = true;
}

void HttpPeer::read_chunks(HttpMessage& message, const Sink& sink) {
  for (;;) {
    const std::optional<std::string> line = read_line();
    message.whole = false;
    if (!line || line->empty()) return;
    const size_t size = to_number(*line, 16);
    if (size == 0) break;
    read_data(message, size, sink);
    if (!message.whole || read_bytes(2) != "\r\n") return;
  }
  std::optional<std::string> trailer;
  while ((trailer = read_line()) && !trailer->empty()) continue;
  message.whole = trailer.has_value();
}

void HttpPeer::read_body(HttpMessage& message, const Sink& sink) {
  const std::string length = message.field("content-length");
  if (::strcasecmp(message.field("transfer-encoding").c_str(), "chunked") == 0)
    return read_chunks(message, sink);
  if (!length.empty() || message.status() == 0)
    return read_data(message, to_number(length, 10), sink);
  read_data(message, SIZE_MAX, sink);
  message.whole = socket_.end() == Socket::End::fin;
}

HttpMessage HttpPeer::read_response(bool bodiless, const Sink& sink) {
  HttpMessage message;
  do {
    message = read_head();
  } while (message.status() >= 100 && message.status() < 200 && message.status() != 101);
  const int status = message.status();
  message.whole = status != 0;
  if (status == 0 || bodiless || status == 101 || status == 204 || status == 304) return message;
  read_body(message, sink);
  return message;
}

std::string HttpPeer::read_bytes(size_t n) {
  while (ahead_.size() < n && fill()) continue;
  std::string bytes = ahead_.substr(0, n);
  ahead_.erase(0, n);
  return bytes;
}

std::string http_get(const std::string& target, const std::string& fields) {
  return "GET " + target + " HTTP/1.1\r\nHost: example.com\r\n" + fields + "\r\n";
}

std::string http_ok(std::string_view body, const std::string& fields) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n{}", body.size(), fields,
                     body);
}

}  // namespace weir
