#include "peers/http_client.h"

#include <algorithm>

namespace weir::sim {
namespace {

constexpr Duration kWaitsForContinue = 300ms;

bool lists(const std::string& value, std::string_view word) {
  return value.find(word) != std::string::npos;
}

std::string render_head(const Request& request) {
  std::string text = fmt::format("{} /{}/{} HTTP/1.{}\r\nHost: sim\r\nX-Number: {}\r\n",
                                 request.method, request.fixed ? "fixed" : "r", request.number,
                                 request.old ? 0 : 1, request.number);
  if (request.framing == Framing::length)
    text += fmt::format("Content-Length: {}\r\n", request.body);
  if (request.framing == Framing::chunked) text += "Transfer-Encoding: chunked\r\n";
  if (request.expects) text += "Expect: 100-continue\r\n";
  if (request.tunnel > 0) text += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  if (request.old && !request.closes) text += "Connection: keep-alive\r\n";
  if (!request.old && request.closes) text += "Connection: close\r\n";
  return text + "\r\n";
}

std::string tunnel_says(const Request& request) {
  return stream_bytes(Stream::to_backend, request.number, 0, request.tunnel);
}

// Chunks of any size.
std::string render_body(const Request& request, Random& random) {
  const std::string bytes = stream_bytes(Stream::request_body, request.number, 0, request.body);
  if (request.framing != Framing::chunked) return bytes;
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min(bytes.size() - at, 1 + random.below(1 + bytes.size() / 3));
    text += fmt::format("{:x}\r\n", size).append(bytes, at, size).append("\r\n");
    at += size;
  }
  return text + "0\r\n\r\n";
}

}  // namespace

HttpClient::HttpClient(Ledger& ledger, ClientScript script, std::shared_ptr<Wire> wire)
    : HttpPeer(ledger, script.behavior, std::move(wire)),
      script_(std::move(script)),
      ask_at_(now()),
      quiet_since_(now()) {}

Request* HttpClient::current() {
  return answered_ < asked_ ? ledger_.request(script_.requests[answered_]) : nullptr;
}

void HttpClient::act() {
  if (tunnel_ != nullptr) return act_in_tunnel();
  if (end_ != End::none || misled_) return leave();
  if (!held_back_.empty() && now() >= held_until_) send(std::exchange(held_back_, {}));
  ask();
  finish_if_done();
}

void HttpClient::ask() {
  const bool last = asked_ > 0 && ledger_.request(script_.requests[asked_ - 1])->closes;
  const bool may = !last && asked_ < script_.requests.size() &&
                   asked_ < answered_ + script_.ahead && held_back_.empty() && !server_closes_ &&
                   now() >= ask_at_;
  if (!may) return;
  const Request& request = *ledger_.request(script_.requests[asked_++]);
  begins_.push_back(queued());
  asked_at_.push_back(now());
  // weir may have completed a response long before the client reads its last byte.
  silences_.push_back(now() - std::min(quiet_since_, answer_came_at_));
  send(render_head(request));
  std::string body = request.eager ? tunnel_says(request) : render_body(request, network_.random());
  ends_.push_back(queued() + body.size());
  if (request.expects) {
    held_back_ = std::move(body);
    held_until_ = now() + kWaitsForContinue;
  } else {
    send(body);
  }
  if (script_.delay > 0ns)
    ask_at_ =
        now() + Duration(network_.random().below(static_cast<uint64_t>(script_.delay.count())));
}

void HttpClient::take(std::string_view bytes) {
  if (tunnel_ != nullptr) return take_in_tunnel(bytes);
  reader_.feed(bytes);
  read_events();
}

void HttpClient::read_events() {
  while (!stopped_) {
    switch (reader_.next()) {
      case MessageReader::Event::more: return;
      case MessageReader::Event::head: take_head(); break;
      case MessageReader::Event::data: take_data(); break;
      case MessageReader::Event::end: take_end(); break;
      case MessageReader::Event::bad:
        ledger_.fail("a client got what is not HTTP: {}", reader_.fault());
        stopped_ = true;
        break;
    }
    if (tunnel_ != nullptr) return take_in_tunnel(reader_.take_rest());
  }
}

