#include "cli/admin_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>

#include "admin/admin_access.h"
#include "base/address.h"
#include "base/ascii.h"
#include "base/unique_fd.h"

namespace weir::cli {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

// False when the deadline passed first.
bool wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{fd, events, 0};
    auto milliseconds = std::min<int64_t>(left.count(), std::numeric_limits<int>::max());
    int ready = ::poll(&entry, 1, static_cast<int>(milliseconds));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// Zero when connected, otherwise errno.
int connect_to(int fd, const sockaddr* address, socklen_t length, Deadline deadline) {
  if (::connect(fd, address, length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_for(fd, POLLOUT, deadline)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

UniqueFd stream_socket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// A blocking connect(2) gives up at the deadline.
void set_blocking(int fd, bool on, Deadline deadline) {
  const int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
  const auto left =
      std::chrono::ceil<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now());
  const auto limit = std::max<int64_t>(left.count(), 1);  // 0: no limit
  const timeval until{limit / 1'000'000, limit % 1'000'000};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &until, sizeof(until));
}

Result<UniqueFd> connect_unix(const std::string& path, Deadline deadline) {
  Result<Address> address = Address::parse("unix:" + path);
  if (!address) return address.error();
  sockaddr_storage storage{};
  socklen_t length = address->to_sockaddr(storage);
  UniqueFd fd = stream_socket(AF_UNIX);
  if (!fd) return Error{std::strerror(errno), path};
  // While the accept queue is full, a non-blocking connect(2) fails at once; a blocking one waits.
  set_blocking(fd.get(), true, deadline);
  int error = 0;
  do
    error =
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0 ? 0 : errno;
  while (error == EINTR);
  if (error == EAGAIN) error = ETIMEDOUT;
  if (error != 0) return Error{std::strerror(error), ""};
  set_blocking(fd.get(), false, deadline);
  return fd;
}

Result<UniqueFd> connect_tcp(const std::string& host, uint16_t port, Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) return Error{::gai_strerror(failure), ""};
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    UniqueFd fd = stream_socket(at->ai_family);
    error = fd ? connect_to(fd.get(), at->ai_addr, at->ai_addrlen, deadline) : errno;
    if (error == 0) return fd;
  }
  return Error{std::strerror(error), ""};
}

bool send_all(int fd, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      // A server that refuses early may have closed the connection; its answer can still be read.
      return errno == EPIPE || errno == ECONNRESET;
    } else if (!wait_for(fd, POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

std::string_view field(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    size_t end = std::min(head.find("\r\n"), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    size_t colon = line.find(':');
    if (colon == std::string_view::npos || !iequals(line.substr(0, colon), name)) continue;
    line.remove_prefix(colon + 1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    return line;
  }
  return {};
}

// The data of the chunks. Empty: a chunk is invalid or incomplete.
std::optional<std::string> joined_chunks(std::string_view body) {
  std::string out;
  for (;;) {
    size_t size = 0;
    size_t line = body.find("\r\n");
    if (line == std::string_view::npos) return std::nullopt;
    auto parsed = std::from_chars(body.data(), body.data() + line, size, 16);
    if (parsed.ec != std::errc() || size > kMaxAnswer) return std::nullopt;
    body.remove_prefix(line + 2);
    if (size == 0) return out;
    if (body.size() < size + 2) return std::nullopt;
    out.append(body.substr(0, size));
    body.remove_prefix(size + 2);
  }
}

enum class Read : uint8_t { complete, late, broken, foreign };

// What has been received of an answer. `incomplete` may still become `foreign`.
enum class Part : uint8_t { incomplete, complete, foreign };
Part examine(std::string_view raw) {
  constexpr std::string_view kStart = "HTTP/1.";
  const size_t shown = std::min(raw.size(), kStart.size());
  if (raw.substr(0, shown) != kStart.substr(0, shown)) return Part::foreign;
  const size_t end = raw.substr(0, kMaxAnswerHead).find("\r\n\r\n");
  if (end == std::string_view::npos)
    return raw.size() < kMaxAnswerHead ? Part::incomplete : Part::foreign;
  const std::string_view head = raw.substr(0, end);
  if (field(head, kAdminServerField).empty()) return Part::foreign;
  const std::string_view length = field(head, "content-length");
  size_t expected = 0;
  if (std::from_chars(length.data(), length.data() + length.size(), expected).ec != std::errc())
    return Part::incomplete;  // the answer ends with the connection
  return raw.size() - end - 4 >= expected ? Part::complete : Part::incomplete;
}

Read read_answer(int fd, std::string& out, Deadline deadline) {
  char block[16384];
  for (;;) {
    ssize_t got = ::recv(fd, block, sizeof block, 0);
    if (got == 0) return out.empty() ? Read::broken : Read::complete;
    if (got > 0) {
      out.append(block, static_cast<size_t>(got));
      if (out.size() > kMaxAnswer) return Read::broken;
      const Part part = examine(out);
      if (part == Part::foreign) return Read::foreign;
      if (part == Part::complete) return Read::complete;
    } else if (errno != EAGAIN && errno != EINTR) {
      return out.empty() ? Read::broken : Read::complete;
    }
    // Also after received bytes: a server that sends slowly does not extend the deadline.
    if (!wait_for(fd, POLLIN, deadline)) return Read::late;
  }
}

// The IP address, not the name: the admin server refuses unknown names.
std::string host_field(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getpeername(fd, address, &size) != 0) return "localhost";
  const Address peer = Address::from(address, size);
  return peer.is_ip() ? peer.text() : "localhost";
}

}  // namespace

Result<AdminClient> AdminClient::parse(std::string_view address) {
  AdminClient client;
  client.address_ = address;
  if (address.starts_with("unix:")) {
    client.path_ = address.substr(5);
    if (client.path_.empty()) return Error{"the path is missing; write unix:/path", "--admin"};
    return client;
  }
  if (address.starts_with('/'))
    return Error{fmt::format("'{0}' is not an admin address; write unix:{0}", address), "--admin"};
  if (address.starts_with("https://"))
    return Error{
        fmt::format("'{}' is not an admin address; the admin server does not support TLS: write "
                    "http://host:port",
                    address),
        "--admin"};
  std::string_view rest = address;
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  Result<HostPort> parts = split_host_port(rest);
  if (!parts) {
    return Error{
        fmt::format("'{}' is not an admin address ({}); write unix:/path or http://host:port",
                    address, parts.error().message),
        "--admin"};
  }
  bool any = parts->host.empty() || parts->host == "0.0.0.0";
  client.host_ = any ? "127.0.0.1" : parts->host == "::" ? "::1" : parts->host;
  client.port_ = parts->port;
  return client;
}

bool AdminClient::send(const ClientRequest& request, AdminAnswer& answer, AdminError& error) const {
  Deadline deadline = std::chrono::steady_clock::now() + request.timeout;
  UniqueFd fd = begin(request, error);
  return fd && finish(fd, deadline - std::chrono::steady_clock::now(), answer, error);
}

UniqueFd AdminClient::begin(const ClientRequest& request, AdminError& error) const {
  Deadline deadline = std::chrono::steady_clock::now() + request.timeout;
  Result<UniqueFd> fd =
      path_.empty() ? connect_tcp(host_, port_, deadline) : connect_unix(path_, deadline);
  if (!fd) {
    error = {false, fmt::format("cannot connect to weir at {}: {}{}{}", address_,
                                fd.error().message, note_.empty() ? "" : "; ", note_)};
    return {};
  }
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
                                 request.method, request.target, host_field(fd->get()));
  if (!request.body.empty()) head += "Content-Type: application/json\r\n";
  if (request.method != "GET") head += fmt::format("Content-Length: {}\r\n", request.body.size());
  if (send_all(fd->get(), head + "\r\n" + request.body, deadline)) return std::move(*fd);
  error = {true, fmt::format("{} did not answer in time", address_)};
  return {};
}

