#include "server/admin_api.h"

#include <nlohmann/json.hpp>

#include "config/value_types.h"
#include "server/admin_json.h"

namespace weir {
namespace {

constexpr size_t kOldestShown = 10;
// Connections that are held cannot be evicted: most of kMaxAdminConnections stay for others.
constexpr size_t kMostAwaiting = 16;
constexpr const char* kText = "text/plain; charset=utf-8";

int status_of(const ReloadOutcome& outcome) {
  switch (outcome.result) {
    case ReloadOutcome::Verdict::ok:
    case ReloadOutcome::Verdict::unchanged:
    case ReloadOutcome::Verdict::planned: return 200;
    case ReloadOutcome::Verdict::invalid:
    case ReloadOutcome::Verdict::failed: return 422;
    case ReloadOutcome::Verdict::draining: return 409;
  }
  CHECK_UNREACHABLE();
}

// Functions that are posted must be copyable; a responder is not.
using SharedResponder = std::shared_ptr<AdminResponder>;
SharedResponder share(AdminResponder responder) {
  return std::make_shared<AdminResponder>(std::move(responder));
}

ReloadCoordinator::Done answer_with(AdminResponder responder) {
  return [r = share(std::move(responder))](const ReloadOutcome& outcome) {
    r->reply({status_of(outcome), "application/json", reload_json(outcome)});
  };
}

// The member `name` of a JSON body; nullopt: not there. An error says what the body should have
// been.
Result<std::optional<std::string>> text_member(const std::string& body, const char* name) {
  if (body.empty()) return std::optional<std::string>();
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  const bool fits = json.is_object() && (!json.contains(name) || json[name].is_string());
  if (!fits)
    return Error{
        std::string("the body must be a JSON object with the text member \"") + name + "\"", ""};
  if (!json.contains(name)) return std::optional<std::string>();
  return std::optional<std::string>(json[name].get<std::string>());
}

}  // namespace

AdminApi::AdminApi(Control control, Identity identity, DrainCoordinator& drain,
                   ReloadCoordinator& reload, BeginDrain begin_drain)
    : control_(control),
      identity_(std::move(identity)),
      drain_(drain),
      reload_(reload),
      begin_drain_(std::move(begin_drain)),
      metrics_page_(control, drain) {
  routes_.add("GET", "/live", [](const AdminRequest&, AdminResponder r) {
    r.reply({200, kText, "ok\n"});
  });
  routes_.add("GET", "/ready",
              [this](const AdminRequest&, AdminResponder r) { ready(std::move(r)); });
  routes_.add("GET", "/v1/status",
              [this](const AdminRequest&, AdminResponder r) { status(std::move(r)); });
  routes_.add("GET", "/v1/drain", [this](const AdminRequest& q, AdminResponder r) {
    if (q.query_value("wait").value_or("") == "1") return await_drained(std::move(r));
    show_drain(200, std::move(r));
  });
  routes_.add("POST", "/v1/drain",
              [this](const AdminRequest& q, AdminResponder r) { start_drain(q, std::move(r)); });
  routes_.add("POST", "/v1/reload",
              [this](const AdminRequest& q, AdminResponder r) { this->reload(q, std::move(r)); });
  routes_.add("POST", "/v1/plan",
              [this](const AdminRequest& q, AdminResponder r) { plan(q, std::move(r)); });
}

void AdminApi::handle(const AdminRequest& request, AdminResponder responder) {
  // The path of the metrics is the configuration's, and may change with it.
  const std::string& metrics_path = control_.store.current()->model.metrics.path;
  if (request.path == metrics_path && (request.method == "GET" || request.method == "HEAD"))
    return metrics(std::move(responder));
  routes_(request, std::move(responder));
}

void AdminApi::ready(AdminResponder responder) const {
  if (drain_.ready()) return responder.reply({200, kText, "ready\n"});
  responder.reply({503, kText, drain_.begun() ? "draining\n" : "starting\n"});
}

void AdminApi::metrics(AdminResponder responder) {
  metrics_page_.render([r = share(std::move(responder))](std::string page) {
    r->reply({200, kMetricsContentType, std::move(page)});
  });
}

void AdminApi::status(AdminResponder responder) {
  control_.workers.report([this, r = share(std::move(responder))](Workers::Reports reports) {
    r->reply(
        {200, "application/json", status_json({identity_, control_, drain_, reload_, reports})});
  });
}

void AdminApi::show_drain(int status, AdminResponder responder) {
  control_.workers.survey(
      kOldestShown, [this, status, r = share(std::move(responder))](const SessionSurvey& s) {
        r->reply({status, "application/json", drain_json(drain_, control_.loop.now(), s)});
      });
}

// Held until the end. One too many: whoever has waited longest gets the answer of now, and may ask
// again.
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
  const auto text = text_member(request.body, "timeout");
  if (!text) return responder.reply(error_reply(400, text.error().message));
  std::optional<Duration> timeout;
  if (*text) {
    Duration value{};
    if (const auto problem = config::types::duration::type.read(**text, &value))
      return responder.reply(error_reply(400, "timeout: " + problem->message));
    timeout = value;
  }
  begin_drain_(timeout);
  show_drain(202, std::move(responder));
}

void AdminApi::reload(const AdminRequest& request, AdminResponder responder) {
  const auto flag = [&](const char* name) { return request.query_value(name).value_or("") == "1"; };
  if (flag("dry_run")) return reload_.plan(answer_with(std::move(responder)));
  if (flag("wait")) return reload_.reload(answer_with(std::move(responder)));
  // The reload goes on without its asker; what comes of it is in the log, the metrics and the
  // status.
  reload_.reload();
  responder.reply({202, "application/json", "{\"result\": \"accepted\"}\n"});
}

void AdminApi::plan(const AdminRequest& request, AdminResponder responder) {
  const auto path = text_member(request.body, "path");
  if (!path) return responder.reply(error_reply(400, path.error().message));
  const auto answer = [r = share(std::move(responder))](const ReloadOutcome& outcome) {
    r->reply({status_of(outcome), "application/json", reload_json(outcome)});
  };
  if (*path)
    reload_.plan_file(**path, answer);
  else
    reload_.plan(answer);
}

}  // namespace weir
