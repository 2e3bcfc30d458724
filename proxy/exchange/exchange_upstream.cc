// The way of a request to a backend: choosing one, connecting, sending.
#include <algorithm>

#include "base/hash.h"
#include "exchange/exchange.h"
#include "exchange/hash_value.h"
#include "exchange/http2_backend.h"
#include "exchange/sticky.h"
#include "exchange/tunnel_offer.h"
#include "upstream/connecting.h"

namespace weir {

Exchange::Step Exchange::acquire() {
  if (client_has_left()) return cancel();
  DCHECK(!attempt_);  // it may use the cluster of a snapshot that renew() drops
  search_.renew(*connection_.current, request_.snapshot);
  BackendSearch::Choice choice;
  const RetryFacts facts = retry_facts();
  const TimePoint now = http_.pipes().loop.now();
  const Cluster& cluster = search_.cluster();
  BackendSearch::Query query{now, balance_hash(), trust(facts), *connection_.private_connections,
                             cluster.spec().outlier_detection && may_be_trial(facts)};
  if (cluster.spec().sticky)
    query.preferred =
        sticky_backend({cluster, request(), now, http_.unix_time()}, may_be_trial(facts));
  switch (search_.find(query, choice)) {
    case BackendSearch::Result::found: return use(std::move(choice));
    case BackendSearch::Result::full: return wait_for_room(query);
    case BackendSearch::Result::none: return no_backend();
  }
  CHECK_UNREACHABLE();
}

Exchange::Step Exchange::use(BackendSearch::Choice choice) {
  search_.leave_queue();
  const TimePoint now = http_.pipes().loop.now();
  books_.left_queue(now);
  const bool kept = choice.claim.lease != nullptr && choice.claim.lease->transport.is_open();
  const bool shared = choice.claim.shared != nullptr;
  if (shared) choice.claim.extended = !tunnel_protocol(request(), *request_.route).empty();
  BackendSide& side = shared ? *sides_.stream : sides_.whole;
  attempt_.emplace(side, search_.cluster(), choice.backend, std::move(choice.claim), now);
  if (kept) {
    enter(Stage::send_request);
    return Step::next;
  }
  attempt_->channel().set_reader(&backend_events_);
  attempt_->channel().set_writer(&backend_events_);
  enter(Stage::connect);
  return Step::next;
}

Exchange::Step Exchange::wait_for_room(const BackendSearch::Query& query) {
  const config::Timeout& timeout = queue_timeout(search_.cluster().spec(), *request_.route);
  switch (search_.wait(query, timeout)) {
    case BackendSearch::Wait::entered:
      books_.queued(query.now);
      enter(Stage::queued);
      // A place that was given back after the last look for one, and before this request was
      // counted among those that wait, has woken no waiter. It may be called at once.
      search_.cluster().look_once_more(search_.wanted(query));
      return Step::wait;
    case BackendSearch::Wait::queue_full:
      return reply(503, "too many requests wait for a backend", EndReason::queue_full);
    case BackendSearch::Wait::timed_out:
      expired_ = {.timeout = &timeout, .of_cluster = true};
      return reply(503, "given up", EndReason::queue_timeout);
  }
  CHECK_UNREACHABLE();
}

// Where all backends have failed this request, it tries them again after a pause.
Exchange::Step Exchange::no_backend() {
  search_.leave_queue();
  if (search_.forget_failed()) {
    const Duration most = request_.route->retry.pause(search_.retries());
    const auto bound = static_cast<uint64_t>(std::max<int64_t>(most.count(), 1));
    request_.pause_until = http_.pipes().loop.now() + Duration(http_.random().below(bound));
    enter(Stage::pause);
    return Step::wait;
  }
  search_.cluster().cells().no_backend.add();
  return reply(503, "there is no backend to try", EndReason::no_backend);
}

void Exchange::on_room() {
  DCHECK(stage_ == Stage::queued);  // a request that was answered has left the queue
  search_.on_room();
  enter(Stage::acquire);
  http_.pipes().loop.yield(*this);
}

// What the cluster hashes by; of the client, the one that trusted proxies name.
uint64_t Exchange::balance_hash() {
  const std::string_view value = hash_value(search_.cluster().spec().hash_by, request(),
                                            matched_.host.view(), matched_.path.view());
  if (!value.empty()) return hash_bytes(value, kSourceSeed);
  if (request_.client.is_named()) return request_.client.address->host_hash(kSourceSeed);
  return connection_.address->host_hash(kSourceSeed);
}

Exchange::Step Exchange::connect() {
  switch (attempt_->side().connect()) {
    case Transport::Connecting::pending: return Step::wait;
    case Transport::Connecting::failed: {
      std::optional<Lease> other = attempt_->side().elsewhere();
      return other ? use_other(std::move(*other)) : connect_failed();
    }
    case Transport::Connecting::done: break;
  }
  attempt_->on_connected(http_.pipes().loop.now());
  enter(Stage::send_request);
  return Step::next;
}

// What it has waited for is not for it: nothing was tried.
Exchange::Step Exchange::use_other(Lease lease) {
  BackendSearch::Choice choice;
  choice.backend = attempt_->backend();
  choice.claim.lease = std::move(lease);
  choice.claim.reservation = attempt_->withdraw();
  attempt_.reset();
  if (choice.claim.lease != nullptr) return use(std::move(choice));
  enter(Stage::acquire);
  return Step::next;
}

// Also when the time limit was reached: expired_ is set then.
Exchange::Step Exchange::connect_failed() {
  search_.count_try();
  const bool timeout = expired_.timeout != nullptr;
  attempt_->side().record_connect_failure(timeout, http_.pipes().loop.now());
  attempt_->on_no_connection(http_.pipes().loop.now());
  const RetryCause cause = RetryCause::connect_failure;
  return timeout ? attempt_failed({EndReason::connect_timeout, cause}, 504,
                                  "no backend answered in time")
                 : attempt_failed({EndReason::connect_failed, cause}, 502,
                                  "no backend could be connected to");
}

Exchange::Step Exchange::send_request() {
  if (client_is_gone()) return cancel();
  search_.count_try();
  const RequestHead& head = request();
  const Channel backend = attempt_->channel();
  const bool tunnel =
      (client().delimits() || backend.delimits()) && offers_tunnel(head, *request_.route);
  const HeadText text = attempt_->side().write_head(
      {head, request_.client, *request_.listener, *request_.route, connection_.tls,
       *attempt_->host().backend, matched_.host.view(), matched_.path.view(), request_id(),
       tunnel ? BodyPlan{} : relayed_body(head), sticky_name(search_.cluster().spec())},
      http_);
  if (!text.ok)
    return reply(431, "the header fields are too large to be forwarded", EndReason::bad_request);
  const TimePoint now = http_.pipes().loop.now();
  attempt_->on_sent(now);
  const size_t head_size = request_.head_size;
  upload_ = {.since = now,
             .awaits_continue = head.expects_continue() && in_.view().size() == head_size};
  upload_.rate.start(now);
  if (tunnel)
    up_.expect_tunnel();
  else
    expect_request_body(backend);
  BytesWithRoom known = in_.bytes_from(head_size);
  if (head.framing() == BodyFraming::none || client().delimits()) known = {};
  if (head.framing() == BodyFraming::length) known = known.first(request_.body_known);
  request_.body_known =
      up_.begin(client(), backend, tunnel ? BodyFraming::none : head.framing(), text.bytes, known);
  backend.set_reader(&backend_events_);
  enter(Stage::await_response);
  return Step::next;
}

// Trailers obey the rules for the head: a peer that is not trusted must not claim a client's
// address in them either.
void Exchange::expect_request_body(Channel backend) {
  const uint64_t limit = request_.listener->http->limits.max_body_size;
  up_.expect(request(), limit != 0 ? limit : kUnlimitedBody, client());
  if (!may_have_trailers(request(), client(), backend)) return;
  const FieldEdits& edits = request_.route->request_fields;
  FieldFilter filter(request(), {edits.set, edits.add, edits.remove, {}});
  if (!request_.client.trusted) filter.drop_untrusted();
  up_.expect_trailers(filter, max_head_size(), H1BodyDecoder::Excess::fault);
}

// That of the client, where a trusted proxy has sent one; else a new one.
std::string_view Exchange::request_id() {
  if (request_.id.empty()) {
    Hop hop;
    hop.trusted = request_.client.trusted;
    request_.id = weir::request_id(request(), hop, http_.random().next(), request_.id_memory);
  }
  return request_.id;
}

}  // namespace weir
