// What weir answers itself.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "exchange/exchange.h"
#include "exchange/own_head.h"

namespace weir {
namespace {

constexpr std::string_view kRequestId = "$request_id";

std::string_view type_of(std::string_view body) {
  if (body.starts_with('<')) return "text/html; charset=utf-8";
  if (body.starts_with('{')) return "application/json";
  return "text/plain; charset=utf-8";
}

std::string with_request_id(std::string body, std::string_view id) {
  for (size_t at = 0; (at = body.find(kRequestId, at)) != std::string::npos; at += id.size())
    body.replace(at, kRequestId.size(), id);
  return body;
}

}  // namespace

// An error that weir answers: a short text that says nothing about backends.
Exchange::Step Exchange::reply(unsigned status, const char* reason,
                               std::optional<Failure> failure) {
  failure_ = failure;
  books_.refused(reason);
  if (response_.begun) return over(after_cut(), failed_by());
  LOG(debug, "request.answered", kv("session", text(client_side_->session_id())),
      kv("status", status), kv("reason", reason));
  if (request_.grpc.call) return reply_grpc(status);
  const std::string_view id = request_id();
  const std::string* configured = request_.listener->http->error_body(status);
  const std::string body =
      configured != nullptr ? with_request_id(*configured, id)
                            : fmt::format("{} {}\nrequest {}\n", status, reason_phrase(status), id);
  return send_answer(status, type_of(body), body, {});
}

// The size of the request's body, if nothing of the request is still to be read: the next request
// may follow on the connection.
std::optional<size_t> Exchange::whole_body() {
  if (!understood()) return std::nullopt;
  const RequestHead& head = request();
  const size_t read = in_.view().size() - request_.head_size;
  const size_t relayed = request_.body_known;
  // Bytes after the request that only the relay has are lost when it stops.
  if (up_.state() == BodyRelay::State::done)
    return up_.leftover().empty() || read > relayed ? std::optional(relayed) : std::nullopt;
  if (head.framing() == BodyFraming::none) return 0;
  if (head.framing() != BodyFraming::length || read < head.content_length()) return std::nullopt;
  return static_cast<size_t>(head.content_length());
}

// A whole response of weir's own, with what the route changes in responses.
Exchange::Step Exchange::send_answer(unsigned status, std::string_view type, std::string_view body,
                                     std::string_view location) {
  const FieldEdits* edits = request_.route != nullptr ? &request_.route->response_fields : nullptr;
  return send_own({*request_.listener->http, edits, status, http_.date(), location, type,
                   body.size(), request_.id},
                  body);
}

Exchange::Step Exchange::send_own(const OwnHead& head, std::string_view body) {
  const std::optional<size_t> body_size = whole_body();
  if (body_size) request_.body_known = *body_size;
  if (!body_size || client_side_->last_request()) response_.keep_client = false;
  end_attempt();
  const HeadText text = client_side_->write_own_head(head, response_.keep_client);
  if (!text.ok) return over(AfterExchange::abort, EndReason::error);
  response_.status = head.status;
  response_.begun = true;
  books_.wrote_head(text.bytes.size);
  answer_.append(text.bytes.view());  // after what is left of interim responses
  const bool has_body =
      !has_no_body(head.status) && !(understood() && request().method() == "HEAD");
  if (has_body) answer_.append(body);
  watch_client();
  client().set_writer(&client_events_);
  response_.answer_moved = http_.pipes().loop.now();
  enter(Stage::answer);
  return Step::next;
}

Exchange::Step Exchange::flush_answer() {
  while (!answer_.empty()) {
    if (!client().writable()) return Step::wait;
    const Io io = client().write(answer_.view());
    if (io.status == Io::Status::failed) return client_failed();
    if (io.bytes > 0) response_.answer_moved = http_.pipes().loop.now();
    response_.sent += io.bytes;
    answer_.drop_front(io.bytes);
  }
  if (client().delimits()) client().end({});
  return answered(response_.keep_client, failed_by());
}

void Exchange::give_up(unsigned status, EndReason reason) {
  if (stage_ == Stage::delivering) return (void)over(AfterExchange::abort, reason);
  if (tunnel_) return end_tunnel(reason);
  response_.keep_client = false;
  if (end_grpc(status, reason)) return;
  if (response_.begun)
    return (void)over(is_by_drain(reason) ? AfterExchange::abort : after_cut(), reason);
  if (reply(status, "given up", reason) == Step::next) advance();
}

uint64_t Exchange::received_bytes() const {
  return request_.received + up_.received() + (tunnel_ ? tunnel_->request.moved() : 0);
}

uint64_t Exchange::sent_bytes() const {
  return response_.sent + down_.sent() + (tunnel_ ? tunnel_->response.moved() : 0);
}

TimePoint Exchange::last_active() const {
  if (tunnel_) return tunnel_->last_moved();
  return std::max({request_.began, up_.last_moved(), down_.last_moved()});
}

WaitingFor Exchange::waiting_for() const {
  switch (stage_) {
    case Stage::queued:
    case Stage::pause:
    case Stage::connect: return WaitingFor::backend_connect;
    case Stage::relay: return down_.blocked() ? WaitingFor::client_read : WaitingFor::traffic;
    case Stage::answer: return answer_.empty() ? WaitingFor::traffic : WaitingFor::client_read;
    case Stage::delivering:
      return delivery_.last_bytes.for_client() ? WaitingFor::client_read : WaitingFor::backend_read;
    case Stage::idle:
    case Stage::read_head:
    case Stage::route:
    case Stage::acquire:
    case Stage::send_request:
    case Stage::await_response:
    case Stage::tunnel:
    case Stage::over: return WaitingFor::traffic;
  }
  CHECK_UNREACHABLE();
}

}  // namespace weir
