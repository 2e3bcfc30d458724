#include "support/http_load.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdio>

namespace weir {
namespace {

constexpr size_t kBlock = 65536;

// The error of a response; empty: none, and the next request may follow.
std::string verdict(const HttpMessage& answer, const std::string& body) {
  if (answer.status() == 0) return "no answer";
  if (!answer.whole) return "cut: " + answer.head;
  if (answer.status() != 200 || answer.body != body) return answer.head + "\n" + answer.body;
  return answer.closes() ? HttpLoad::kAnnouncedClose : "";
}

bool send_pattern(HttpPeer& peer, size_t size, bool chunked) {
  for (size_t at = 0; at < size; at += kBlock) {
    const std::string_view block = pattern(at, std::min(kBlock, size - at));
    if (chunked && !peer.send(fmt::format("{:x}\r\n", block.size()))) return false;
    if (!peer.send(block) || (chunked && !peer.send("\r\n"))) return false;
  }
  return !chunked || peer.send("0\r\n\r\n");
}

// Compares a body with the pattern as it comes.
struct PatternCheck {
  bool intact = true;
  HttpPeer::Sink sink() {
    return [this](size_t offset, std::string_view bytes) {
      for (size_t at = 0; at < bytes.size(); at += kBlock) {
        const size_t n = std::min(kBlock, bytes.size() - at);
        intact &= pattern(offset + at, n) == bytes.substr(at, n);
      }
    };
  }
};

std::string count_of(size_t size) {
  return fmt::format("{} bytes, intact", size);
}

bool echo(HttpPeer& peer) {
  if (!peer.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
          "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"))
    return false;
  for (std::string byte; !(byte = peer.read_bytes(1)).empty();)
    if (!peer.send(byte)) break;
  return false;
}

}  // namespace

HttpLoad::HttpLoad(Step step) : thread_([this, step = std::move(step)] { run(step); }) {}

void HttpLoad::run(const Step& step) {
  const auto change = [this](auto&& what) {
    {
      const std::lock_guard lock(mutex_);
      what();
    }
    changed_.notify_all();
  };
  while (!stopping_ && failure_.empty()) {
    failure_ = step();
    change([this] { ++done_; });
  }
  change([this] { ended_ = true; });
}

void HttpLoad::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

bool HttpLoad::await_done(uint64_t n, Duration patience) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return done_ >= n || ended_; });
  return done_ >= n;
}

bool HttpLoad::await_end(Duration patience) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return ended_.load(); });
}

HttpLoad::Step HttpLoad::keep_alive(const Address& to) {
  return [peer = std::make_shared<HttpPeer>(Socket::connect(to))] {
    return verdict(peer->ask(http_get("/say/hello")), "hello");
  };
}

HttpLoad::Step HttpLoad::pipelined(const Address& to) {
  return [peer = std::make_shared<HttpPeer>(Socket::connect(to))]() -> std::string {
    constexpr int kAtOnce = 8;
    std::string requests;
    for (int i = 0; i < kAtOnce; ++i) requests += http_get(fmt::format("/say/{}", i));
    if (!peer->send(requests)) return "send failed";
    for (int i = 0; i < kAtOnce; ++i)
      if (const std::string how = verdict(peer->read_response(), std::to_string(i)); !how.empty())
        return how;
    return {};
  };
}

HttpLoad::Step HttpLoad::upload(const Address& to, size_t size) {
  return [peer = std::make_shared<HttpPeer>(Socket::connect(to)), size,
          chunked = false]() mutable -> std::string {
    chunked = !chunked;
    const std::string framing =
        chunked ? "Transfer-Encoding: chunked\r\n" : fmt::format("Content-Length: {}\r\n", size);
    if (!peer->send("POST /count HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n") ||
        !send_pattern(*peer, size, chunked))
      return "send failed";
    return verdict(peer->read_response(), count_of(size));
  };
}

HttpLoad::Step HttpLoad::download(const Address& to, size_t size) {
  return [peer = std::make_shared<HttpPeer>(Socket::connect(to)), size,
          chunked = false]() mutable -> std::string {
    chunked = !chunked;
    if (!peer->send(http_get(fmt::format("/{}/{}", chunked ? "chunks" : "bytes", size))))
      return "send failed";
    PatternCheck check;
    HttpMessage answer = peer->read_response(false, check.sink());
    if (answer.whole && (!check.intact || answer.size != size)) return "not what was sent";
    return verdict(answer, "");
  };
}

HttpLoad::Step HttpLoad::closing(const Address& to) {
  return [to]() -> std::string {
    HttpPeer peer(Socket::connect(to));
    if (!peer) return "refused";
    const std::string how =
        verdict(peer.ask(http_get("/say/hello", "Connection: close\r\n")), "hello");
    if (how != kAnnouncedClose) return how.empty() ? "kept, but was not to be" : how;
    return peer.socket().wait_end() == Socket::End::fin ? "" : "no FIN";
  };
}

HttpLoad::Step HttpLoad::websocket(const Address& to, int lifetime) {
  return [to, lifetime, peer = std::make_shared<HttpPeer>(), n = 0]() mutable -> std::string {
    if (n == 0 || (lifetime != 0 && n % lifetime == 0)) *peer = open_websocket(to);
    if (!*peer) return "not opened";
    const std::string message = fmt::format("message {}", n++);
    if (!peer->send(message)) return "send failed";
    const std::string echoed = peer->read_bytes(message.size());
    return echoed == message ? "" : "echo of " + message + ": " + echoed;
  };
}

HttpLoad::Step HttpLoad::command(const std::string& line, const std::string& wanted,
                                 const std::string& unwanted) {
  return [=]() -> std::string {
    FILE* const out = ::popen((line + " 2>&1").c_str(), "r");
    std::string text;
    char block[4096];
    for (size_t n; (n = std::fread(block, 1, sizeof block, out)) > 0;) text.append(block, n);
    const int status = ::pclose(out);
    const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
                      text.find(wanted) != text.npos &&
                      (unwanted.empty() || text.find(unwanted) == text.npos);
    return good ? "" : line + ":\n" + text;
  };
}

bool HttpLoad::answer(HttpPeer& peer, HttpMessage& request) {
  const std::string target = request.target();
  if (!request.field("upgrade").empty()) return echo(peer);
  PatternCheck check;
  peer.read_body(request, check.sink());
  if (!request.whole) return false;
  if (target.starts_with("/say/")) return peer.send(http_ok(target.substr(5)));
  if (target == "/count")
    return peer.send(http_ok(check.intact ? count_of(request.size) : "broken"));
  const bool chunked = target.starts_with("/chunks/");
  const size_t size = std::stoul(target.substr(target.rfind('/') + 1));
  const std::string framing =
      chunked ? "Transfer-Encoding: chunked" : fmt::format("Content-Length: {}", size);
  return peer.send("HTTP/1.1 200 OK\r\n" + framing + "\r\n\r\n") &&
         send_pattern(peer, size, chunked);
}

HttpPeer open_websocket(const Address& to) {
  HttpPeer peer(Socket::connect(to));
  const HttpMessage answer =
      peer.ask(http_get("/socket",
                        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  return answer.status() == 101 ? std::move(peer) : HttpPeer();
}

}  // namespace weir