void HttpClient::take_head() {
  const MessageHead& head = reader_.head();
  Request* request = current();
  if (request == nullptr || !begun(answered_)) {
    ledger_.fail("a response without a request: {}", head.first_line);
    stopped_ = true;
    return;
  }
  const auto status = static_cast<unsigned>(std::strtoul(head.word(1).c_str(), nullptr, 10));
  interim_ = status < 200 && status != 101;
  if (!head.field("x-extra").empty()) {
    request->outcome = Request::Outcome::misled;
    last_.request = 0;
    stopped_ = misled_ = true;
    return;
  }
  Answer* answer = ledger_.answer(head.number("x-answer"));
  if (answer != nullptr && answer->request != request->number)
    ledger_.fail("{} was answered with the answer to {}", request->number, answer->request);
  if (interim_from_ != 0 && answer != nullptr && answer->number != interim_from_)
    ledger_.fail("{}: an interim response of {}, then answer {}", request->number, interim_from_,
                 answer->number);
  if (interim_) {
    if (answer == nullptr)
      return ledger_.fail("{}: whose is '{}'?", request->number, head.first_line);
    if (request->old) ledger_.fail("{}: an interim response to HTTP/1.0", request->number);
    interim_from_ = answer->number;
    if (status == 100 && answered_ + 1 == asked_) send(std::exchange(held_back_, {}));
    return;
  }
  request->status = status;
  take_final(head, answer);
}

void HttpClient::take_final(const MessageHead& head, Answer* answer) {
  Request& request = *current();
  answer_came_at_ = now();
  answer_ = answer;
  own_body_.clear();
  if (request.method == "HEAD") reader_.no_body();
  const std::string connection = head.field("connection");
  const bool keeps =
      head.old() || request.old ? lists(connection, "keep-alive") : !lists(connection, "close");
  if (!keeps) server_closes_ = true;
  if (!keeps && script_.stays_open && answer != nullptr && !request.closes && !request.old)
    ledger_.fail("{}: its answer says that it is the last, for no reason", request.number);
  if (request.old && reader_.framing() == Framing::chunked)
    ledger_.fail("{}: chunks to HTTP/1.0", request.number);
  if (answer == nullptr) {
    if (!request.may_be_answered_by_weir(request.status))
      ledger_.fail("{}: whose is '{}'?", request.number, head.first_line);
    return;
  }
  request.answer = answer->number;
  if (request.status != answer->status)
    ledger_.fail("{}: {} became {}", request.number, answer->status, request.status);
  body_.begin(Stream::answer_body, answer->number);
  if (request.status != 101) return;
  if (request.tunnel == 0) return ledger_.fail("{}: 101 unasked", request.number);
  request.outcome = Request::Outcome::answered;
  ++answered_;
  tunnel_ = &request;
  tunnel_bytes_.begin(Stream::to_client, answer->number);
  if (!request.eager) send(tunnel_says(request));
}

void HttpClient::take_data() {
  if (interim_) return;
  if (answer_ == nullptr) {
    own_body_ += reader_.data();
  } else if (!body_.take(reader_.data())) {
    ledger_.fail("{}: a wrong byte before {} of answer {}", current()->number, body_.position(),
                 answer_->number);
  }
}

void HttpClient::take_end() {
  if (interim_) return;
  Request& request = *current();
  check_end(request);
  request.outcome = answer_ != nullptr ? Request::Outcome::answered : Request::Outcome::by_weir;
  ++answered_;
  answer_ = nullptr;
  interim_from_ = 0;
  quiet_since_ = now();
  // If the response comes without a 100, the body is sent nevertheless, because the head has
  // announced it.
  if (answered_ == asked_ && !server_closes_) send(std::exchange(held_back_, {}));
}

