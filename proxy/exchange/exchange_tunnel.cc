// After a 101 that the client has asked for, or a 2xx to CONNECT: bytes in both directions.
#include "exchange/exchange.h"
#include "exchange/tunnel_offer.h"

namespace weir {

Exchange::Step Exchange::open_tunnel(const ResponseHead& head) {
  if (!opens_tunnel(request(), head, *request_.route))
    return backend_at_fault("switches to a protocol that it was not offered");
  if (up_.state() != BodyRelay::State::done)
    return backend_at_fault("switches protocols before it has the whole request");
  ResponsePlan plan = response_plan(/*is_final=*/true);
  // To a client of HTTP/1 the 2xx to an extended CONNECT is a 101 (RFC 8441 5).
  if (!client().delimits() && attempt_->channel().delimits())
    plan.protocol = tunnel_protocol(request(), *request_.route);
  plan.upgrade = plan.protocol.empty();
  const HeadText text = client_side_->write_tunnel_head(head, plan);
  if (!text.ok) return backend_at_fault("its header fields do not go together or are too many");
  books_.wrote_head(text.bytes.size);
  // Bytes that came after the two heads go first.
  answer_.append(text.bytes.view()).append(out_.view().substr(response_.head_size));
  const size_t after_request = request_.head_size + request_.body_known;
  std::string_view early =
      up_.leftover().empty() ? in_.view().substr(after_request) : up_.leftover();
  if (client().delimits()) early = {};
  if (early.size() > kBlockSize) return backend_at_fault("switches protocols too late");
  if (!answer_.empty()) {  // a stream has its head already
    const Io io = client().write(answer_.view());
    if (io.status == Io::Status::failed) return client_failed();
    response_.sent += io.bytes;
    answer_.drop_front(io.bytes);
  }
  if (answer_.size() > kBlockSize) return over(AfterExchange::abort, EndReason::error);
  // HTTP/2 has no 101 (RFC 8441 5).
  response_.status = head.status() == 101 && client().delimits() ? 200 : head.status();
  response_.begun = true;
  search_.end_retrying(RetryResult::ok);
  settle();
  response_.heads_received = 0;
  attempt_->on_over(/*failed=*/false, http_.pipes().loop.now());  // its head is the response
  attempt_->restart_counts();
  tunnel_.emplace(http_.pipes(), client(), attempt_->channel(), static_cast<PipeObserver&>(*this));
  tunnel_->request.preload(early);
  tunnel_->response.preload(answer_.view());
  request_.received += up_.received() - early.size();  // the tunnel counts them
  up_.stop();
  in_.shrink(request_.head_size);
  out_.clear();
  answer_.clear();
  tunnel_->start();
  enter(Stage::tunnel);
  tunnel_->request.pump();
  tunnel_->response.pump();
  if (tunnel_->request.state() != HalfPipe::State::open ||
      tunnel_->response.state() != HalfPipe::State::open)
    on_pipe();
  return Step::wait;
}

void Exchange::on_pipe() {
  if (stage_ == Stage::delivering) return advance();
  const HalfPipe &request = tunnel_->request, &response = tunnel_->response;
  if (tunnel_->goes_on_delivering()) return;
  if (request.state() == HalfPipe::State::sink_failed ||
      response.state() == HalfPipe::State::source_failed)
    return (void)over_when_delivered(AfterExchange::abort, EndReason::backend_reset);
  if (request.failed() || response.failed()) return (void)client_failed();
  if (!tunnel_->ended()) return arm();
  over(AfterExchange::close, std::nullopt);
}

// In order when no bytes are on their way, else with a reset: a part must not look complete. The
// sides close connections, and streams are ended here.
void Exchange::end_tunnel(EndReason reason) {
  const bool cut_short = is_by_drain(reason) && tunnel_->awaits_answer();
  const bool quiet = !tunnel_->blocked() && !tunnel_->half_closed() && !cut_short &&
                     http_.pipes().loop.now() - tunnel_->last_moved() >= Pipe::kSilence;
  if (quiet) {
    for (const Channel side : {client(), attempt_->channel()})
      if (side.delimits()) side.end({});
  }
  over(quiet ? AfterExchange::linger : AfterExchange::abort, reason);
}

}  // namespace weir
