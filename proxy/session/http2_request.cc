#include "session/http2_request.h"

#include <new>

#include "exchange/own_head.h"
#include "http/h2_relay.h"
#include "session/http_session.h"

namespace weir {
namespace {

bool is_by_time(std::optional<EndReason> reason) {
  return reason == EndReason::request_timeout || reason == EndReason::response_timeout ||
         reason == EndReason::client_idle_timeout || reason == EndReason::request_body_timeout;
}

}  // namespace

// PageBlocks lends whole pages of 4 KiB.
static_assert(sizeof(Http2Request) <= 2 * 4096);

void Http2Request::open(Http2Client& client) {
  client_ = &client;
  fault_ = {};
  head_size_ = 0;
  begun_ = reset_by_peer_ = reset_by_weir_ = false;
  attach(client.link());
}

void Http2Request::on_head_read(size_t bytes, Fault fault) {
  head_size_ = bytes;
  fault_ = fault;
}

void Http2Request::begin() {
  begun_ = true;
  connection_ = client_->session().connection();
  connection_.channel = static_cast<Stream&>(*this);
  exchange_.begin(*this);
}

ClientConfiguration Http2Request::configuration() const {
  return client_->session().configuration();
}

SessionId Http2Request::session_id() const {
  return client_->session().id();
}

bool Http2Request::on_head() {
  return client_->session().on_head();
}

// It was read before the exchange began.
HeadRead Http2Request::read_head(HeadBuffer&, RequestHead&) {
  const auto bytes = static_cast<uint32_t>(head_size_);
  return {fault_ ? HeadRead::Status::malformed : HeadRead::Status::complete, bytes, bytes};
}

HeadText Http2Request::write_head(const ResponseHead& head, ResponsePlan& plan, bool&) {
  plan.body = relayed_body(head, HttpVersion::http_2);
  plan.client = HttpVersion::http_2;
  return written_response(head, plan);
}

HeadText Http2Request::write_interim_head(const ResponseHead& head, const ResponsePlan& plan) {
  return written_response(head, plan);
}

// RFC 8441 5: a 101 of HTTP/1 is a 200 here.
HeadText Http2Request::write_tunnel_head(const ResponseHead& head, const ResponsePlan& plan) {
  ResponsePlan opening = plan;
  opening.protocol = exchange_.incoming().head().protocol();
  return written_response(head, opening);
}

HeadText Http2Request::written_response(const ResponseHead& head, const ResponsePlan& plan) {
  HpackWriter block(http_.head_scratch());
  client_->begin_block(block);
  write_h2_response(block, head, plan);
  return sent(block);
}

HeadText Http2Request::write_own_head(const OwnHead& head, bool) {
  HpackWriter block(http_.head_scratch());
  client_->begin_block(block);
  weir::write_own_head(block, head);
  return sent(block);
}

// The head is in the output: nothing is left to be sent in front of the body.
HeadText Http2Request::sent(const HpackWriter& block) {
  if (!block.ok()) return {.ok = false};
  send_fields(block.block(), false);
  return {};
}

void Http2Request::on_exchange_over(AfterExchange after, std::optional<EndReason> failure) {
  finish(after, failure);
  client_->on_request_over(*this);
}

// RFC 9113 8.1: a whole response ends with END_STREAM, and RST_STREAM(NO_ERROR) tells a client that
// still sends that the rest of its request is not needed. A part of a response never gets
// END_STREAM.
void Http2Request::finish(AfterExchange after, std::optional<EndReason> failure) {
  if (!attached()) return;
  const bool whole = after == AfterExchange::keep || after == AfterExchange::linger;
  if (whole && !ended()) end({});
  if (!attached()) return;
  if (ended()) return reset(H2Error::no_error);
  const bool cancelled = is_by_time(failure) || (failure && is_by_drain(*failure));
  reset(after == AfterExchange::refused ? H2Error::refused_stream
        : cancelled                     ? H2Error::cancel
                                        : H2Error::internal_error);
  reset_by_weir_ = true;
}

StreamEnd Http2Request::ended_how() const {
  if (reset_by_peer_) return StreamEnd::reset_by_client;
  if (reset_by_weir_) return StreamEnd::reset_by_weir;
  return ended() ? StreamEnd::complete : StreamEnd::connection;
}

Http2Requests::Http2Requests(HttpResources& http)
    : Spares(http.pipes().loop), http_(http), memory_(sizeof(Http2Request)) {}

Http2Requests::~Http2Requests() {
  for (Http2Request* request : free_) request->~Http2Request();
}

Http2Request& Http2Requests::lend() {
  note_lent();
  if (free_.empty()) return *new (memory_.take()) Http2Request(http_);
  Http2Request* request = free_.back();
  free_.pop_back();
  return *request;
}

void Http2Requests::take_back(Http2Request& request) {
  // Its own frames may still be on the stack: it is kept, and freed between two turns at the
  // earliest.
  free_.push_back(&request);
  note_taken_back();
}

size_t Http2Requests::keep_spares(size_t most) {
  for (; free_.size() > most; free_.pop_back()) {
    free_.back()->~Http2Request();
    memory_.give_back(free_.back());
  }
  memory_.trim(0);
  return free_.size();
}

}  // namespace weir
