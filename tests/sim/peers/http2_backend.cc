#include "peers/http2_backend.h"

#include <algorithm>

namespace weir::sim {

using Fault = Answer::Fault;

namespace {

constexpr uint64_t kUnsentByBackend = 16 * 1024;  // bytes that wait for the socket

bool is_by_stream(Fault fault) {
  return fault == Fault::resets_in_body || fault == Fault::closes_in_body || fault == Fault::stalls;
}

}  // namespace

Http2Backend::Http2Backend(Ledger& ledger, Http2BackendScript script, std::shared_ptr<Wire> wire)
    : HttpPeer(ledger, script.behavior, std::move(wire)),
      script_(std::move(script)),
      session_(*this, Http2Session::Role::server, script_.http2, network_),
      idle_since_(now()) {}

Http2Backend::Served* Http2Backend::find(int32_t stream) {
  const auto found = served_.find(stream);
  return found == served_.end() || found->second.closed ? nullptr : &found->second;
}

void Http2Backend::act() {
  if (end_ != End::none) return leave();
  if (closed_) return;
  if (wire_->has_tls() && wire_->alpn() != "h2") {
    ledger_.fail("a backend of HTTP/2 agreed on '{}'", wire_->alpn());
    return leave();
  }
  if (flood_) {
    if (queued() - sent() < kUnsentByBackend) send(flood_->next());
    if (now() - flood_began_ > 1s) leave();
    return;
  }
  forget_delivered();
  answer_streams();
  if (over_ || flood_) return;
  if (now() >= goaway_at_) {
    goaway_at_ = kNever;
    last_ = session_.last_stream();
    session_.send_goaway(last_, script_.goaway_error);
  }
  session_.act();
  send_frames();
  leave_if_done();
}

void Http2Backend::forget_delivered() {
  if (all_sent() && wire_->endpoint().unacknowledged() == 0) undelivered_.clear();
  const bool had = !served_.empty();
  std::erase_if(served_, [this](const auto& entry) {
    const Served& served = entry.second;
    return served.closed && (served.ends_at == ~0ull || sent() >= served.ends_at);
  });
  if (had && served_.empty()) idle_since_ = now();
}

void Http2Backend::answer_streams() {
  std::vector<int32_t> streams;
  for (const auto& [stream, served] : served_) streams.push_back(stream);
  for (const int32_t stream : streams) {
    Served* const served = find(stream);
    if (served == nullptr) continue;
    if (now() >= served->answer_at && served->answer->fault != Fault::refuses)
      begin_answer(stream, *served);
    if (over_ || flood_) return;
    if (served->answering) act_on_fault(stream, *served);
    if (over_) return;
  }
}

void Http2Backend::leave_if_done() {
  if (faulty_ && session_.done() && all_sent()) return leave();
  const bool idle = served_.empty() && all_sent();
  if (!idle || begun_ == 0 || leaving_) return;
  if (now() - idle_since_ < script_.idle) return;
  if (!script_.idle_goaway) return close_idle();
  send_goaway();
  send_frames();
}

// A close would be a reset if a frame of the other side came after it, and could destroy what the
// other side has not read yet.
void Http2Backend::close_idle() {
  closed_ = true;
  wire_->shutdown_write();
}

// After its GOAWAY the other side closes the connection.
void Http2Backend::send_goaway() {
  leaving_ = true;
  if (script_.goaway_twice && script_.disowns == 0) {
    session_.announce_goaway();
    goaway_at_ = now() + Duration(network_.random().below(20'000'000));
    return;
  }
  const uint64_t excluded = script_.disowns == 0 ? 0 : network_.random().below(script_.disowns + 1);
  last_ = std::max(0, session_.last_stream() - 2 * static_cast<int32_t>(excluded));
  // A stream that has an answer, also an interim one, was processed.
  for (const auto& [stream, served] : served_)
    if (served.answering || served.request->expects) last_ = std::max(last_, stream);
  for (auto& [stream, served] : served_)
    if (stream > last_ && !served.closed) refuse(served);
  session_.send_goaway(last_, script_.goaway_error);
}

void Http2Backend::send_frames() {
  while (queued() - sent() < kUnsentByBackend) {
    const Http2Frame frame = session_.next_frame();
    if (frame.bytes.empty()) return;
    send(frame.bytes);
    const auto served = served_.find(frame.stream);
    if (!frame.ends || served == served_.end()) continue;
    served->second.ends_at = queued();
    served->second.answer->over_at = std::min(served->second.answer->over_at, now());
    undelivered_.push_back(served->second.answer);
  }
}

void Http2Backend::take(std::string_view bytes) {
  if (!flood_ && !closed_) session_.feed(bytes);
}

void Http2Backend::on_head(int32_t stream, const MessageHead& head) {
  if (stream > last_) return;  // its GOAWAY has not been sent yet
  Request* const request = ledger_.request(head.number("x-number"));
  ledger_.trace("backend, stream {}: {} {}", stream, head.field(":method"), head.field(":path"));
  if (request == nullptr || head.field(":method") != request->method ||
      head.field(":path") != fmt::format("/r/{}", request->number)) {
    if (script_.strict) ledger_.fail("no client sent '{}'", head.field(":path"));
    return session_.reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  if (++request->heads_at_backends > 1 && request->method == "POST")
    ledger_.fail("{}, a POST, was sent twice", request->number);
  ++begun_;
  Served& served = served_[stream];
  served.request = request;
  served.answer = &ledger_.add_answer(*request);
  script_.decide(*served.answer, *request);
  served.body.begin(Stream::request_body, request->number);
  request->at_backend = 0;
  if (!head.field("expect").empty() && served.answer->fault == Fault::none && !served.answer->early)
    session_.send_interim(
        stream, {{":status", "100"}, {"x-answer", std::to_string(served.answer->number)}});
  if (served.answer->fault == Fault::refuses) {
    refuse(served);
    return session_.reset(stream, NGHTTP2_REFUSED_STREAM);
  }
  if (served.answer->early) delay_response(served);
  if (begun_ == script_.goaway_after && !leaving_) send_goaway();
}

void Http2Backend::on_data(int32_t stream, std::string_view bytes) {
  Served* const found = find(stream);
  if (found == nullptr) return;
  Served& served = *found;
  if (!served.body.take(bytes))
    ledger_.fail("the body of {} is wrong before {}", served.request->number,
                 served.body.position());
  served.request->at_backend = served.body.position();
}

void Http2Backend::on_end_stream(int32_t stream, const MessageHead& trailers) {
  Served* const found = find(stream);
  if (found == nullptr) return;
  Served& served = *found;
  const Request& request = *served.request;
  served.whole = true;
  if (served.body.position() != request.body)
    ledger_.fail("the body of {} has {} bytes, {} came", request.number, request.body,
                 served.body.position());
  const std::string expected = request.trailers ? std::to_string(request.number) : "";
  if (trailers.field("x-trailer") != expected ||
      trailers.fields.size() != (expected.empty() ? 0 : 1))
    ledger_.fail("{} came with {} trailers, '{}'", request.number, trailers.fields.size(),
                 trailers.field("x-trailer"));
  if (++served.request->whole_at_backends > 1 && request.method == "POST" && request.refusals == 0)
    ledger_.fail("{}, a POST, arrived twice", request.number);
  if (!served.answering && served.answer_at == kNever) delay_response(served);
}

void Http2Backend::delay_response(Served& served) {
  const auto most = static_cast<uint64_t>(script_.delay.count());
  served.answer_at = now() + Duration(most == 0 ? 0 : network_.random().below(most));
}

void Http2Backend::begin_answer(int32_t stream, Served& served) {
  served.answer_at = kNever;
  served.answering = true;
  Answer& answer = *served.answer;
  const uint64_t size = answer.has_body() ? answer.body : 0;
  switch (answer.fault) {
    case Fault::closes_before: return leave_now();
    case Fault::resets_before:
      answer.cut = true;
      return session_.reset(stream, network_.chance(500) ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL);
    case Fault::garbage: return begin_flood();
    case Fault::two_framings:  // less than announced
      answer.cut = true;
      return send_answer(stream, served, ~0ull, size + 5, size);
    case Fault::more_than_asked: return send_answer(stream, served, ~0ull, size, size + 5);
    case Fault::unasked_switch:
      answer.cut = true;
      answer.status = 101;
      return send_answer(stream, served, 0, 0, 0);
    case Fault::resets_in_body:
    case Fault::closes_in_body:
    case Fault::stalls: return send_part(stream, served, size);
    case Fault::refuses:
    case Fault::none: return send_answer(stream, served, ~0ull, size, size);
  }
}

void Http2Backend::send_part(int32_t stream, Served& served, uint64_t size) {
  // In HTTP/1 a head without a body is the whole: its client may go on, and weir waits for an end.
  if (!served.answer->has_body() && !served.request->http2) {
    served.answer->fault = Fault::none;
    return send_answer(stream, served, ~0ull, size, size);
  }
  const uint64_t part = network_.random().below(size + 1);
  served.answer->cut = true;
  // In HTTP/1 the announced bytes are the whole.
  served.answer->may_be_whole = part == size && served.answer->framing == Framing::length;
  send_answer(stream, served, part, size, size);
}

void Http2Backend::send_answer(int32_t stream, const Served& served, uint64_t stop_at,
                               uint64_t announced, uint64_t size) {
  const Answer& answer = *served.answer;
  const std::string number = std::to_string(answer.number);
  for (int i = 0; i < answer.interims; ++i)
    session_.send_interim(stream, {{":status", "103"}, {"x-answer", number}});
  Http2Fields fields{{":status", std::to_string(answer.status)}, {"x-answer", number}};
  const bool lies = announced != size;
  if ((answer.framing == Framing::length || lies) && answer.status != 204 && answer.status != 101)
    fields.emplace_back("content-length",
                        std::to_string(answer.has_body() ? announced : answer.body));
  if (network_.chance(200)) fields.emplace_back("x-same", "the same in many responses");
  Http2Body body{Stream::answer_body, answer.number, answer.has_body() ? size : 0};
  body.trailer = answer.sends_trailers() ? answer.number : 0;
  body.stop_at = stop_at;
  const bool empty = body.size == 0 && body.trailer == 0 && stop_at != 0;
  body.headless_end = empty && (!answer.has_body() || network_.chance(500));
  session_.send_response(stream, fields, body);
}

// The part that is sent before the fault has been sent.
void Http2Backend::act_on_fault(int32_t stream, const Served& served) {
  const Http2Body* const body = session_.body_of(stream);
  if (!is_by_stream(served.answer->fault) || body == nullptr || body->sent < body->stop_at ||
      !all_sent())
    return;
  if (served.answer->fault == Fault::stalls) return;
  const bool whole_connection = network_.chance(200);
  if (whole_connection && served.answer->fault == Fault::closes_in_body) return leave_now();
  if (whole_connection) return note_cut(), abort();
  session_.reset(stream, network_.chance(500) ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL);
}

void Http2Backend::begin_flood() {
  note_cut();
  flood_.emplace(script_.flood, network_.random());
  flood_began_ = now();
}

// The GOAWAY or the RST_STREAM will say so.
void Http2Backend::refuse(Served& served) {
  --served.request->heads_at_backends;
  if (served.whole) --served.request->whole_at_backends;
  ++served.request->refusals;
  served.answer->fault = Fault::refuses;
  served.answer->over_at = std::min(served.answer->over_at, now());
}

// The connection ends on this side.
void Http2Backend::note_cut() {
  for (Answer* answer : undelivered_) answer->frail = true;
  for (auto& [stream, served] : served_) {
    if (sent() >= served.ends_at || served.answer->fault == Fault::refuses) continue;
    // What libnghttp2 has taken may be on its way, the end included.
    served.answer->cut = served.answer->frail = served.answer->may_be_whole = true;
    served.answer->over_at = std::min(served.answer->over_at, now());
  }
}

void Http2Backend::leave_now() {
  note_cut();
  leave();
}

void Http2Backend::on_closed(int32_t stream, uint32_t error) {
  Served* const served = find(stream);
  if (served == nullptr) return;
  ledger_.trace("backend, stream {} closed: {}", stream, nghttp2_http2_strerror(error));
  served->answer->over_at = std::min(served->answer->over_at, now());
  served->closed = true;
}

void Http2Backend::on_fault(const std::string& what) {
  faulty_ = true;
  if (script_.strict) ledger_.fail("a backend got what is not HTTP/2: {}", what);
}

void Http2Backend::on_end(End) {
  for (auto& [stream, served] : served_)
    served.answer->over_at = std::min(served.answer->over_at, now());
}

void Http2Backend::on_own_end() {
  note_cut();
}

std::string Http2Backend::state() const {
  return fmt::format("an HTTP/2 backend with {} streams after {} requests, sent {} of {}, end {}{}",
                     served_.size(), begun_, sent(), queued(), static_cast<int>(end_),
                     leaving_ ? ", GOAWAY" : "");
}

}  // namespace weir::sim