// A response that looks complete must be complete.
void HttpClient::check_end(const Request& request) {
  if (answer_ == nullptr) {
    const std::string expected =
        request.status == 200 ? "fixed" : fmt::format("{} ", request.status);
    if (request.method != "HEAD" && !own_body_.starts_with(expected))
      ledger_.fail("{}: weir's own {} says '{}'", request.number, request.status, own_body_);
    return;
  }
  const uint64_t size = answer_->has_body() ? answer_->body : 0;
  if (body_.position() != size)
    ledger_.fail("{}: answer {} has {} bytes, {} came and an end", request.number, answer_->number,
                 size, body_.position());
  if (answer_->cut && !answer_->may_be_whole && answer_->has_body())
    ledger_.fail("{}: answer {} was cut by its backend and came whole", request.number,
                 answer_->number);
  // A backend with HTTP/2 has names in lower case.
  const std::string trailer =
      fmt::format("{}: {}\r\n", reader_.trailers().starts_with('x') ? "x-trailer" : "X-Trailer",
                  answer_->number);
  const bool carries = answer_->framing == Framing::chunked && answer_->trailers;
  if (reader_.trailers() != (carries ? trailer : "") && reader_.framing() == Framing::chunked)
    ledger_.fail("{}: answer {} came with the trailers '{}'", request.number, answer_->number,
                 reader_.trailers());
}

void HttpClient::on_end(End how) {
  if (tunnel_ != nullptr) {
    tunnel_->tunnel_saw_fin = how == End::fin;
    tunnel_->tunnel_heard_out = tunnel_->tunnel_sent_fin;
    return;
  }
  if (how == End::fin) {
    reader_.end_of_input();
    read_events();
  }
  if (misled_) return;
  note_last(reader_.at_message_start() && interim_from_ == 0 ? Request::Outcome::nothing
                                                             : Request::Outcome::cut,
            how == End::fin);
}

void HttpClient::note_last(Request::Outcome outcome, bool clean) {
  Request* request = current();
  last_.at = now();
  last_.connected = age();
  last_.announced = server_closes_ && reader_.at_message_start();
  if (request == nullptr) return;
  if (!begun(answered_)) return;
  // The requests after it have been sent, too.
  for (size_t i = answered_ + 1; i < asked_ && begun(i); ++i) {
    Request& behind = *ledger_.request(script_.requests[i]);
    behind.outcome = outcome == Request::Outcome::abandoned ? outcome : Request::Outcome::nothing;
    behind.clean = clean;
    request->before_old |= behind.old;
  }
  last_.asked = true;
  last_.request = request->number;
  last_.whole = sent() >= ends_[answered_];
  last_.silence = silences_[answered_];
  last_.waited = now() - asked_at_[answered_];
  request->outcome = outcome;
  request->clean = clean;
  request->cut_at = answer_ != nullptr ? body_.position() : 0;
  request->follows = answered_ > 0;
}

void HttpClient::on_own_end() {
  if (tunnel_ != nullptr) return;
  note_last(Request::Outcome::abandoned, false);
  if (current() != nullptr && age() >= behavior_.abort_after) current()->reset_at = now();
}

void HttpClient::finish_if_done() {
  if (over_) return;
  const bool all = answered_ == script_.requests.size();
  if (script_.half_closes && asked_ == script_.requests.size() && all_sent() && held_back_.empty())
    wire_->shutdown_write();
  if (!all || server_closes_) return;
  switch (script_.finish) {
    case ClientScript::Finish::close: return leave();
    case ClientScript::Finish::half_close: return wire_->shutdown_write();
    case ClientScript::Finish::stay: return;
  }
}

void HttpClient::take_in_tunnel(std::string_view bytes) {
  tunnel_->tunnel_received += bytes.size();
  if (!tunnel_bytes_.take(bytes))
    ledger_.fail("{}: a wrong byte in its tunnel, before {}", tunnel_->number,
                 tunnel_bytes_.position());
}

void HttpClient::act_in_tunnel() {
  if (end_ == End::reset) return leave();
  if (all_sent() && !tunnel_->tunnel_sent_fin && sent() > begins_.back()) {
    tunnel_->tunnel_sent_fin = true;
    wire_->shutdown_write();
    tunnel_->tunnel_cut = wire_->cut();
  }
  if (end_ == End::fin && tunnel_->tunnel_sent_fin) leave();
}

std::string HttpClient::state() const {
  return fmt::format("the client of {} to {} has {} answers, asked {}, sent {} of {}, end {}",
                     script_.requests.front(), script_.requests.back(), answered_, asked_, sent(),
                     queued(), static_cast<int>(end_));
}

}  // namespace weir::sim
