#include "peers/http_backend.h"

#include <algorithm>

namespace weir::sim {

using Fault = Answer::Fault;

namespace {

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

constexpr std::string_view kExtra =
    "HTTP/1.1 200 OK\r\nX-Extra: 1\r\nContent-Length: 4\r\n\r\nevil";

HttpBackend::HttpBackend(Ledger& ledger, BackendScript script, std::shared_ptr<Wire> wire)
    : HttpPeer(ledger, script.behavior, std::move(wire)),
      script_(std::move(script)),
      idle_since_(now()) {}

void HttpBackend::act() {
  if (stage_ == Stage::tunnel) return act_in_tunnel();
  if (end_ == End::reset) return leave();
  if (deaf_ && now() >= extra_at_ && !misled_) {
    extra_at_ = kNever;
    send(kExtra);
  }
  if (deaf_ && extra_at_ == kNever && all_sent() && answer_ != nullptr &&
      answer_->fault == Fault::more_than_asked && !misled_ &&
      wire_->endpoint().unacknowledged() == 0)
    extra_there_ = std::min(extra_there_, now());
  // No further request will come, and all requests are answered.
  if (end_ == End::fin && (stage_ == Stage::idle || stage_ == Stage::reading || deaf_))
    return leave();
  const bool tired = answer_ != nullptr && now() - idle_since_ >= script_.idle;
  if (stage_ == Stage::idle && tired) return leave();
  if (stage_ == Stage::thinking && now() >= answer_at_) begin_answer();
  if (over_ || stage_ != Stage::answering || !all_sent()) return;
  after_answer();
  if (!over_ && end_ == End::fin && stage_ != Stage::tunnel) leave();
}

void HttpBackend::take(std::string_view bytes) {
  // The client's reaction to a response may come at once.
  if (stage_ == Stage::answering && all_sent()) after_answer();
  if (over_) return;
  // Only for the first request: the bytes were its response then.
  const TimePoint there = std::exchange(extra_there_, kNever);
  if (deaf_ && !std::exchange(misled_, true) && there != kNever &&
      now() - there > Answer::kCrossing)
    ledger_.fail("after {} a connection with unsolicited bytes was used", request_->number);
  if (deaf_) return;
  if (stage_ == Stage::tunnel) return take_in_tunnel(bytes);
  reader_.feed(bytes);
  read_events();
}

void HttpBackend::read_events() {
  while (!over_ && !deaf_ && stage_ != Stage::tunnel) {
    switch (reader_.next()) {
      case MessageReader::Event::more: return;
      case MessageReader::Event::head: take_head(); break;
      case MessageReader::Event::data:
        if (!body_.take(reader_.data()))
          ledger_.fail("the body of {} is wrong before {}", request_->number, body_.position());
        request_->at_backend = body_.position();
        break;
      case MessageReader::Event::end: take_end(); break;
      case MessageReader::Event::bad:
        ledger_.fail("a backend got what is not HTTP: {}", reader_.fault());
        deaf_ = true;
        break;
    }
  }
}

void HttpBackend::take_head() {
  const MessageHead& head = reader_.head();
  request_ = ledger_.request(head.number("x-number"));
  if (request_ == nullptr || head.word(0) != request_->method ||
      head.word(1) != fmt::format("/r/{}", request_->number)) {
    ledger_.fail("no client sent '{}'", head.first_line);
    deaf_ = true;
    return;
  }
  // Bytes after a response may still be in transit when that response has been read.
  if (stage_ != Stage::idle && answer_->fault != Answer::Fault::more_than_asked)
    ledger_.fail("{} comes before {} has been answered", request_->number, answer_->request);
  if (++request_->heads_at_backends > 1 && request_->method == "POST")
    ledger_.fail("{}, a POST, was sent twice", request_->number);
  answer_ = &ledger_.add_answer(*request_);
  script_.decide(*answer_, *request_);
  body_.begin(Stream::request_body, request_->number);
  request_->at_backend = 0;
  request_whole_ = false;
  stage_ = Stage::reading;
  if (!head.field("expect").empty() && answer_->fault == Fault::none && !answer_->early)
    send(fmt::format("HTTP/1.1 100 Continue\r\nX-Answer: {}\r\n\r\n", answer_->number));
  if (answer_->early) delay_response();
}

void HttpBackend::take_end() {
  request_whole_ = true;
  // Of a request with a length the trailers are dropped.
  const std::string expected =
      request_->trailers ? fmt::format("x-trailer: {}\r\n", request_->number) : "";
  const bool chunked = reader_.framing() == Framing::chunked;
  if (chunked && lower_case(reader_.trailers()) != expected)
    ledger_.fail("{} came with the trailers '{}'", request_->number, reader_.trailers());
  if (body_.position() != request_->body)
    ledger_.fail("the body of {} has {} bytes, {} came", request_->number, request_->body,
                 body_.position());
  if (++request_->whole_at_backends > 1 && request_->method == "POST")
    ledger_.fail("{}, a POST, arrived twice", request_->number);
  if (stage_ == Stage::reading) return delay_response();
  if (stage_ == Stage::answering && all_sent()) after_answer();
}

void HttpBackend::delay_response() {
  stage_ = Stage::thinking;
  const auto most = static_cast<uint64_t>(script_.delay.count());
  answer_at_ = now() + Duration(most == 0 ? 0 : network_.random().below(most));
}

void HttpBackend::begin_answer() {
  stage_ = Stage::answering;
  // If the end of the connection is the end of the body, it must be orderly.
  const bool ends = answer_->framing == Framing::until_close && answer_->has_body();
  answer_->cut = ends && !wire_->ends_in_order();
  answer_->frail = (wire_->has_tls() && wire_->behavior().requests_key_update &&
                    wire_->behavior().key_update_every != 0) ||
                   (answer_->status == 101 && !wire_->ends_in_order());
  const bool as_it_is = answer_->has_body() && answer_->framing != Framing::chunked;
  if (ends && answer_->cut && answer_->fault == Fault::none) answer_->cut_off_at = answer_->body;
  switch (answer_->fault) {
    case Fault::closes_before: answer_->cut = true; return on_own_end(), leave();
    case Fault::resets_before: answer_->cut = true; return on_own_end(), abort();
    case Fault::garbage: send("\x16\x03\x01 this is not HTTP\r\n\r\n"); break;
    case Fault::two_framings:
      send(
          fmt::format("HTTP/1.1 200 OK\r\nX-Answer: {}\r\nContent-Length: 5\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      answer_->number));
      break;
    case Fault::unasked_switch:
      send("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes");
      break;
    case Fault::refuses:  // HTTP/1 has no such response
    case Fault::none: send(render()); break;
    case Fault::more_than_asked:
      send(render());
      if (network_.chance(500))
        send(kExtra);
      else
        extra_at_ = now() + Duration(network_.random().below(50'000'000));
      break;
    case Fault::resets_in_body:
    case Fault::closes_in_body:
    case Fault::stalls: {
      const std::string whole = render();
      const size_t part = network_.random().below(whole.size() + 1);
      // A FIN ends a body until close; a reset never ends anything.
      const size_t head = render_head().size();
      const bool shorter =
          ends && !answer_->cut && answer_->fault == Fault::closes_in_body && part >= head;
      if (shorter) answer_->body = part - head;
      answer_->cut = !shorter && (part < whole.size() || ends);
      if (answer_->fault == Fault::closes_in_body && as_it_is && part >= head &&
          !wire_->ends_in_order())
        answer_->cut_off_at = part - head;
      send(std::string_view(whole).substr(0, part));
      break;
    }
  }
}

std::string HttpBackend::render() const {
  return render_head() + render_body();
}

std::string HttpBackend::render_head() const {
  std::string text;
  for (int i = 0; i < answer_->interims; ++i)
    text += fmt::format("HTTP/1.1 103 Early Hints\r\nX-Answer: {}\r\n\r\n", answer_->number);
  text += fmt::format("HTTP/1.1 {} OK\r\nX-Answer: {}\r\n", answer_->status, answer_->number);
  if (answer_->status == 101) return text + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const bool may_have_body = answer_->status != 204;
  if (may_have_body && answer_->framing == Framing::length)
    text += fmt::format("Content-Length: {}\r\n", answer_->body);
  if (may_have_body && answer_->framing == Framing::chunked)
    text += "Transfer-Encoding: chunked\r\n";
  if (answer_->announces) text += "Connection: close\r\n";
  if (script_.keep_alive > 0) text += fmt::format("Keep-Alive: timeout={}\r\n", script_.keep_alive);
  return text + "\r\n";
}

std::string HttpBackend::render_body() const {
  if (!answer_->has_body()) return "";
  const std::string bytes = stream_bytes(Stream::answer_body, answer_->number, 0, answer_->body);
  if (answer_->framing != Framing::chunked) return bytes;
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const size_t size =
        std::min(bytes.size() - at, 1 + network_.random().below(1 + bytes.size() / 3));
    text += fmt::format("{:x}\r\n", size).append(bytes, at, size).append("\r\n");
    at += size;
  }
  text += "0\r\n";
  if (answer_->trailers) text += fmt::format("X-Trailer: {}\r\n", answer_->number);
  return text + "\r\n";
}

void HttpBackend::after_answer() {
  if (deaf_) return;
  const Fault fault = answer_->fault;
  if (fault != Fault::stalls) answer_->over_at = std::min(answer_->over_at, now());
  if (answer_->status == 101 && fault == Fault::none) {
    stage_ = Stage::tunnel;
    tunnel_bytes_.begin(Stream::to_backend, request_->number);
    send(stream_bytes(Stream::to_client, answer_->number, 0, answer_->tunnel));
    return take_in_tunnel(reader_.take_rest());
  }
  if (fault == Fault::resets_in_body) return abort();
  if (fault == Fault::closes_in_body) return leave();
  if (fault == Fault::stalls || fault == Fault::garbage || fault == Fault::two_framings ||
      fault == Fault::unasked_switch || fault == Fault::more_than_asked) {
    deaf_ = true;
    return;
  }
  const bool ends =
      answer_->announces || (answer_->framing == Framing::until_close && answer_->has_body());
  if (ends) {
    // Not while a part of the request is unread: the close would be a reset.
    if (!request_whole_ && end_ == End::none) return;
    return leave();
  }
  if (!request_whole_) return;  // an early response: the backend waits for the rest of the request
  stage_ = Stage::idle;
  idle_since_ = now();
}

void HttpBackend::on_end(End how) {
  if (answer_ != nullptr) answer_->over_at = std::min(answer_->over_at, now());
  if (stage_ == Stage::tunnel) {
    answer_->tunnel_saw_fin = how == End::fin;
    answer_->tunnel_heard_out = answer_->tunnel_sent_fin;
  }
  if (stage_ == Stage::idle && reader_.in_message() && how == End::fin && !deaf_)
    ledger_.note_head_cut();
}

void HttpBackend::take_in_tunnel(std::string_view bytes) {
  answer_->tunnel_received += bytes.size();
  if (!tunnel_bytes_.take(bytes))
    ledger_.fail("{}: a wrong byte in its tunnel to the backend, before {}", request_->number,
                 tunnel_bytes_.position());
}

void HttpBackend::act_in_tunnel() {
  if (end_ == End::reset) return leave();
  if (all_sent() && !answer_->tunnel_sent_fin) {
    answer_->tunnel_sent_fin = true;
    wire_->shutdown_write();
    answer_->tunnel_cut = wire_->cut();
  }
  if (end_ == End::fin && answer_->tunnel_sent_fin) leave();
}

std::string HttpBackend::state() const {
  return fmt::format("a backend in stage {} with answer {}, sent {} of {}, end {}",
                     static_cast<int>(stage_), answer_ == nullptr ? 0 : answer_->number, sent(),
                     queued(), static_cast<int>(end_));
}

}  // namespace weir::sim
