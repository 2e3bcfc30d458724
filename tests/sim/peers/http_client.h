// HttpClient: sends requests over one connection, some of them pipelined, and checks that responses
// arrive in order.
#pragma once

#include <vector>

#include "peers/http_peer.h"
#include "peers/message_reader.h"

namespace weir::sim {

struct ClientScript {
  enum class Finish : uint8_t { close, half_close, stay };  // when everything is answered
  HttpBehavior behavior;
  std::vector<uint32_t> requests;
  size_t ahead = 1;          // requests under way at once, at most
  Duration delay = 0ms;      // before each request, at most
  bool half_closes = false;  // directly after its last request: the response must still arrive
  Finish finish = Finish::close;
  bool stays_open = false;  // weir has no reason to close the connection
};

class HttpClient final : public HttpPeer {
 public:
  HttpClient(Ledger& ledger, ClientScript script, std::shared_ptr<Wire> wire);

  std::string state() const override;
  // The reasons known to the client for which the connection may have ended without a response.
  struct LastAsked {
    Duration connected{};    // until the end
    Duration silence{};      // before the request, since the last response or the connect
    Duration waited{};       // since its first byte
    bool announced = false;  // an earlier response had Connection: close
    bool whole = false;      // every byte of it was sent
    TimePoint at = kNever;   // of the end
    bool asked = false;
    uint32_t request = 0;
  };
  const LastAsked& last_asked() const { return last_; }

 private:
  void act() override;
  void take(std::string_view bytes) override;
  void on_end(End how) override;
  void on_own_end() override;

  void read_events();
  void ask();
  void take_head();
  void take_final(const MessageHead& head, Answer* answer);
  void take_data();
  void take_end();
  void check_end(const Request& request);
  void finish_if_done();
  void act_in_tunnel();
  void take_in_tunnel(std::string_view bytes);
  void note_last(Request::Outcome outcome, bool clean);
  Request* current();
  bool begun(size_t i) const { return i < asked_ && sent() > begins_[i]; }

  const ClientScript script_;
  MessageReader reader_{true};
  std::vector<uint64_t> begins_, ends_;  // of each request, in the bytes to send
  size_t asked_ = 0;
  size_t answered_ = 0;
  TimePoint ask_at_;
  TimePoint quiet_since_;
  TimePoint answer_came_at_ = kNever;  // of the head of the last response
  std::vector<TimePoint> asked_at_;
  std::vector<Duration> silences_;
  // The body of a request that waits for 100-continue.
  std::string held_back_;
  TimePoint held_until_ = kNever;
  // The answer that is being read.
  StreamReader body_;
  Answer* answer_ = nullptr;   // null: weir's own
  uint32_t interim_from_ = 0;  // the answer that interim responses belong to
  bool interim_ = false;
  std::string own_body_;
  bool server_closes_ = false;
  bool stopped_ = false;  // ignores further input
  bool misled_ = false;
  Request* tunnel_ = nullptr;
  StreamReader tunnel_bytes_;
  LastAsked last_;
};

}  // namespace weir::sim
