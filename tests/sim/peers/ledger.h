// Ledger: every request of a history, every attempt of a backend to answer one, and the response
// that the client received. Requests and answers are numbered: a request carries its number in its
// path and in a field, an answer in a field, and every byte of a body is a function of the number
// and its place.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "network/network.h"
#include "peers/message_reader.h"

namespace weir::sim {

// A request of a client, and its outcome.
struct Request {
  enum class Outcome : uint8_t {
    unsent,     // not a byte of it
    answered,   // completely, by a backend
    by_weir,    // with an answer of weir's own
    cut,        // a part of an answer, then a reset, or a FIN if another answer came before
    nothing,    // not a byte of an answer
    abandoned,  // the client closed first
    misled,     // bytes that a backend sent after an answer were taken for this answer: see Answer
  };
  static const char* text(Outcome outcome);
  static constexpr uint64_t kKept = 8000;  // of a longer body weir may have no beginning any more
  uint32_t number = 0;
  std::string method = "GET";
  Framing framing = Framing::none;
  uint64_t body = 0;
  bool old = false;      // HTTP/1.0
  bool closes = false;   // Connection: close
  bool expects = false;  // 100-continue
  bool fixed = false;    // answered by the configuration, not by a backend
  uint64_t tunnel = 0;   // bytes to send after an upgrade; 0: no upgrade
  bool eager = false;    // sends them without waiting for the 101

  uint32_t heads_at_backends = 0;
  uint32_t whole_at_backends = 0;
  uint64_t at_backend = 0;  // bytes of the body, of the last attempt
  Outcome outcome = Outcome::unsent;
  unsigned status = 0;
  uint32_t answer = 0;          // its number
  uint64_t cut_at = 0;          // of `cut`: bytes of the answer's body
  bool clean = false;           // of `nothing` and `cut`: the connection ended with a FIN
  bool follows = false;         // of `cut`: another answer came before it
  bool before_old = false;      // of `cut`: an HTTP/1.0 request follows it
  TimePoint reset_at = kNever;  // by its client, before it was answered
  uint64_t tunnel_received = 0;
  bool tunnel_saw_fin = false;
  bool tunnel_sent_fin = false;
  bool tunnel_cut = false;        // the tunnel ended without a close_notify
  bool tunnel_heard_out = false;  // it had sent all, and read to the end

  // Of HTTP/2.
  bool http2 = false;     // its client's
  bool trailers = false;  // after its body
  uint32_t refusals = 0;  // heads at backends that these have proved to be unprocessed; not counted
                          // in heads_at_backends
  bool stops = false;     // its client stops sending, or giving back windows
  bool calmed = false;    // its client was told that it resets too many streams
  bool unsettled = false;  // sent before the client knew the limit of streams
  bool refused = false;    // of `nothing`: with the proof that it was not processed
  bool by_stream = false;  // of `nothing` and `cut`: by RST_STREAM
  uint32_t error = 0;      // its code

