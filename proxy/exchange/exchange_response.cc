// The response: reading its head, passing it on with its body, and the end.
#include <algorithm>

#include "base/log.h"
#include "exchange/exchange.h"
#include "exchange/sticky.h"
#include "http/grpc.h"

namespace weir {

// The request may still be going out: a backend may answer before it has read all of it.
Exchange::Step Exchange::await_response() {
  switch (up_.state()) {
    case BodyRelay::State::idle:
    case BodyRelay::State::open: break;
    case BodyRelay::State::done:
      watch_client();
      attempt_->channel().set_writer(&backend_events_);
      break;
    case BodyRelay::State::source_failed: return client_failed();
    case BodyRelay::State::truncated:
      return over_when_delivered(AfterExchange::close, EndReason::client_closed);
    case BodyRelay::State::malformed:
      return reply(up_.decoder().fault().status, up_.decoder().fault().reason,
                   EndReason::bad_request);
    // The backend takes no more bytes, but may have sent a response.
    case BodyRelay::State::sink_failed: watch_client(); break;
  }
  return read_response();
}

Exchange::Step Exchange::read_response() {
  // Most often nothing has come when the request has just been sent.
  if (out_.empty() && !attempt_->channel().readable()) return Step::wait;
  const HeadRead read = attempt_->side().read_head(out_, out_.to_fill());
  if (read.bytes > 0 && response_.first_byte_at == TimePoint{})
    response_.first_byte_at = http_.pipes().loop.now();
  response_.heads_received += read.bytes;
  switch (read.status) {
    case HeadRead::Status::complete: return take_response(read.size);
    case HeadRead::Status::again: return Step::next;
    case HeadRead::Status::incomplete: return Step::wait;
    case HeadRead::Status::malformed: return backend_at_fault(attempt_->side().fault().reason);
    case HeadRead::Status::ended: return backend_gone(EndReason::backend_closed);
    case HeadRead::Status::failed: return backend_gone(EndReason::backend_reset);
    case HeadRead::Status::http2: break;
  }
  CHECK_UNREACHABLE();
}

// The response is not HTTP, or cannot be relayed; nothing of it is sent to the client.
Exchange::Step Exchange::backend_at_fault(const char* reason) {
  LOG(warn, "backend.malformed_response", kv("session", text(client_side_->session_id())),
      kv("cluster", search_.cluster().spec().name), kv("backend", host()->backend->name()),
      kv("reason", reason));
  attempt_->on_over(/*failed=*/true, http_.pipes().loop.now());
  Failure failure(EndReason::backend_error);
  if (attempt_->failed_trial()) failure.retry = RetryCause::reset_before_response;
  return attempt_failed(failure, 502, "the backend's response cannot be relayed");
}

Exchange::Step Exchange::take_response(size_t head_size) {
  response_.head_size = head_size;
  const ResponseHead& head = out_.head();
  if (!head.interim()) attempt_->on_response(head.status(), http_.pipes().loop.now());
  if (head.status() == 101 || head.opens_tunnel()) return open_tunnel(head);
  if (head.interim()) return relay_interim(head);
  // To the client of an extended CONNECT any 2xx says that the tunnel is open.
  if (!request().protocol().empty() && head.status() < 300)
    return backend_at_fault("answers 2xx and does not switch protocols");
  const bool again = request_.route->retry.on_status(head.status()) ||
                     (attempt_->failed_trial() && is_repeatable(retry_facts()));
  if (again && try_again(RetryCause::status)) return Step::next;
  return send_response(head);
}

// 100, 102, 103: relayed in order to clients that know them. Their number is not bounded: their
// bytes are, and the time for the answer goes on to count.
Exchange::Step Exchange::relay_interim(const ResponseHead& head) {
  response_.interim_bytes += response_.head_size;
  if (response_.interim_bytes > kMaxInterim)
    return backend_at_fault("more than 1 MiB of interim responses");
  // The time limits of the body begin.
  if (head.status() == 100 && std::exchange(upload_.awaits_continue, false)) {
    upload_.since = http_.pipes().loop.now();
    upload_.rate.restart_window(upload_.since);
  }
  // A stream takes heads also while its client receives nothing: then interim ones are left out.
  const bool left_out = client().delimits() && client().unacknowledged() > kMostUnsentInterim;
  const HeadText text =
      left_out ? HeadText{} : client_side_->write_interim_head(head, response_plan());
  if (!text.ok) return backend_at_fault("an interim response is too large to be relayed");
  if (!text.bytes.empty()) {
    answer_.append(text.bytes.view());
    books_.wrote_head(text.bytes.size);
    const Io io = client().write(answer_.view());
    if (io.status == Io::Status::failed) return client_failed();
    response_.sent += io.bytes;
    answer_.drop_front(io.bytes);  // what is left goes before the next head
  }
  out_.drop_front(response_.head_size);
  attempt_->side().next_head();
  again_ = true;  // counts against the budget of a turn, which a backend may use up with these
  return Step::wait;
}

Exchange::Step Exchange::send_response(const ResponseHead& head) {
  if (up_.state() != BodyRelay::State::done || client_side_->last_request())
    response_.keep_client = false;
  ResponsePlan plan = response_plan(/*is_final=*/true);
  plan.date = http_.date();
  plan.upgrade = head.status() == 426;
  const HeadText written = client_side_->write_head(head, plan, response_.keep_client);
  if (!written.ok) return backend_at_fault("its header fields do not go together or are too many");
  BytesWithRoom text = written.bytes;
  if (!answer_.empty()) {
    answer_.append(text.view());
    answer_.reserve(kChunkHeadSize);
    text = {answer_.data(), answer_.size(), kChunkHeadSize};
  }
  books_.wrote_head(text.size);
  response_.status = head.status();
  expect_response_body(head);
  response_.begun = true;
  up_.kept().forget();
  search_.end_retrying(RetryResult::ok);
  const Channel backend = attempt_->channel();
  const BytesWithRoom known =
      backend.delimits() ? BytesWithRoom{} : out_.bytes_from(response_.head_size);
  const size_t used = down_.begin(backend, client(), plan.body.framing, text, known);
  answer_.clear();
  response_.extra_bytes = used < known.size;
  enter(Stage::relay);
  return Step::next;
}

// The rules for the fields of every response: interim, final, or a switch of protocols.
ResponsePlan Exchange::response_plan(bool is_final) {
  const FieldEdits& edits = request_.route->response_fields;
  ResponsePlan plan;
  plan.fields = {edits.set, edits.add, edits.remove, {}};
  plan.via = request_.listener->http->via;
  plan.server = request_.listener->http->server_text;
  if (is_final && search_.cluster().spec().sticky)
    plan.cookie = new_sticky(
        {search_.cluster(), request(), http_.pipes().loop.now(), http_.unix_time()},
        {attempt_->backend(), search_.failed_backends(), request_.client.scheme == "https"},
        http_.text_scratch());
  return plan;
}

// Trailers that are too large are left out: the response is complete without them.
void Exchange::expect_response_body(const ResponseHead& head) {
  down_.expect(head, kUnlimitedBody, attempt_->channel());
  if (!may_have_trailers(head, attempt_->channel(), client())) return;
  down_.expect_trailers(FieldFilter(head, response_plan().fields), max_head_size(),
                        H1BodyDecoder::Excess::leave_out);
}

Exchange::Step Exchange::relay() {
  if (up_.state() == BodyRelay::State::source_failed) return client_failed();
  if (!up_.running()) watch_client();
  const auto cut = [this](EndReason reason) {
    attempt_->on_over(/*failed=*/true, http_.pipes().loop.now());
    return over_when_delivered(after_cut(), reason);
  };
  switch (down_.state()) {
    case BodyRelay::State::idle:
    case BodyRelay::State::open: break;
    case BodyRelay::State::done: return finish();
    case BodyRelay::State::truncated: return cut(EndReason::backend_closed);
    case BodyRelay::State::malformed: return cut(EndReason::backend_error);
    case BodyRelay::State::source_failed: return cut(EndReason::backend_reset);
    case BodyRelay::State::sink_failed: return client_failed();
  }
  if (up_.state() == BodyRelay::State::malformed)
    return cut_upload(EndReason::bad_request, up_.decoder().fault());
  if (up_.state() != BodyRelay::State::truncated) return Step::wait;
  request_.client_gone = true;
  return cut_upload(EndReason::client_closed, {});
}

// A request that will never be complete must neither keep its backend waiting nor look complete.
// The part of the response that has been relayed is delivered, and a response that has been
// received whole.
Exchange::Step Exchange::cut_upload(EndReason reason, Fault fault) {
  if (down_.received_whole()) return attempt_->channel().abort(), Step::wait;
  if (fault) books_.refused(fault.reason);
  upload_.fault_status = fault.status;
  if (end_grpc(fault.status, reason)) return Step::wait;
  const AfterExchange after = after_cut();
  stop_relays();
  attempt_->drop();
  return over_when_delivered(after, reason);
}

// The response was sent. Both connections are kept if the whole request was sent, too, and neither
// side has closed or announced a close.
Exchange::Step Exchange::finish() {
  const bool request_over = up_.state() == BodyRelay::State::done;
  const bool goes_on = request_over && response_.keep_client;
  attempt_->on_over(request_.grpc.call && is_server_failure(grpc_status()),
                    http_.pipes().loop.now());
  const bool complete = !down_.decoder().trailers_left_out();
  if (!complete)
    LOG(warn, "backend.trailers_too_large", kv("session", text(client_side_->session_id())),
        kv("cluster", search_.cluster().spec().name), kv("backend", host()->backend->name()),
        kv("limit", max_head_size()));
  if (request_over && complete && !response_.extra_bytes && down_.leftover().empty())
    attempt_->give_back(goes_on ? connection_.private_connections : nullptr);
  return answered(goes_on, std::nullopt);
}

// The whole response was sent; `failure`: why it was an error. `keep` is of connections; a stream
// is over when the client has ended it, too.
Exchange::Step Exchange::answered(bool keep, std::optional<EndReason> failure) {
  if (client().delimits()) keep = client().ended_by_peer();
  if (keep) return over(AfterExchange::keep, failure);
  if (client().delimits() || !client_has_finished()) return over(AfterExchange::linger, failure);
  return over(AfterExchange::close, failure.value_or(EndReason::last_request));
}

// The client announced its last request, and sent no byte after it: no data can cross our FIN and
// turn it into a reset, so weir need not linger (RFC 9112 9.6). Not with TLS: the client's
// close_notify may cross the FIN, and ours may have to wait for room.
bool Exchange::client_has_finished() {
  if (connection_.tls != nullptr || !understood() || request().keep_alive()) return false;
  const std::optional<size_t> body =
      up_.state() == BodyRelay::State::done ? request_.body_known : whole_body();
  return body && up_.leftover().empty() && in_.view().size() == request_.head_size + *body &&
         !client().readable();
}

// The end of every exchange. The last call tells the client side, which may begin the
// next request at once.
Exchange::Step Exchange::over(AfterExchange after, std::optional<EndReason> failure) {
  search_.end_retrying(RetryResult::failed);
  settle();
  if (after == AfterExchange::http2)
    request_.leftover = in_.view();
  else
    record(failure);
  if (after == AfterExchange::keep && !client().delimits()) {
    const std::string_view next = up_.leftover();
    if (!next.empty())
      in_.assign(next);
    else
      in_.drop_front(std::min(in_.view().size(), request_.head_size + request_.body_known));
    request_.leftover = in_.view();
  }
  // Both sides of a tunnel end in the same way.
  if (after == AfterExchange::abort && tunnel_ && attempt_->has_connection())
    attempt_->channel().abort();
  enter(Stage::over);
  Deadline::cancel();
  client_side_->on_exchange_over(after, failure);
  return Step::wait;
}

Exchange::Step Exchange::client_failed() {
  const EndReason reason = client().was_reset() ? EndReason::client_reset : EndReason::error;
  // The backend has the whole request or nothing of it: no bytes are left to deliver.
  const BodyRelay::State sent = up_.state();
  if ((sent == BodyRelay::State::done || sent == BodyRelay::State::idle) && !tunnel_)
    return over(AfterExchange::abort, reason);
  // A stream that is reset was cancelled: what came before is of no use, and half an upload
  // must not look like a whole one.
  if (client().delimits() && !tunnel_) {
    if (attempt_->has_connection()) attempt_->channel().abort();
    return over(AfterExchange::abort, reason);
  }
  return over_when_delivered(AfterExchange::abort, reason);
}

}  // namespace weir
