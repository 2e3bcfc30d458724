#include "peers/http2_client.h"

#include <algorithm>

namespace weir::sim {
namespace {

constexpr Duration kHoldsForContinue = 300ms;
constexpr Duration kStall = 5s;
constexpr Duration kUnanswered = 10s;    // of a PING
constexpr uint64_t kUnsent = 16 * 1024;  // bytes that wait for the socket

Http2Fields request_fields(const Request& request, bool tls, Random& random) {
  Http2Fields fields{
      {":method", request.method},
      {":scheme", tls ? "https" : "http"},
      {":authority", "sim"},
      {":path", fmt::format("/{}/{}", request.fixed ? "fixed" : "r", request.number)},
      {"x-number", std::to_string(request.number)}};
  if (request.framing == Framing::length)
    fields.emplace_back("content-length", std::to_string(request.body));
  if (request.expects) fields.emplace_back("expect", "100-continue");
  if (request.trailers) fields.emplace_back("te", "trailers");
  // The dynamic table is used, and entries leave it.
  if (random.below(4) == 0) fields.emplace_back("x-same", "the same in many requests");
  if (random.below(8) == 0) fields.emplace_back("x-other", std::to_string(random.next()));
  if (random.below(40) == 0) fields.emplace_back("x-large", std::string(random.below(20000), 'l'));
  if (random.below(8) == 0)
    for (const char* crumb : {"a=1", "b=2"}) fields.emplace_back("cookie", crumb);
  return fields;
}

}  // namespace

Http2Client::Http2Client(Ledger& ledger, Http2ClientScript script, std::shared_ptr<Wire> wire)
    : HttpPeer(ledger, script.behavior, std::move(wire)),
      script_(std::move(script)),
      session_(*this, Http2Session::Role::client, script_.http2, network_),
      ask_at_(now()),
      quiet_since_(now()),
      progress_at_(now()) {}

Http2Client::Asked* Http2Client::find(int32_t stream) {
  const auto found = asked_.find(stream);
  return found == asked_.end() || found->second.over ? nullptr : &found->second;
}

size_t Http2Client::open_streams() const {
  return static_cast<size_t>(std::count_if(asked_.begin(), asked_.end(),
                                           [](const auto& entry) { return !entry.second.over; }));
}

void Http2Client::act() {
  if (end_ != End::none) return leave();
  if (wire_->has_tls() && wire_->alpn() != "h2") {
    ledger_.fail("a client of HTTP/2 agreed on '{}'", wire_->alpn());
    return leave();
  }
  if (!hostile_ && script_.flood && age() >= script_.flood_after) begin_flood();
  if (hostile_) return flood();
  for (auto& [stream, asked] : asked_) reset_if_due(stream, asked);
  ask();
  if (age() >= script_.goaway_after && !std::exchange(sent_goaway_, true))
    session_.send_goaway(0, NGHTTP2_NO_ERROR);
  session_.act();
  send_frames();
  check_progress();
  finish_if_done();
}

void Http2Client::ask() {
  const bool may = next_ < script_.asks.size() && open_streams() < script_.ahead && goaway_ < 0 &&
                   !sent_goaway_ && now() >= ask_at_;
  if (!may) return;
  Asked asked;
  asked.plan = script_.asks[next_++];
  asked.request = ledger_.request(asked.plan.request);
  asked.at = now();
  const Request& request = *asked.request;
  Http2Body body{Stream::request_body, request.number, request.body};
  body.trailer = request.trailers ? request.number : 0;
  body.held = request.expects;
  body.headless_end = request.body == 0 && !request.trailers && !request.expects;
  if (request.expects) asked.held_until = now() + kHoldsForContinue;
  const int32_t stream =
      session_.send_request(request_fields(request, wire_->has_tls(), network_.random()), body);
  if (stream > 0) asked_.emplace(stream, std::move(asked));
  if (script_.delay > 0ns)
    ask_at_ =
        now() + Duration(network_.random().below(static_cast<uint64_t>(script_.delay.count())));
}

void Http2Client::reset_if_due(int32_t stream, Asked& asked) {
  Request& request = *asked.request;
  if (sent() >= asked.reset_ends && request.reset_at == kNever) request.reset_at = now();
  if (asked.over) return;
  if (now() >= asked.held_until) session_.release(stream);
  const bool far = asked.answer != nullptr && asked.body.position() >= asked.plan.reset_in_body;
  if (now() - asked.at >= asked.plan.reset_after || far) reset(stream, asked);
}

void Http2Client::reset(int32_t stream, Asked& asked) {
  session_.reset(stream, network_.chance(700) ? NGHTTP2_CANCEL : NGHTTP2_NO_ERROR);
  end(asked, begun(asked) ? Request::Outcome::abandoned : Request::Outcome::unsent);
}

void Http2Client::send_frames() {
  while (queued() - sent() < kUnsent) {
    const uint64_t at = queued();
    const Http2Frame frame = session_.next_frame();
    if (frame.bytes.empty()) return;
    send(frame.bytes);
    ledger_.trace("client sends a frame of type {} on {}, {} bytes", frame.type, frame.stream,
                  frame.bytes.size());
    const auto asked = asked_.find(frame.stream);
    if (asked == asked_.end()) continue;
    if (frame.type == NGHTTP2_HEADERS && asked->second.begins == ~0ull) {
      asked->second.begins = at;
      asked->second.request->unsettled = !session_.settled();
    }
    if (frame.type == NGHTTP2_RST_STREAM && asked->second.over) asked->second.reset_ends = queued();
  }
}

void Http2Client::take(std::string_view bytes) {
  progress_at_ = now();
  if (!hostile_) session_.feed(bytes);
}

void Http2Client::on_head(int32_t stream, const MessageHead& head) {
  Asked* const asked = find(stream);
  if (asked == nullptr) return;
  Request& request = *asked->request;
  ledger_.trace("client, stream {}, {}: {}", stream, request.number, head.field(":status"));
  if (asked->head) return ledger_.fail("{}: a second head", request.number);
  if (!head.field("x-extra").empty()) return end(*asked, Request::Outcome::misled);
  const auto status = static_cast<unsigned>(head.number(":status"));
  Answer* const answer = ledger_.answer(head.number("x-answer"));
  if (answer != nullptr && answer->request != request.number)
    ledger_.fail("{} was answered with the answer to {}", request.number, answer->request);
  if (asked->interim_from != 0 && answer != nullptr && answer->number != asked->interim_from)
    ledger_.fail("{}: an interim response of {}, then answer {}", request.number,
                 asked->interim_from, answer->number);
  if (status >= 200) {
    asked->head = true;
    asked->answer = answer;
    request.status = status;
    return take_final(*asked, head);
  }
  if (answer == nullptr) return ledger_.fail("{}: whose is this {}?", request.number, status);
  asked->interim_from = answer->number;
  if (status == 100) session_.release(stream);
}

void Http2Client::take_final(Asked& asked, const MessageHead&) {
  Request& request = *asked.request;
  if (asked.answer == nullptr) {
    if (!request.may_be_answered_by_weir(request.status))
      ledger_.fail("{}: whose is this {}?", request.number, request.status);
    return;
  }
  request.answer = asked.answer->number;
  if (request.status != asked.answer->status)
    ledger_.fail("{}: {} became {}", request.number, asked.answer->status, request.status);
  asked.body.begin(Stream::answer_body, asked.answer->number);
}

void Http2Client::on_data(int32_t stream, std::string_view bytes) {
  Asked* const asked = find(stream);
  if (asked == nullptr) return;
  if (asked->answer == nullptr)
    asked->own_body += bytes;
  else if (!asked->body.take(bytes))
    ledger_.fail("{}: a wrong byte before {} of answer {}", asked->request->number,
                 asked->body.position(), asked->answer->number);
}

void Http2Client::on_end_stream(int32_t stream, const MessageHead& trailers) {
  Asked* const asked = find(stream);
  if (asked == nullptr) return;
  ledger_.trace("client, stream {}, {}: END_STREAM", stream, asked->request->number);
  if (!asked->head) return ledger_.fail("{}: an end without a head", asked->request->number);
  check_end(*asked, trailers);
  end(*asked, asked->answer != nullptr ? Request::Outcome::answered : Request::Outcome::by_weir);
}

// A response that looks complete must be complete.
void Http2Client::check_end(const Asked& asked, const MessageHead& trailers) {
  const Request& request = *asked.request;
  if (asked.answer == nullptr) {
    const std::string expected =
        request.status == 200 ? "fixed" : fmt::format("{} ", request.status);
    if (request.method != "HEAD" && !asked.own_body.starts_with(expected))
      ledger_.fail("{}: weir's own {} says '{}'", request.number, request.status, asked.own_body);
    return;
  }
  const Answer& answer = *asked.answer;
  const uint64_t size = answer.has_body() ? answer.body : 0;
  if (asked.body.position() != size)
    ledger_.fail("{}: answer {} has {} bytes, {} came and an end", request.number, answer.number,
                 size, asked.body.position());
  if (answer.cut && !answer.frail && answer.has_body())
    ledger_.fail("{}: answer {} was cut by its backend and came whole", request.number,
                 answer.number);
  const std::string expected = answer.sends_trailers() ? std::to_string(answer.number) : "";
  const bool other = trailers.fields.size() != (expected.empty() ? 0 : 1);
  if (trailers.field("x-trailer") != expected || other)
    ledger_.fail("{}: answer {} came with {} trailers, '{}'", request.number, answer.number,
                 trailers.fields.size(), trailers.field("x-trailer"));
}

void Http2Client::end(Asked& asked, Request::Outcome outcome) {
  asked.over = true;
  asked.request->outcome = outcome;
  asked.request->cut_at = asked.body.position();
  if (open_streams() == 0) quiet_since_ = now();
}

void Http2Client::on_closed(int32_t stream, uint32_t error) {
  Asked* const asked = find(stream);
  if (asked == nullptr) return;
  Request& request = *asked->request;
  ledger_.trace("client, stream {}, {}: {}", stream, request.number, nghttp2_http2_strerror(error));
  if (!begun(*asked)) return end(*asked, Request::Outcome::unsent);
  const bool some = asked->head || asked->interim_from != 0;
  request.by_stream = true;
  request.error = error;
  request.refused = error == NGHTTP2_REFUSED_STREAM;
  if (error == NGHTTP2_NO_ERROR)
    ledger_.fail("{}: ended without an error and without END_STREAM", request.number);
  if (request.refused && some && !script_.direct)
    ledger_.fail("{}: refused after a part of a response", request.number);
  end(*asked, some ? Request::Outcome::cut : Request::Outcome::nothing);
}

void Http2Client::on_goaway(int32_t last, uint32_t error) {
  ledger_.trace("{}: GOAWAY {}, {}", state(), last, nghttp2_http2_strerror(error));
  goaway_ = last;
  ended_.goaway = true;
  if (script_.stays_open && !sent_goaway_) ledger_.fail("a client got a GOAWAY for no reason");
  const bool resets = std::any_of(script_.asks.begin(), script_.asks.end(), [](const auto& ask) {
    return ask.reset_after < 3000s || ask.reset_in_body != ~0ull;
  });
  if (script_.direct) return;
  // Its other streams are cut, too.
  if (resets && error == NGHTTP2_ENHANCE_YOUR_CALM)
    for (const Http2Ask& ask : script_.asks) ledger_.request(ask.request)->stops = true;
  if (error != NGHTTP2_NO_ERROR && !(resets && error == NGHTTP2_ENHANCE_YOUR_CALM))
    ledger_.fail("a client got a GOAWAY with {}", nghttp2_http2_strerror(error));
}

void Http2Client::on_fault(const std::string& what) {
  faulty_ = true;
  if (script_.strict) ledger_.fail("a client got what is not HTTP/2: {}", what);
}

void Http2Client::on_end(End how) {
  ended_.at = now();
  ended_.connected = age();
  ended_.silence = open_streams() == 0 ? now() - quiet_since_ : 0ns;
  ended_.clean = how == End::fin;
  for (auto& [stream, asked] : asked_) {
    if (asked.over) continue;
    const bool some = asked.head || asked.interim_from != 0;
    asked.request->clean = !some && ended_.clean;
    end(asked, !begun(asked) ? Request::Outcome::unsent
               : some        ? Request::Outcome::cut
                             : Request::Outcome::nothing);
  }
}

void Http2Client::on_own_end() {
  for (auto& [stream, asked] : asked_) {
    if (asked.over) continue;
    if (begun(asked) && age() >= behavior_.abort_after) asked.request->reset_at = now();
    end(asked, begun(asked) ? Request::Outcome::abandoned : Request::Outcome::unsent);
  }
}

// For a while no byte has come. Either the backend has sent all of the response, and the windows
// are open; or the windows of the request are closed, and the backend has read all that was sent.
bool Http2Client::stalls(int32_t stream, const Asked& asked) const {
  if (asked.over || !begun(asked)) return false;
  const Answer* const answer = asked.answer;
  const bool sent_long_ago =
      answer != nullptr && answer->over_at != kNever && now() - answer->over_at >= kStall;
  if (sent_long_ago && all_sent() && session_.window_for_peer(stream) > 0) return true;
  const Http2Body* const body = session_.body_of(stream);
  return body != nullptr && !body->held && body->sent < body->size && all_sent() &&
         session_.window_of_peer(stream) <= 0 && asked.request->at_backend == body->sent;
}

void Http2Client::check_progress() {
  if (script_.strict && all_sent() && may_read() && session_.unanswered_for() >= kUnanswered &&
      !std::exchange(faulty_, true))
    ledger_.fail("a PING of a client got no answer");
  if (script_.direct || !may_read() || now() - progress_at_ < kStall) return;
  for (const auto& [stream, asked] : asked_) {
    if (!stalls(stream, asked)) continue;
    const Http2Body* const body = session_.body_of(stream);
    ledger_.fail("{}, stream {}, stalls: {} bytes came, their window is {}; {} sent, window {}",
                 asked.request->number, stream, asked.body.position(),
                 session_.window_for_peer(stream), body == nullptr ? 0 : body->sent,
                 session_.window_of_peer(stream));
    progress_at_ = now();
  }
}

void Http2Client::begin_flood() {
  hostile_ = true;
  flood_.emplace(*script_.flood, network_.random());
  for (auto& [stream, asked] : asked_)
    if (!asked.over)
      end(asked, begun(asked) ? Request::Outcome::abandoned : Request::Outcome::unsent);
}

void Http2Client::flood() {
  if (queued() - sent() < kUnsent) send(flood_->next());
}

void Http2Client::finish_if_done() {
  if (faulty_ && session_.done() && all_sent()) return leave();
  const bool no_more = next_ == script_.asks.size() || goaway_ >= 0 || sent_goaway_;
  if (!no_more || open_streams() > 0) return;
  const bool resets = std::any_of(asked_.begin(), asked_.end(), [this](const auto& entry) {
    return entry.second.reset_ends > sent() && entry.second.reset_ends != ~0ull;
  });
  if (resets || (script_.stays && goaway_ < 0) || (script_.awaits_end && goaway_ >= 0)) return;
  if (!std::exchange(sent_goaway_, true)) {
    session_.send_goaway(0, NGHTTP2_NO_ERROR);
    send_frames();
  }
  if (all_sent()) leave();
}

std::string Http2Client::state() const {
  return fmt::format("the HTTP/2 client of {} to {}: {} asked, {} open, sent {} of {}, end {}, {}",
                     script_.asks.front().request, script_.asks.back().request, next_,
                     open_streams(), sent(), queued(), static_cast<int>(end_),
                     goaway_ >= 0 ? "GOAWAY" : "no GOAWAY");
}

}  // namespace weir::sim