bool AdminClient::answered(const UniqueFd& begun, Duration patience) {
  return wait_for(begun.get(), POLLIN, std::chrono::steady_clock::now() + patience);
}

bool AdminClient::finish(const UniqueFd& begun, Duration timeout, AdminAnswer& answer,
                         AdminError& error) const {
  std::string raw;
  Read outcome = read_answer(begun.get(), raw, std::chrono::steady_clock::now() + timeout);
  if (outcome == Read::late) {
    error = {true, fmt::format("{} did not answer in time", address_)};
    return false;
  }
  if (outcome == Read::foreign) {
    error = {false,
             fmt::format("the server at {} is not weir's admin server (no Weir-Admin field); "
                         "check the address. weir before 0.3 does not send the field: "
                         "restart it with this version{}{}",
                         address_, note_.empty() ? "" : "; ", note_)};
    return false;
  }
  Result<AdminAnswer> parsed = parse_answer(raw);
  if (outcome == Read::broken || !parsed) {
    error = {false,
             fmt::format("{} did not answer: {}", address_,
                         raw.empty() ? "the connection was closed" : "not a complete answer")};
    return false;
  }
  answer = std::move(*parsed);
  return true;
}

Result<AdminAnswer> parse_answer(std::string_view raw) {
  AdminAnswer answer;
  size_t end = raw.find("\r\n\r\n");
  if (!raw.starts_with("HTTP/1.") || end == std::string_view::npos)
    return Error{"no HTTP answer", ""};
  std::string_view head = raw.substr(0, end);
  std::string_view body = raw.substr(end + 4);
  auto code = std::from_chars(head.data() + std::min<size_t>(9, head.size()),
                              head.data() + head.size(), answer.status);
  if (code.ec != std::errc() || answer.status < 100 || answer.status > 599) {
    return Error{"no HTTP status", ""};
  }
  std::string_view length = field(head, "content-length");
  if (iequals(field(head, "transfer-encoding"), "chunked")) {
    std::optional<std::string> joined = joined_chunks(body);
    if (!joined) return Error{"cut in a chunk", ""};
    answer.body = std::move(*joined);
    return answer;
  }
  if (!length.empty()) {
    size_t expected = 0;
    auto parsed = std::from_chars(length.data(), length.data() + length.size(), expected);
    if (parsed.ec != std::errc() || body.size() < expected) return Error{"cut in the body", ""};
    body = body.substr(0, expected);
  }
  answer.body = body;
  return answer;
}

}  // namespace weir::cli
