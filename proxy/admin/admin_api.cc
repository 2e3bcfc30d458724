#include "admin/admin_api.h"

#include "admin/admin_connection.h"
#include "admin/admin_json.h"
#include "admin/gzip.h"
#include "config/value_types.h"

namespace weir {
namespace {

constexpr size_t kOldestShown = 10;
// Waiting connections are evicted last, so most of kMaxAdminConnections stay for others.
constexpr size_t kMostAwaiting = 16;
constexpr const char* kText = "text/plain; charset=utf-8";

int status_of(const ReloadOutcome& outcome) {
  switch (outcome.result) {
    case ReloadVerdict::ok:
    case ReloadVerdict::unchanged:
    case ReloadVerdict::planned: return 200;
    case ReloadVerdict::invalid:
    case ReloadVerdict::failed: return 422;
    case ReloadVerdict::draining: return 409;
  }
  CHECK_UNREACHABLE();
}

// Functions that are posted must be copyable; a responder is not.
using SharedResponder = std::shared_ptr<AdminResponder>;
SharedResponder share(AdminResponder responder) {
  return std::make_shared<AdminResponder>(std::move(responder));
}

// A peer that may not read the file does not see its contents.
Disclosure disclosure_for(const AdminPeer& peer) {
  const bool all = peer.may_read_files_of_weir();
  return {all, all};
}

// Renders a body that can be large, and compresses it, on the background thread.
template <typename Write>
void reply_with(Background& background, AdminReply reply, bool accepts_gzip, Write write,
                SharedResponder responder) {
  background.make(
      [reply = std::move(reply), accepts_gzip, write = std::move(write)]() mutable {
        reply.body = write();
        reply.gzipped = accepts_gzip && reply.body.size() > kAdminGzipAbove;
        if (reply.gzipped) reply.body = gzip(reply.body);
        return std::move(reply);
      },
      [responder](AdminReply made) { responder->reply(std::move(made)); });
}

ReloadCoordinator::Done answer_with(Background& background, AdminResponder responder,
                                    const Disclosure& disclosure) {
  return [&background, r = share(std::move(responder)),
          disclosure](const ReloadCoordinator::Outcome& outcome) {
    reply_with(
        background, {.status = status_of(*outcome)}, false,
        [outcome, disclosure] { return reload_json(*outcome, disclosure); }, r);
  };
}

void log_request(const char* event, const AdminRequest& request) {
  LOG(info, event, kv("by", "admin"), kv("peer", request.peer.text()));
}

}  // namespace

AdminApi::AdminApi(Control control, Identity identity, DrainCoordinator& drain,
                   ReloadCoordinator& reload, BeginDrain begin_drain)
    : control_(control),
      identity_(std::move(identity)),
      drain_(drain),
      reload_(reload),
      begin_drain_(std::move(begin_drain)),
      metrics_page_(control, drain),
      routes_([background = &control.background](auto work, auto done) {
        background->run(std::move(work), std::move(done));
      }) {
  add_routes();
}

void AdminApi::add_routes() {
  using Q = const AdminRequest&;
  using R = AdminResponder;
  routes_.add({"GET", "/",
               [this](Q, R r) {
                 r.reply({200, kText, "weir admin server\n" + routes_.list()});
               },
               "this list"});
  routes_.add({"GET", "/live",
               [](Q, R r) {
                 r.reply({200, kText, "ok\n"});
               },
               "200 while the process runs"});
  routes_.add({"GET", "/ready", [this](Q, R r) { ready(std::move(r)); },
               "200 while weir accepts connections, else 503"});
  metrics_route_ = routes_.add(
      {"GET", "", [this](Q q, R r) { metrics(q, std::move(r)); }, "metrics for Prometheus"});
  routes_.add({"GET", "/v1/status", [this](Q q, R r) { status(q, std::move(r)); },
               "listeners, backends, connections"});
  const auto drain_state = [this](Q q, R r) {
    if (q.flag("wait")) return await_drained(std::move(r));
    show_drain(200, std::move(r));
  };
  routes_.add({"GET", "/v1/drain", drain_state, "what a drain waits for", {"wait"}});
  routes_.add({"POST",
               "/v1/drain",
               [this](Q q, R r) { start_drain(q, std::move(r)); },
               "begin a drain, then stop",
               {},
               {"timeout"}});
  routes_.add({"POST",
               "/v1/reload",
               [this](Q q, R r) { this->reload(q, std::move(r)); },
               "read the configuration again",
               {"wait", "dry_run"}});
  routes_.add({"POST",
               "/v1/plan",
               [this](AdminRequest q, R r) { plan(std::move(q), std::move(r)); },
               "what a reload would change",
               {},
               {"text", "path"}});
}

void AdminApi::handle(AdminRequest request, AdminResponder responder) {
  // A reload may change the path of the metrics.
  routes_.set_path(metrics_route_, control_.store.current()->model.metrics.path);
  routes_(std::move(request), std::move(responder));
}

void AdminApi::ready(AdminResponder responder) const {
  if (drain_.ready()) return responder.reply({200, kText, "ready\n"});
  responder.reply({503, kText, drain_.begun() ? "draining\n" : "starting\n"});
}

void AdminApi::metrics(const AdminRequest& request, AdminResponder responder) {
  const bool gzipped = request.accepts_gzip;
  metrics_page_.render([this, gzipped, r = share(std::move(responder))](std::string page) {
    if (!gzipped) return r->reply({200, kMetricsContentType, std::move(page)});
    reply_with(
        control_.background, {.content_type = kMetricsContentType}, true,
        [page = std::move(page)] { return page; }, r);
  });
}

void AdminApi::status(const AdminRequest& request, AdminResponder responder) {
  const bool messages = disclosure_for(request.peer).messages;
  const bool gzipped = request.accepts_gzip;
  control_.workers.report(
      [this, gzipped, messages, r = share(std::move(responder))](const Workers::Reports& reports) {
        const SnapshotStore& store = control_.store;
        std::vector<std::pair<size_t, Address>> bound;
        for (const Sockets::Entry& entry : store.sockets().entries())
          bound.emplace_back(entry.listener, entry.actual);
        const auto source = std::make_shared<const StatusSource>(StatusSource{
            identity_, store.current(), std::move(bound), drain_.phase(), drain_.ready(),
            drain_.begun() ? std::optional(drain_.began_at()) : std::nullopt, reload_.last(),
            control_.workers.count(), store.live_snapshots(), store.open_connections(),
            control_.loop.now(), reports, messages});
        reply_with(
            control_.background, {}, gzipped, [source] { return status_json(*source); }, r);
      });
}

void AdminApi::show_drain(int status, AdminResponder responder) {
  control_.workers.survey(
      kOldestShown, [this, status, r = share(std::move(responder))](const SessionSurvey& s) {
        r->reply({status, "application/json", drain_json(drain_, control_.loop.now(), s)});
      });
}

// Answered at the end of the drain. Above the limit, the client that has waited longest gets the
// current state, and may send its request again.
void AdminApi::await_drained(AdminResponder responder) {
  awaiting_drained_.remove_if([](const AdminResponder& r) { return !r.wanted(); });
  if (awaiting_drained_.size() == kMostAwaiting) {
    show_drain(200, std::move(awaiting_drained_.front()));
    awaiting_drained_.pop_front();
  }
  awaiting_drained_.push_back(std::move(responder));
}

void AdminApi::drained(uint64_t cut) {
  for (AdminResponder& responder : awaiting_drained_)
    responder.reply({200, "application/json", drained_json(cut)});
  awaiting_drained_.clear();
}

void AdminApi::start_drain(const AdminRequest& request, AdminResponder responder) {
  if (drain_.begun()) return responder.reply(error_reply(409, "weir is draining already"));
  std::optional<Duration> timeout;
  if (const std::optional<std::string> text = request.member("timeout")) {
    Duration value{};
    if (const auto problem = config::types::duration::type.read(*text, &value))
      return responder.reply(error_reply(400, "timeout: " + problem->message));
    timeout = value;
  }
  log_request("drain.requested", request);
  begin_drain_(timeout);
  show_drain(202, std::move(responder));
}

void AdminApi::reload(const AdminRequest& request, AdminResponder responder) {
  const bool dry_run = request.flag("dry_run");
  log_request(dry_run ? "plan.requested" : "reload.requested", request);
  const Disclosure disclosure = disclosure_for(request.peer);
  if (dry_run)
    return reload_.plan(answer_with(control_.background, std::move(responder), disclosure));
  if (request.flag("wait"))
    return reload_.reload(answer_with(control_.background, std::move(responder), disclosure));
  // The client does not wait: the outcome is in the log, the metrics and the status.
  reload_.reload();
  responder.reply({202, "application/json", "{\"result\": \"accepted\"}\n"});
}

// weir reads a path with its own rights, and messages quote the file: only a peer with these rights
// may name a path. Other clients send the text.
void AdminApi::plan(AdminRequest request, AdminResponder responder) {
  std::optional<std::string> text = request.take_member("text");
  const std::optional<std::string> path = request.take_member("path");
  if (text && path)
    return responder.reply(error_reply(400, "'text' and 'path' exclude each other"));
  if (path && !request.peer.may_read_files_of_weir())
    return responder.reply(error_reply(
        403,
        "only root and the user that weir runs as may name a 'path', over the UNIX socket; "
        "send the 'text' of the file"));
  if (path && !path->starts_with('/'))
    return responder.reply(error_reply(400, "'path' must be absolute"));
  const bool over_tcp = !request.peer.over_unix_socket;
  if (text && over_tcp && !reload_.room_for_text_over_tcp())
    return responder.reply(error_reply(503, "too many plans of texts over TCP at once; try again"));
  log_request("plan.requested", request);
  Disclosure disclosure = disclosure_for(request.peer);
  if (text) disclosure.messages = true;  // they quote what the client has sent
  ReloadCoordinator::Done answer =
      answer_with(control_.background, std::move(responder), disclosure);
  if (text && over_tcp) return reload_.plan_text_over_tcp(std::move(*text), std::move(answer));
  if (text) return reload_.plan_text(std::move(*text), std::move(answer));
  if (path) return reload_.plan_file(*path, std::move(answer));
  reload_.plan(std::move(answer));
}

}  // namespace weir
