// The two ends of an exchange, without sockets: a test sends as the peers, and reads what weir did.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "exchange/backend_side.h"
#include "exchange/client_side.h"
#include "exchange/exchange.h"
#include "http/h2_head.h"
#include "http/semantics.h"
#include "unit/exchange/fake_stream.h"

namespace weir::test {

struct FakeClient final : ClientSide {
  // What the client does.
  void asks(std::string_view text) {
    heads.send(text);
    stream.become_readable();
  }
  void sends_malformed_head(Fault fault) {
    heads.send_malformed(fault);
    stream.become_readable();
  }
  // The next head is that of an extended CONNECT (RFC 8441 4).
  void asks_for(std::string_view protocol, std::string_view path) {
    extended_ = {{":method", "CONNECT"},
                 {":protocol", protocol},
                 {":scheme", "https"},
                 {":path", path},
                 {":authority", "a.test"}};
    stream.become_readable();
  }
  void sends_preface() {
    is_preface_ = true;
    asks("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  }

  // `in_force`: the configuration.
  void connect(Exchange& to, const SnapshotRef& in_force, ListenerCells& cells) {
    exchange = &to;
    current = &in_force;
    connection_ = {stream, nullptr, &address, &cells, &private_connections, current};
  }
  void begin(std::string_view begun) {
    heads.reset();
    exchange->incoming().assign(begun);
    exchange->begin(*this);
  }

  const ClientConnection& connection() const override { return connection_; }
  ClientConfiguration configuration() const override {
    return {*current, (*current)->snapshot().listeners[0]};
  }
  SessionId session_id() const override { return {}; }
  bool on_head() override {
    ++requests;
    return false;
  }
  bool last_request() const override { return last; }
  bool served_before() const override { return served; }
  HeadRead read_head(HeadBuffer& in, RequestHead& to) override {
    if (!extended_.empty()) return read_extended(in, to);
    const HeadRead read = heads.read(stream, in, to);
    return is_preface_ && !in.empty() ? HeadRead{HeadRead::Status::http2, read.bytes} : read;
  }
  Fault fault() const override { return heads.fault(); }
  HeadText write_head(const ResponseHead& response, ResponsePlan& plan, bool& keep) override {
    plan.body = {response.bodiless() ? BodyFraming::none : response.framing(),
                 response.announced_length()};
    if (plan.body.framing == BodyFraming::until_close && stream.delimits())
      plan.body.framing = BodyFraming::delimited;
    if (plan.body.framing == BodyFraming::until_close) keep = false;
    cookie = plan.cookie;
    return text(fmt::format("<{}{}>", response.status(), last_of_connection(keep)));
  }
  HeadText write_interim_head(const ResponseHead& response, const ResponsePlan&) override {
    return text(fmt::format("<{}>", response.status()));
  }
  HeadText write_tunnel_head(const ResponseHead& response, const ResponsePlan&) override {
    return text(fmt::format("<{} tunnel>", response.status()));
  }
  HeadText write_own_head(const OwnHead& own, bool keep) override {
    return text(fmt::format("<{} by weir{}{}>", own.status,
                            last_of_connection(keep).empty() ? "" : ",", last_of_connection(keep)));
  }
  void on_exchange_over(AfterExchange how, std::optional<EndReason> why) override {
    ++overs;
    after = how;
    failure = why;
    leftover = exchange->leftover();
    exchange->reset();
    if (how == AfterExchange::keep && !leftover.empty()) begin(leftover);
  }

  FakeStream stream;
  FakeHeads<H1RequestParser, RequestHead> heads;
  Exchange* exchange = nullptr;
  const SnapshotRef* current = nullptr;
  Address address = Address::loopback(50000);
  PrivateConnections private_connections;
  bool last = false, served = false, heads_fit = true;
  std::string cookie;  // that the last response sets
  int requests = 0, overs = 0;
  std::optional<AfterExchange> after;  // none: not over
  std::optional<EndReason> failure;
  std::string leftover;

 private:
  HeadRead read_extended(HeadBuffer& in, RequestHead& to) {
    std::string block;
    for (const auto& [name, value] : std::exchange(extended_, {}))
      for (const std::string_view text : {name, value})
        block.append(text.data() == name.data() ? 1 : 0, '\0')
            .append(1, static_cast<char>(text.size()))
            .append(text);
    const HeadLimits limits{4096, 10};
    std::string memory(2 * limits.head, ' ');
    H2RequestReader reader;
    reader.begin(to, memory, limits);
    const HpackOutcome outcome = HpackDecoder().decode(block, reader.texts(), limits.head, reader);
    CHECK(!reader.finish(outcome, stream.ended_by_peer()));
    in.assign(std::string_view(memory).substr(0, reader.size()));
    return {HeadRead::Status::complete, 0, static_cast<uint32_t>(reader.size())};
  }

  ClientConnection connection_;
  std::vector<std::pair<std::string_view, std::string_view>> extended_;  // fields; one head
  bool is_preface_ = false;

  std::string_view last_of_connection(bool keep) const {
    return keep || stream.delimits() ? "" : " last";
  }
  HeadText text(std::string written) {
    if (stream.delimits()) {
      stream.received += written;
      return {heads_fit, {}};
    }
    written_ = std::move(written);
    written_.resize(written_.size() + kChunkHeadSize);
    return {heads_fit, {written_.data(), written_.size() - kChunkHeadSize, kChunkHeadSize}};
  }
  std::string written_;
};

// All backends, one attempt after the other. A lease counts in its pool, and is never connected.
struct FakeBackend final : BackendSide {
  using Connecting = Transport::Connecting;

  // What the backend does.
  void connects() {
    connecting = Connecting::done;
    stream->become_readable();
  }
  void refuses_once() {
    connecting = Connecting::failed;
    fails_once_ = true;
    stream->become_readable();
  }
  void answers(std::string_view text) {
    heads.send(text);
    stream->become_readable();
  }
  void sends_malformed_head(Fault fault) {
    heads.send_malformed(fault);
    stream->become_readable();
  }

  void begin(Cluster& cluster, BackendIndex backend, Claim claim) override {
    ++begun;
    last_backend = backend;
    lease = claim.lease != nullptr ? std::move(claim.lease) : cluster.pool(backend).open();
    was_kept = lease->reused();
    stream.emplace();
    if (streams) stream->carries_one_message();
    channel_ = *stream;
    heads = {};
    response_begun = false;
  }
  Connecting connect() override {
    const Connecting now = connecting;
    if (std::exchange(fails_once_, false)) connecting = Connecting::done;
    return now;
  }
  void record_connect_failure(bool timeout, TimePoint) override {
    ++connect_failures;
    timed_out = timeout;
  }
  bool reused() const override { return was_kept; }
  bool is_private() const override { return false; }
  HeadText write_head(const ForwardedHead& forwarded, HttpResources&) override {
    // An upgrade is an extended CONNECT in HTTP/2, and the other way round.
    const bool upgrades = forwarded.head.upgrades() || !forwarded.head.protocol().empty();
    heads.reset(!upgrades ? answer_to(forwarded.head.method())
                : streams ? AnswerTo::connect
                          : AnswerTo::other);
    written_ = fmt::format("<{} {}>", forwarded.head.method(), forwarded.path);
    body = forwarded.body;
    hidden_cookie = forwarded.sticky_cookie;
    if (streams) {
      stream->received = written_;
      return {request_fits, {}};
    }
    written_.resize(written_.size() + kChunkHeadSize);
    return {request_fits, {written_.data(), written_.size() - kChunkHeadSize, kChunkHeadSize}};
  }
  HeadRead read_head(HeadBuffer& in, ResponseHead& to) override {
    const HeadRead read = heads.read(*stream, in, to);
    response_begun |= read.bytes > 0;
    return read;
  }
  Fault fault() const override { return heads.fault(); }
  void next_head() override { heads.reset(); }
  bool response_started() const override { return response_begun; }
  void over(ConnectionUse use, PrivateConnections*) override {
    const bool complete = use == ConnectionUse::complete;
    given_back += complete ? 1 : 0;
    given_up += use == ConnectionUse::given_up ? 1 : 0;
    ++ended;
    if (complete) lease->pool().give_back(std::move(lease), Duration::max());
    lease.reset();
    channel_ = {};
  }

  std::optional<FakeStream> stream;  // of the last attempt
  FakeHeads<H1ResponseParser, ResponseHead> heads;
  Connecting connecting = Connecting::done;
  Lease lease;
  BodyPlan body;              // that write_head() was told
  std::string hidden_cookie;  // the same
  bool streams = false;       // attempts get streams, not connections
  bool request_fits = true, response_begun = false, was_kept = false, timed_out = false;
  BackendIndex last_backend = kNoBackend;
  int begun = 0, ended = 0, given_back = 0, given_up = 0, connect_failures = 0;

 private:
  std::string written_;
  bool fails_once_ = false;
};

}  // namespace weir::test
