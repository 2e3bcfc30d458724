// Finding a backend for the request, and sending it there.
#include <algorithm>

#include "exchange/exchange.h"
#include "http/connection_auth.h"
#include "http/semantics.h"
#include "routing/decide.h"
#include "upstream/connecting.h"

namespace weir {
namespace {

constexpr std::string_view kUnixHost = "localhost";  // a path is no host

bool wants(config::Forwarded configured, config::Forwarded one) {
  return configured == one || configured == config::Forwarded::both;
}

// Of the certificate that the client has shown; how many they are.
size_t identity_fields(const TlsServer* server, const TlsStream* tls, std::string_view host,
                       std::span<FieldText> fields) {
  if (server == nullptr || tls == nullptr || !server->requests_client_certificates()) return 0;
  const config::ClientFields how = server->rules_for(host).forward;
  if (how == config::ClientFields::none) return 0;
  const ClientIdentity* identity = tls->client_identity();
  if (identity == nullptr) return 0;
  size_t n = 0;
  if (how != config::ClientFields::client_cert)
    fields[n++] = {FieldId::x_forwarded_client_cert, "X-Forwarded-Client-Cert", identity->xfcc};
  if (how != config::ClientFields::xfcc)
    fields[n++] = {FieldId::client_cert, "Client-Cert", identity->client_cert};
  return n;
}

}  // namespace

// Room may come with another configuration, and so may backends: a request that waits, or is sent
// again, goes by the cluster as it is now. Its route stays.
void Exchange::renew_cluster() {
  const SnapshotRef& current = *connection_.current;
  if ((renewed_ ? renewed_ : snapshot_) == current || !current) return;
  Cluster* const next = current->same_cluster(cluster_->spec());
  if (next == nullptr || next == cluster_ || &next->queue() != &cluster_->queue())
    return;  // it is gone
  next->take_over(*cluster_, retrying_);
  cluster_ = next;
  tried_count_ = 0;  // places of other backends
  next_ = kNoBackend;
  renewed_ = current;
}

// A kept connection, or a new one to a backend that has room.
Exchange::Step Exchange::acquire() {
  renew_cluster();
  // No kept connection is taken for a client that has gone: it would be closed without a request.
  const bool kept = !fresh_ && !connection_.private_connections->empty();
  if (kept && client_has_left()) return cancel();
  if (take_private()) return use_place();
  if (!called_ && cluster_->queue().awaited()) return no_place(true);  // the queue keeps its order
  bool full = find_place();
  // Private connections to full backends may be closed for it.
  if (!client_gone_ && place_ == kNoBackend && full && cluster_->queue().has_private())
    full = find_place(/*reclaim=*/true);
  // One that has failed this request is better than more waiting.
  if (!client_gone_ && place_ == kNoBackend && full && called_ &&
      std::exchange(tried_count_, 0) > 0)
    full = find_place();
  if (client_gone_) return cancel();
  return place_ != kNoBackend ? use_place() : no_place(full);
}

// The client has logged in on it: whatever the balancer says, and without waiting.
bool Exchange::take_private() {
  PrivateConnections& own = *connection_.private_connections;
  if (own.empty() || fresh_) return false;
  lease_ = own.take(*cluster_, trust(retry_facts()), place_);
  if (lease_ == nullptr) place_ = kNoBackend;
  try_began_ = http_.pipes().loop.now();
  return lease_ != nullptr;
}

// Sets place_, and lease_ where a connection was kept, or client_gone_ where one would have been
// taken. Without a place: whether it is only that backends are full. Those that are held off or
// ejected are not tried as long as others are full: there is something to wait for.
bool Exchange::find_place(bool reclaim) {
  const TimePoint now = http_.pipes().loop.now();
  const uint64_t hash = client_hash();
  const Pool::Trust trusted = trust(retry_facts());
  std::array<BackendIndex, 2 * kMaxTries> passed;
  size_t passed_count = tried_count_;
  std::copy_n(tried_.begin(), tried_count_, passed.begin());
  bool full = false, awaits = false;
  for (bool first = true; passed_count <= passed.size(); first = false) {
    const std::span<const BackendIndex> over = std::span(passed).first(passed_count);
    place_ = first ? next_ : kNoBackend;
    if (place_ == kNoBackend)
      place_ = passed_count < passed.size()
                   ? cluster_->pick(now, hash, over)
                   : cluster_->find_room(now, std::span(tried_).first(tried_count_));
    if (place_ == kNoBackend) break;
    if (awaits && cluster_->is_avoided(place_, now)) break;
    Pool& pool = cluster_->pool(place_);
    try_began_ = now;
    if (fresh_) {
      pool.make_room();
    } else {
      client_gone_ = pool.idle() > 0 && client_has_left();
      if (client_gone_) break;
      lease_ = pool.take(trusted);
    }
    if (lease_ == nullptr && reclaim) pool.reclaim_private();
    if (lease_ != nullptr || !pool.full()) return false;
    full = true;
    awaits |= !cluster_->is_avoided(place_, now);
    if (passed_count == passed.size()) break;
    passed[passed_count++] = place_;
  }
  place_ = kNoBackend;
  return full;
}

Exchange::Step Exchange::use_place() {
  next_ = kNoBackend;
  leave_queue();
  cluster_->begin_use(place_);
  books_.tried(cluster_->cells_of(place_), http_.pipes().loop.now());
  if (lease_ != nullptr) {
    stage_ = Stage::send_request;
    return Step::next;
  }
  lease_ = cluster_->pool(place_).open();
  lease_->transport.set_reader(&upstream_events_);
  lease_->transport.set_writer(&upstream_events_);
  stage_ = Stage::connect;
  const ClusterSpec& spec = cluster_->spec();
  switch (begin_connecting(http_.pipes().loop, lease_->transport, spec, spec.hosts[place_])) {
    case Transport::Connecting::pending: return Step::wait;
    case Transport::Connecting::done: return Step::next;
    case Transport::Connecting::failed: return connect_failed();
  }
  CHECK_UNREACHABLE();
}

// Waits for room, or for a moment when all have been tried; or there is none.
Exchange::Step Exchange::no_place(bool all_full) {
  const TimePoint now = http_.pipes().loop.now();
  ClusterQueue& queue = cluster_->queue();
  if (all_full && called_) {
    // Its deadline may have come while it was called.
    const config::Timeout& timeout = cluster_->spec().pool.queue_timeout;
    if (timeout.enabled() && now >= queued_since_ + timeout.value) {
      expired_ = {.timeout = &timeout, .of_cluster = true};
      return reply(503, "given up", EndReason::queue_timeout);
    }
    called_ = false;
    queue.call_taken();
    queue.enter_again(*this);
    stage_ = Stage::queued;
    return Step::wait;
  }
  leave_queue();
  if (all_full) {
    if (!queue.enter(*this, static_cast<uint32_t>(cluster_->spec().pool.max_pending)))
      return reply(503, "too many requests wait for a backend", EndReason::queue_full);
    if (queued_since_ == TimePoint{}) queued_since_ = now;
    books_.queued(now);
    stage_ = Stage::queued;
    return Step::wait;
  }
  if (tried_count_ > 0) {
    tried_count_ = 0;
    const Duration bound = route_->retry.pause(retries_);
    pause_until_ =
        now +
        Duration(http_.random().below(static_cast<uint64_t>(std::max<int64_t>(bound.count(), 1))));
    stage_ = Stage::pause;
    return Step::wait;
  }
  cluster_->cells().no_backend.add();
  return reply(503, "there is no backend to try", EndReason::no_backend);
}

// Also when its turn has come: then it is that of the next.
void Exchange::leave_queue() {
  if (cluster_ == nullptr) return;
  ClusterQueue& queue = cluster_->queue();
  if (QueueWaiter::linked()) queue.leave(*this);
  if (!std::exchange(called_, false)) return;
  queue.call_taken();
  queue.wake();
}

void Exchange::on_room() {
  DCHECK(stage_ == Stage::queued);  // who has been answered does not wait
  called_ = true;
  stage_ = Stage::acquire;
  http_.pipes().loop.yield(*this);
}

// Source hashing follows the client that trusted proxies speak of.
uint64_t Exchange::client_hash() {
  if (client_.is_named()) return client_.address->host_hash(kSourceSeed);
  return connection_.address->host_hash(kSourceSeed);
}

Exchange::Step Exchange::connect() {
  const ClusterSpec& spec = cluster_->spec();
  switch (continue_connecting(lease_->transport, spec, spec.hosts[place_])) {
    case Transport::Connecting::pending: return Step::wait;
    case Transport::Connecting::failed: return connect_failed();
    case Transport::Connecting::done: break;
  }
  books_.connected(http_.pipes().loop.now());
  record_connect_success(*cluster_, place_);
  stage_ = Stage::send_request;
  return Step::next;
}

// Also when time has run out: expired_ is set then.
Exchange::Step Exchange::connect_failed() {
  ++tries_;
  const bool timeout = expired_.timeout != nullptr;
  const ConnectError error = timeout ? ConnectError::timeout : connect_error(lease_->transport);
  record_connect_failure(lease_->transport, *cluster_, place_, error, http_.pipes().loop.now());
  if (try_again(RetryCause::connect_failure)) return Step::next;
  return timeout ? reply(504, "no backend answered in time", EndReason::connect_timeout)
                 : reply(502, "no backend could be connected to", EndReason::connect_failed);
}

Exchange::Step Exchange::send_request() {
  if (client_is_gone()) return cancel();
  ++tries_;
  const RequestHead& head = request();
  const std::string_view text = write_request_head(relayed_body(head));
  if (text.empty())
    return reply(431, "the header fields are too large to be forwarded", EndReason::bad_request);
  if (authenticates_connection(head)) lease_->make_private();
  books_.sent(http_.pipes().loop.now());
  response_parser_.reset(answer_to(head.method()), head_limits());
  awaits_continue_ = head.expects_continue() && in_.view().size() == request_parser_.head_size();
  const uint64_t limit = listener_->http->limits.max_body_size;
  up_.expect(head, limit != 0 ? limit : kUnlimitedBody);
  if (head.framing() == BodyFraming::chunked) expect_request_trailers();
  std::span<char> known = in_.bytes_from(request_parser_.head_size());
  if (head.framing() == BodyFraming::none) known = {};
  if (head.framing() == BodyFraming::length) known = known.first(body_known_);
  upload_since_ = http_.pipes().loop.now();
  body_rate_.start(upload_since_);
  const size_t used = up_.begin(client(), lease_->transport, head.framing(),
                                {const_cast<char*>(text.data()), text.size()}, known);
  body_known_ = used;
  lease_->transport.set_reader(&upstream_events_);
  stage_ = Stage::await_response;
  return Step::next;
}

// They obey the rules for the request's head: a peer that is not trusted says nothing in them
// either.
void Exchange::expect_request_trailers() {
  const FieldEdits& edits = route_->request_fields;
  FieldFilter filter(request(), {edits.set, edits.add, edits.remove, {}});
  if (!client_.trusted) filter.drop_untrusted();
  up_.expect_trailers(filter, head_limits().head, H1BodyDecoder::Excess::fault);
}

// What backends are told about the client. Empty: a value is too large.
std::span<const FieldText> Exchange::forwarding_fields(const Hop& hop, OwnFields& fields) {
  const RequestHead& head = request();
  const config::Forwarded how = listener_->http->forwarded;
  TextMemory memory(http_.text_scratch());
  size_t n = 0;
  if (wants(how, config::Forwarded::x_forwarded)) {
    fields[n++] = {FieldId::x_forwarded_for, "X-Forwarded-For", x_forwarded_for(head, hop, memory)};
    fields[n++] = {
        FieldId::x_forwarded_proto, "X-Forwarded-Proto",
        head.has(FieldId::x_forwarded_proto) ? x_forwarded_proto(head, hop) : client_.scheme};
    if (const std::string_view host = x_forwarded_host(head, hop); !host.empty())
      fields[n++] = {FieldId::x_forwarded_host, "X-Forwarded-Host", host};
  }
  if (wants(how, config::Forwarded::forwarded))
    fields[n++] = {FieldId::forwarded, "Forwarded", forwarded(head, hop, memory)};
  if (request_id_.empty())
    request_id_ = request_id(head, hop, http_.random().next(), request_id_memory_);
  fields[n++] = {FieldId::x_request_id, "X-Request-Id", request_id_};
  n += identity_fields(listener_->tls.get(), client().tls(), host_.view(),
                       std::span(fields).subspan(n));
  for (size_t i = 0; i < n; ++i)
    if (fields[i].value.data() == nullptr) return {};
  return std::span(fields).first(n);
}

// What was matched is what is forwarded; the null view: it does not fit.
std::string_view Exchange::request_target() {
  return backend_target(*route_, request(), path_.view(), http_.target_scratch());
}

// Room for the head of a first chunk is left behind it. Empty: it does not fit.
std::string_view Exchange::write_request_head(BodyPlan body) {
  const RequestHead& head = request();
  const HttpSpec& http = *listener_->http;
  RequestClient::HopMemory memory;
  const Hop hop = client_.hop(memory);
  OwnFields own;
  RequestPlan plan;
  const FieldEdits& edits = route_->request_fields;
  plan.fields = {edits.set, edits.add, edits.remove, forwarding_fields(hop, own)};
  plan.target = request_target();
  if (plan.fields.own.empty() || plan.target.data() == nullptr) return {};
  plan.authority = route_->rewrite.host.empty() ? head.authority() : route_->rewrite.host;
  // Only of an HTTP/1.0 client that names no host.
  if (plan.authority.empty()) {
    const Backend& backend = *cluster_->spec().hosts[place_].backend;
    plan.authority = backend.address().is_unix() ? kUnixHost : std::string_view(backend.text());
  }
  plan.body = body;
  plan.via = http.via;
  plan.trusted = hop.trusted;
  plan.upgrades = route_->upgrades;
  plan.expect = true;
  const std::span<char> scratch = http_.head_scratch();
  H1HeadWriter out(scratch.first(scratch.size() - kChunkHeadSize));
  write_request(out, head, plan);
  return out.text();
}

}  // namespace weir
