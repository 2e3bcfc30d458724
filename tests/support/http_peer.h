// HttpPeer: one end of an HTTP/1 connection as tests drive it: sends any bytes, parses messages
// strictly, and records how each message ended. One thread.
#pragma once

#include <functional>

#include "support/socket.h"

namespace weir {

struct HttpMessage {
  std::string head;    // first line and fields, without the empty line; empty: none came
  std::string body;    // without its framing
  bool whole = false;  // complete by its framing
  size_t size = 0;     // of the body, if a sink received its bytes

  int status() const;          // 0: there is no status line
  std::string method() const;  // of a request
  std::string target() const;
  // The value of the first field of this name; empty: there is none.
  std::string field(std::string_view name) const;
  bool closes() const;  // the message announces the end of the connection
};

class HttpPeer {
 public:
  // Receives the bytes of a body with their offset.
  using Sink = std::function<void(size_t offset, std::string_view bytes)>;

  HttpPeer() = default;
  explicit HttpPeer(Socket socket) : socket_(std::move(socket)) {}

  explicit operator bool() const { return bool(socket_); }
  Socket& socket() { return socket_; }
  bool send(std::string_view bytes) { return socket_.send(bytes); }

  // A head without further bytes.
  HttpMessage read_head(Duration patience = kPatience);
  // The rest of it: of a request, or of a response to a request that was not HEAD.
  void read_body(HttpMessage& message, const Sink& sink = {});
  // The final response; interim ones are left out. `bodiless`: of a HEAD.
  HttpMessage read_response(bool bodiless = false, const Sink& sink = {});
  // Sends a request and reads its response.
  HttpMessage ask(std::string_view request) {
    return send(request) ? read_response() : HttpMessage{};
  }
  // All received bytes have been read.
  bool drained() const { return ahead_.empty(); }
  // The bytes after the last message, then further input: up to n bytes.
  std::string read_bytes(size_t n);

 private:
  bool fill(Duration patience = kPatience);
  std::optional<std::string> read_line();
  void read_data(HttpMessage& message, size_t n, const Sink& sink);
  void read_chunks(HttpMessage& message, const Sink& sink);

  Socket socket_;
  std::string ahead_;  // read, and not used
};

// A request without a body.
std::string http_get(const std::string& target, const std::string& fields = {});
// "HTTP/1.1 200 OK" with this body.
std::string http_ok(std::string_view body, const std::string& fields = {});

}  // namespace weir
