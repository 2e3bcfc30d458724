// After an attempt has failed: another attempt where that is safe, or an answer.
#include "base/log.h"
#include "exchange/exchange.h"

namespace weir {
namespace {

// All of the body was read with the head. Chunks were not looked at.
bool has_whole_body(const ResponseHead& head, size_t read) {
  return head.framing() == BodyFraming::none ||
         (head.framing() == BodyFraming::length && read >= head.content_length());
}

}  // namespace

RetryFacts Exchange::retry_facts() {
  const RequestHead& head = request();
  const bool whole_length =
      head.framing() != BodyFraming::length || request_.body_known >= head.content_length();
  return {.policy = request_.route->retry,
          .method = head.method(),
          .framing = head.framing(),
          .whole_body_known = client().delimits() ? up_.kept().is_whole() : whole_length,
          .response_begun = response_.begun || response_.interim_bytes > 0,
          .connection_is_private = attempt_ && attempt_->side().is_private(),
          .tries = search_.tries(),
          .retries = search_.retries(),
          .from_stream = client().delimits(),
          .failed_trial = attempt_ && attempt_->failed_trial()};
}

// True: the next attempt has been arranged. Nothing of the failed attempt is left.
bool Exchange::try_again(RetryCause cause, const EarlyEnd& early) {
  RetryFacts facts = retry_facts();
  facts.new_connection = early.new_connection;
  facts.needs_http1 = early.needs_http1;
  if (!search_.try_again(*attempt_, cause, facts, http_.pipes().loop.now())) return false;
  LOG(debug, "request.retried", kv("session", text(client_side_->session_id())),
      kv("cause", text(cause)), kv("backend", host()->backend->name()), kv("try", search_.tries()));
  request_.may_be_processed |= cause != RetryCause::connect_failure &&
                               cause != RetryCause::not_sent && cause != RetryCause::refused_stream;
  attempt_->end(cause);
  end_attempt();
  attempt_.reset();
  expired_ = {};
  watch_client();
  client().set_writer(&client_events_);
  enter(Stage::acquire);
  return true;
}

Exchange::Step Exchange::attempt_failed(Failure failure, unsigned status, const char* reason) {
  if (failure.retry && try_again(*failure.retry)) return Step::next;
  return reply(status, reason, failure);
}

// The backend has ended the connection before its response, or while sending its head.
Exchange::Step Exchange::backend_gone(EndReason reason) {
  Failure failure(reason);
  const bool begun = attempt_->side().response_started();
  if (const std::optional<EarlyEnd> early = attempt_->side().early_end())
    return stream_gone(failure, *early);
  if (!begun)
    failure.retry = up_.sent() == 0 && !attempt_->channel().delimits() ? RetryCause::not_sent
                    : attempt_->side().reused() ? RetryCause::reused_connection
                                                : RetryCause::reset_before_response;
  // A kept connection that ends before its response begins may just have been idle for too long.
  if (!attempt_->side().reused() || begun)
    attempt_->on_over(/*failed=*/true, http_.pipes().loop.now());
  return attempt_failed(failure, 502, "the backend closed the connection without an answer");
}

// A stream that was refused shows nothing about the health of the backend.
Exchange::Step Exchange::stream_gone(Failure failure, EarlyEnd early) {
  // Bytes of the body are gone: they must be here as they must after a refusal.
  if (early.cause == RetryCause::not_sent && up_.sent() > 0)
    early.cause = RetryCause::refused_stream;
  if (!early.cause || early.cause == RetryCause::reset_before_response)
    attempt_->on_over(/*failed=*/true, http_.pipes().loop.now());
  if (early.cause && try_again(*early.cause, early)) return Step::next;
  const bool unprocessed =
      !request_.may_be_processed &&
      (early.cause == RetryCause::refused_stream || early.cause == RetryCause::not_sent);
  // The client may send it again, whatever the method is (RFC 9113 8.7). Of a request that needs
  // HTTP/1 that would change nothing.
  if (client().delimits() && unprocessed && !early.needs_http1 && response_.interim_bytes == 0) {
    failure_ = failure;
    books_.refused("the backend did not process the stream");
    return over(AfterExchange::refused, failure.cause);
  }
  return reply(502, "the backend ended the stream without an answer", failure);
}

// Ends the connection, or the wait for a connection; the request goes on.
void Exchange::end_attempt() {
  search_.leave_queue();
  bool answered = tunnel_ || down_.state() == BodyRelay::State::done;
  // A response that is not relayed, because its status leads to another attempt.
  if (attempt_ && attempt_->answered() && !response_.begun)
    answered = has_whole_body(out_.head(), out_.view().size() - response_.head_size);
  if (attempt_) attempt_->end(failed_by());
  stop_relays();
  tunnel_.reset();
  out_.clear();
  if (attempt_) attempt_->drop(answered);
}

void Exchange::settle() {
  if (!attempt_) return;
  attempt_->settle(
      tunnel_ ? tunnel_->request.moved() : up_.sent(),
      response_.heads_received + (tunnel_ ? tunnel_->response.moved() : down_.received()));
}

}  // namespace weir
