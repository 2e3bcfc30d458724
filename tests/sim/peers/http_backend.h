// HttpBackend: one connection of a backend. It answers each request as the scenario says, and
// checks the requests that it receives.
#pragma once

#include <functional>

#include "peers/http_peer.h"
#include "peers/message_reader.h"

namespace weir::sim {

struct BackendScript {
  HttpBehavior behavior;
  std::function<void(Answer&, const Request&)> decide;  // how one request is answered
  Duration delay = 0ms;                                 // before an answer, at most
  Duration idle = 3000s;    // closes a connection without a request for this time
  uint32_t keep_alive = 0;  // seconds in the field Keep-Alive; 0: no field
};

class HttpBackend final : public HttpPeer {
 public:
  HttpBackend(Ledger& ledger, BackendScript script, std::shared_ptr<Wire> wire);
  std::string state() const override;

 private:
  enum class Stage : uint8_t { idle, reading, thinking, answering, tunnel };

  void act() override;
  void take(std::string_view bytes) override;
  void on_end(End how) override;
  void on_own_end() override {
    if (answer_ != nullptr) answer_->over_at = std::min(answer_->over_at, now());
  }

  void read_events();
  void take_head();
  void take_end();
  void delay_response();
  void begin_answer();
  std::string render() const;
  std::string render_head() const;
  std::string render_body() const;
  void after_answer();
  void act_in_tunnel();
  void take_in_tunnel(std::string_view bytes);

  const BackendScript script_;
  MessageReader reader_{false};
  Stage stage_ = Stage::idle;
  TimePoint idle_since_;
  TimePoint answer_at_ = kNever;
  Request* request_ = nullptr;
  Answer* answer_ = nullptr;
  bool request_whole_ = false;
  StreamReader body_;
  StreamReader tunnel_bytes_;
  TimePoint extra_at_ = kNever;     // when to send the extra bytes, some time after the response
  TimePoint extra_there_ = kNever;  // when bytes after a response have reached the other side
  bool misled_ = false;             // a request has arrived since
  bool deaf_ = false;               // has finished and waits for the end
};

}  // namespace weir::sim
