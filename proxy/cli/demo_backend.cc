#include "cli/demo_backend.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "cli/admin_call.h"
#include "cli/verbs.h"

namespace weir::cli {
namespace {

// The value of a field in a request head, or empty. Only two spellings of names match: that of
// curl, and lower case.
std::string_view field(std::string_view head, std::string_view name, std::string_view lower) {
  for (std::string_view spelling : {name, lower}) {
    size_t at = head.find(fmt::format("\r\n{}: ", spelling));
    if (at == std::string_view::npos) continue;
    std::string_view value = head.substr(at + spelling.size() + 4);
    return value.substr(0, value.find("\r\n"));
  }
  return {};
}

size_t number(std::string_view text) {
  size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

bool is_http(std::string_view line) {
  return line.find(" HTTP/1.") != std::string_view::npos && line.find(' ') > 0;
}

}  // namespace

Result<DemoBackend> DemoBackend::listen(const Address& address, std::string name, bool echo) {
  auto failed = [&](const char* what) {
    return Error{fmt::format("cannot {}: {}", what, std::strerror(errno)), address.text()};
  };
  UniqueFd fd(::socket(address.socket_family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed("open a socket");
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t length = address.to_sockaddr(storage);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0)
    return failed("bind");
  if (::listen(fd.get(), SOMAXCONN) != 0) return failed("listen");
  return DemoBackend(std::move(fd), std::move(name), echo);
}

Address DemoBackend::address() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  return Address::from(reinterpret_cast<const sockaddr*>(&storage), length);
}

short DemoBackend::wanted(const Client& client) const {
  bool full = client.out.size() >= kMaxPending;
  bool reads = !client.input_ended && !client.close_when_sent && client.slow_lines == 0 && !full;
  return static_cast<short>((reads ? POLLIN : 0) | (client.out.empty() ? 0 : POLLOUT));
}

int DemoBackend::until_next_line(int timeout_ms) const {
  Now now = std::chrono::steady_clock::now();
  for (const Client& client : clients_) {
    if (client.slow_lines == 0) continue;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(client.next_line - now).count();
    int left_ms = static_cast<int>(std::clamp<int64_t>(left, 0, 1000));
    timeout_ms = timeout_ms < 0 ? left_ms : std::min(timeout_ms, left_ms);
  }
  return timeout_ms;
}

void DemoBackend::turn(int timeout_ms) {
  std::vector<pollfd> watched;
  bool room = clients_.size() < kMaxClients;
  watched.push_back({listener_.get(), static_cast<short>(room ? POLLIN : 0), 0});
  for (const Client& client : clients_) watched.push_back({client.fd.get(), wanted(client), 0});
  if (::poll(watched.data(), watched.size(), until_next_line(timeout_ms)) < 0) return;
  Now now = std::chrono::steady_clock::now();
  for (size_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    short ready = watched[i + 1].revents;
    if (ready & (POLLERR | POLLNVAL | POLLHUP)) client.gone = true;
    if (ready & POLLIN) read_from(client);
    tick(client, now);
    if (!client.out.empty()) write_to(client);
    bool done = client.input_ended || client.close_when_sent;
    if (done && client.out.empty() && client.slow_lines == 0) client.gone = true;
  }
  std::erase_if(clients_, [](const Client& client) { return client.gone; });
  if (watched[0].revents & POLLIN) accept_all();
}

void DemoBackend::accept_all() {
  while (clients_.size() < kMaxClients) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    clients_.emplace_back().fd = std::move(fd);
  }
}

void DemoBackend::read_from(Client& client) {
  char block[4096];
  ssize_t got = ::recv(client.fd.get(), block, sizeof block, 0);
  if (got < 0) {
    client.gone = errno != EAGAIN && errno != EINTR;
    return;
  }
  if (got == 0) client.input_ended = true;
  std::string_view bytes(block, static_cast<size_t>(got));
  size_t dropped = std::min(client.body, bytes.size());
  client.body -= dropped;
  (echo_ ? client.out : client.in).append(bytes.substr(dropped));
  if (!echo_) answer(client);
}

void DemoBackend::answer(Client& client) {
  while (!client.in.empty() && !client.close_when_sent && client.slow_lines == 0) {
    size_t end = client.in.find('\n');
    if (end == std::string::npos) {
      client.close_when_sent = client.in.size() > kMaxPending;
      return;
    }
    std::string_view line = first_line(client.in);
    if (is_http(line)) {
      if (!answer_http(client)) return;
    } else {
      if (line.ends_with('\r')) line.remove_suffix(1);
      client.out += fmt::format("{}: {}\n", name_, line);
      client.in.erase(0, end + 1);
    }
  }
}

// False: no further request can be answered now. The head is incomplete, or it was the last.
bool DemoBackend::answer_http(Client& client) {
  size_t end = client.in.find("\r\n\r\n");
  if (end == std::string::npos) {
    client.close_when_sent = client.in.size() > kMaxPending;
    return false;
  }
  std::string head = client.in.substr(0, end + 2);
  client.in.erase(0, end + 4);
  if (!field(head, "Transfer-Encoding", "transfer-encoding").empty()) {
    client.out += "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    client.close_when_sent = true;
    return false;
  }
  size_t body = number(field(head, "Content-Length", "content-length"));
  size_t here = std::min(body, client.in.size());
  client.in.erase(0, here);
  client.body = body - here;
  std::string_view line = first_line(head);
  std::string_view path = line.substr(line.find(' ') + 1);
  path = path.substr(0, path.find(' '));
  std::string_view connection = field(head, "Connection", "connection");
  client.close_when_sent = connection == "close" || line.find("HTTP/1.0") != std::string_view::npos;
  if (path.starts_with("/slow/")) {
    begin_slow(client, path);
    return true;
  }
  std::string text = name_ + "\n";
  client.out += fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n{}\r\n{}", text.size(),
      client.close_when_sent ? "Connection: close\r\n" : "", line.starts_with("HEAD ") ? "" : text);
  return true;
}

void DemoBackend::begin_slow(Client& client, std::string_view path) {
  size_t lines = number(path.substr(path.rfind('/') + 1));
  client.slow_lines = static_cast<int>(std::clamp<size_t>(lines, 1, kMaxSlowLines));
  client.next_line = std::chrono::steady_clock::now();
  client.close_when_sent = true;
  client.out += "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
}

void DemoBackend::tick(Client& client, Now now) {
  if (client.slow_lines == 0 || now < client.next_line) return;
  client.out += fmt::format("{}: {} left\n", name_, --client.slow_lines);
  client.next_line = now + kSlowInterval;
}

void DemoBackend::write_to(Client& client) {
  ssize_t sent = ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    client.gone = errno != EAGAIN && errno != EINTR;
    return;
  }
  client.out.erase(0, static_cast<size_t>(sent));
  if (client.out.empty() && !echo_) answer(client);  // lines received while `out` was full
}

int run_demo_backend(const DemoBackendOptions& options, const Console& console) {
  Result<Address> address = Address::parse(options.listen);
  if (!address) return report_error(address.error(), console);
  Result<DemoBackend> backend = DemoBackend::listen(*address, options.name, options.echo);
  if (!backend) {
    console.report(backend.error().text());
    return kFailed;
  }
  console.say(fmt::format("demo backend '{}' on {}", options.name, backend->address().text()));
  for (;;) backend->turn(-1);
}

}  // namespace weir::cli