  // A safe method: weir sends it again when a kept connection is closed before the response.
  bool replayable() const { return method == "GET" || method == "HEAD"; }
  // weir has the whole body when a backend refuses it. Of HTTP/1 it may have nothing of it.
  bool is_kept() const { return http2 ? body < kKept : framing == Framing::none; }
  // If a backend refuses it, weir may not, or cannot, send it again. A GOAWAY may cross it: then no
  // backend has counted the refusal.
  bool may_be_refused_for_good(uint32_t retries) const { return !is_kept() || refusals > retries; }
  bool may_be_answered_by_weir(unsigned with) const;
};

// The action of a backend on a request.
//
// Bytes after a response that arrive when the next request has just been sent look like its
// response; HTTP/1.1 cannot prevent this. weir must not use a connection on which such bytes have
// been for longer than kCrossing.
struct Answer {
  enum class Fault : uint8_t {
    none,
    closes_before,    // FIN without a byte
    resets_before,    // the same with a reset
    resets_in_body,   // somewhere in the answer
    closes_in_body,   // the same with a FIN
    garbage,          // not HTTP
    two_framings,     // Content-Length and Transfer-Encoding
    more_than_asked,  // bytes after the answer
    stalls,           // stops sending within the response
    unasked_switch,   // 101
    refuses,          // HTTP/2: proves that the request was not processed
  };
  static constexpr Duration kCrossing = 15ms;
  static constexpr uint64_t kWhole = ~0ull;
  uint32_t number = 0;
  uint32_t request = 0;
  unsigned status = 200;
  Framing framing = Framing::length;
  uint64_t body = 0;
  int interims = 0;
  bool trailers = false;
  bool early = false;      // before the request has been read
  bool announces = false;  // Connection: close
  bool to_head = false;
  bool cut = false;           // it is not sent completely
  bool may_be_whole = false;  // of `cut`: its end may have been sent
  // Its end may be lost although it was sent: a reset follows it if weir still has TLS records to
  // send, and a tunnel without a close_notify ends with a reset.
  bool frail = false;
  Fault fault = Fault::none;
  uint64_t cut_off_at = kWhole;  // bytes of its body before a FIN without a close_notify
  TimePoint over_at = kNever;    // sent, or its connection has ended
  uint64_t tunnel = 0;
  uint64_t tunnel_received = 0;
  bool tunnel_saw_fin = false;
  bool tunnel_sent_fin = false;
  bool tunnel_cut = false;
  bool tunnel_heard_out = false;

  bool sends_trailers() const { return trailers && framing == Framing::chunked && has_body(); }
  bool has_body() const { return !to_head && status != 204 && status != 304 && status != 101; }
};

class Ledger {
 public:
  explicit Ledger(Network& network) : network_(network) {}

  Network& network() { return network_; }
  Request& add_request();
  Answer& add_answer(const Request& request);
  Request* request(uint64_t number) { return find(requests_, number); }
  Answer* answer(uint64_t number) { return find(answers_, number); }
  const std::vector<std::unique_ptr<Request>>& requests() const { return requests_; }
  const std::vector<std::unique_ptr<Answer>>& answers() const { return answers_; }

  template <typename... Args>
  void fail(const char* format, const Args&... args) {
    failures_.push_back(fmt::format(fmt::runtime(format), args...));
  }
  std::vector<std::string>& failures() { return failures_; }
  // A backend has seen a FIN in the middle of the head of a request.
  void note_head_cut() { ++heads_cut_; }
  uint64_t heads_cut() const { return heads_cut_; }
  // With WEIR_SIM_TRACE in the environment: prints what every peer receives, line by line.
  template <typename... Args>
  void trace(const char* format, const Args&... args) const {
    if (tracing_)
      fmt::print("{:.6f} {}\n", seconds(network_.now().time_since_epoch() - 1h),
                 fmt::format(fmt::runtime(format), args...));
  }

 private:
  template <typename T>
  static T* find(const std::vector<std::unique_ptr<T>>& all, uint64_t number) {
    return number == 0 || number > all.size() ? nullptr : all[number - 1].get();
  }
  Network& network_;
  const bool tracing_ = std::getenv("WEIR_SIM_TRACE") != nullptr;
  std::vector<std::unique_ptr<Request>> requests_;
  std::vector<std::unique_ptr<Answer>> answers_;
  std::vector<std::string> failures_;
  uint64_t heads_cut_ = 0;
};

// The four streams of bytes.
enum class Stream : uint8_t { request_body, answer_body, to_backend, to_client };

std::string stream_bytes(Stream stream, uint32_t number, uint64_t from, uint64_t size);
// Compares the received message with the expected one; reports a difference once.
class StreamReader {
 public:
  void begin(Stream stream, uint32_t number) { *this = {stream, number}; }
  bool take(std::string_view bytes);
  uint64_t position() const { return position_; }

  StreamReader() = default;

 private:
  StreamReader(Stream stream, uint32_t number) : stream_(stream), number_(number) {}
  Stream stream_{};
  uint32_t number_ = 0;
  uint64_t position_ = 0;
  bool wrong_ = false;
};

}  // namespace weir::sim
