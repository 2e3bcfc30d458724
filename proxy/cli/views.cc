#include "cli/views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "config/diagnostic.h"

namespace weir::cli {
namespace {

using nlohmann::json;

std::string whole(const json& object, std::string_view key) {
  return fmt::format("{:.0f}", number_of(object, key));
}

std::string joined(const json& list) {
  std::vector<std::string> texts;
  for (const json& item : list) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

// "12 client_closed, 1 idle_timeout": the counts that are not zero.
std::string counts_of(const json& object) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_number() || value.get<double>() == 0) continue;
    texts.push_back(fmt::format("{:.0f} {}", value.get<double>(), name));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string backend_state(const json& backend, const Console& console) {
  std::string state = text_of(backend, "state");
  std::string health = text_of(backend, "health");
  double held_off = number_of(backend, "held_off_seconds");
  if (state != "active") return console.styled(Style::warning, state);
  if (!text_of(backend, "failure").empty()) return console.styled(Style::bad, "no address");
  if (health == "down") return console.styled(Style::bad, "down");
  if (health == "draining") return console.styled(Style::warning, "draining itself");
  if (held_off > 0) {
    return console.styled(Style::warning, "held off " + seconds_text(held_off));
  }
  if (const double out = number_of(backend, "ejected_seconds"); out > 0)
    return console.styled(Style::warning, "ejected " + seconds_text(out));
  if (text_of(backend, "status") == "ejected") return console.styled(Style::warning, "ejected");
  return console.styled(Style::good, health.empty() ? state : health);
}

std::string listener_table(const json& status) {
  Table table({"LISTENER", "ADDRESS", "CLUSTER", "ACTIVE", "STREAMS", "TOTAL", "RECEIVED", "SENT",
               "ENDED"});
  for (const json& listener : part_of(status, "listeners")) {
    table.add({text_of(listener, "name"), joined(part_of(listener, "bind")),
               text_of(listener, "cluster"), whole(listener, "active"), whole(listener, "streams"),
               whole(listener, "total"), bytes_text(number_of(listener, "received_bytes")),
               bytes_text(number_of(listener, "sent_bytes")),
               counts_of(part_of(listener, "ended"))});
  }
  return table.text();
}

std::string backend_table(const json& status, const Console& console) {
  Table table(
      {"CLUSTER", "BACKEND", "ADDRESS", "STATE", "WEIGHT", "ACTIVE", "TOTAL", "CONNECT ERRORS"});
  for (const json& cluster : part_of(status, "clusters")) {
    const json& panic = part_of(cluster, "panic");
    std::string name = text_of(cluster, "name");
    if (panic.is_boolean() && panic.get<bool>()) name += console.styled(Style::bad, " (panic)");
    for (const json& backend : part_of(cluster, "backends")) {
      std::string weight = whole(backend, "weight");
      const json& backup = part_of(backend, "backup");
      if (backup.is_boolean() && backup.get<bool>()) weight += " backup";
      table.add({name, text_of(backend, "name"), text_of(backend, "address"),
                 backend_state(backend, console), weight, whole(backend, "active"),
                 whole(backend, "total"), whole(backend, "connect_errors")});
    }
  }
  return table.text();
}

Style effect_style(const std::string& effect) {
  if (effect == "restart") return Style::bad;
  if (effect == "rebind") return Style::warning;
  return Style::plain;
}

std::string spaced(std::string text) {
  for (char& c : text) c = c == '_' ? ' ' : c;
  return text;
}

// "h1"; "h2, 12 streams"; empty for TCP.
std::string http_text(const json& session) {
  std::string version = text_of(session, "version");
  if (version != "h2") return version;
  return version + ", " + count_text(number_of(session, "streams"), "stream");
}

// "serving for 3h12m"; "draining for 0.3s, up for 3h12m".
std::string phase_text(const json& status) {
  const json& draining = part_of(status, "draining_seconds");
  return fmt::format("{} for {}", spaced(text_of(status, "phase")),
                     seconds_text(number_of(
                         status, draining.is_number() ? "draining_seconds" : "uptime_seconds")));
}
// Why there are fewer workers than CPUs.
std::string workers_note(const json& status) {
  return text_of(status, "workers_by") == "cpu_quota" ? " (by the CPU quota of the cgroup)" : "";
}
std::string uptime_text(const json& status) {
  if (!part_of(status, "draining_seconds").is_number()) return "";
  return ", up for " + seconds_text(number_of(status, "uptime_seconds"));
}

}  // namespace

std::string text_of(const json& object, std::string_view key) {
  const json& part = part_of(object, key);
  if (part.is_string()) return part.get<std::string>();
  return part.is_null() ? std::string() : part.dump();
}

double number_of(const json& object, std::string_view key) {
  const json& part = part_of(object, key);
  return part.is_number() ? part.get<double>() : 0;
}

const json& part_of(const json& object, std::string_view key) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

std::string status_page(const json& status, const Console& console) {
  const json& connections = part_of(status, "connections");
  const json& reload = part_of(status, "last_reload");
  const json& ready = part_of(status, "ready");
  bool is_ready = ready.is_boolean() && ready.get<bool>();
  std::string out = fmt::format(
      "weir {} ({}), pid {}, {}, {}{}, {} workers{}\n", text_of(status, "version"),
      text_of(status, "revision"), whole(status, "pid"),
      console.styled(is_ready ? Style::good : Style::warning, is_ready ? "ready" : "not ready"),
      phase_text(status), uptime_text(status), whole(status, "workers"), workers_note(status));
  const std::string path = text_of(status, "config_path");
  fmt::format_to(std::back_inserter(out), "configuration {}, generation {}, hash {}\n",
                 path.empty() ? "from the command line" : path, whole(status, "generation"),
                 text_of(status, "config_hash"));
  if (reload.is_object() && !text_of(reload, "result").empty()) {
    std::string result = text_of(reload, "result");
    bool good = result == "ok" || result == "unchanged";
    const std::string message = text_of(reload, "message");
    fmt::format_to(std::back_inserter(out), "last reload: {}{}{}\n",
                   console.styled(good ? Style::good : Style::bad, result),
                   message.empty() ? "" : " ", message);
  }
  fmt::format_to(
      std::back_inserter(out), "connections: {} open, at most {}, {} since start\n\n{}\n{}",
      whole(connections, "active"), whole(connections, "max"), whole(connections, "total"),
      listener_table(status), backend_table(status, console));
  return out;
}

std::string drain_page(const json& drain, const Console& console) {
  std::string until;
  if (part_of(drain, "deadline_seconds").is_number()) {
    until = fmt::format(", cut in {}", seconds_text(number_of(drain, "deadline_seconds")));
  }
  std::string out =
      fmt::format("{}: {} left{}\n", console.styled(Style::bold, text_of(drain, "phase")),
                  count_text(number_of(drain, "remaining"), "session"), until);
  Table listeners({"LISTENER", "LEFT", "STREAMS", "WAITING FOR"});
  for (const json& listener : part_of(drain, "listeners")) {
    if (number_of(listener, "active") == 0) continue;
    listeners.add({text_of(listener, "name"), whole(listener, "active"), whole(listener, "streams"),
                   counts_of(part_of(listener, "waiting_for"))});
  }
  Table oldest({"OLDEST SESSION", "LISTENER", "CLIENT", "HTTP", "BACKEND", "AGE", "IDLE",
                "WAITING FOR", "RECEIVED", "SENT"});
  for (const json& session : part_of(drain, "oldest")) {
    oldest.add({text_of(session, "session"), text_of(session, "listener"),
                text_of(session, "client"), http_text(session), text_of(session, "backend"),
                seconds_text(number_of(session, "age_seconds")),
                seconds_text(number_of(session, "idle_seconds")), text_of(session, "waiting_for"),
                bytes_text(number_of(session, "received_bytes")),
                bytes_text(number_of(session, "sent_bytes"))});
  }
  if (!listeners.empty()) out += "\n" + listeners.text();
  if (!oldest.empty()) out += "\n" + oldest.text();
  return out;
}

std::string change_list(const json& changes, const Console& console) {
  std::string out;
  for (const json& change : changes) {
    std::string kind = text_of(change, "kind");
    std::string from = text_of(change, "from"), to = text_of(change, "to");
    std::string effect = text_of(change, "effect");
    double sessions = number_of(change, "sessions");
    std::string line = fmt::format("  {} {}",
                                   kind == "added"     ? "+"
                                   : kind == "removed" ? "-"
                                                       : "~",
                                   text_of(change, "path"));
    if (kind == "changed") line += fmt::format(": {} → {}", from, to);
    if (kind == "added" && !to.empty()) line += ": " + to;
    if (kind == "removed" && !from.empty()) line += ": " + from;
    line += fmt::format("  [{}", console.styled(effect_style(effect), spaced(effect)));
    if (sessions > 0) line += ", affects " + count_text(sessions, "open session");
    out += line + "]\n";
  }
  return out;
}

std::string diagnostic_list(const json& diagnostics) {
  std::vector<config::Diagnostic> list;
  for (const json& item : diagnostics) {
    config::Diagnostic diagnostic;
    bool warning = text_of(item, "severity") == "warning";
    diagnostic.severity =
        warning ? config::Diagnostic::Severity::warning : config::Diagnostic::Severity::error;
    diagnostic.code = text_of(item, "code");
    diagnostic.file = text_of(item, "file");
    diagnostic.line = static_cast<uint32_t>(number_of(item, "line"));
    diagnostic.column = static_cast<uint32_t>(number_of(item, "column"));
    diagnostic.message = text_of(item, "message");
    diagnostic.hint = text_of(item, "hint");
    list.push_back(std::move(diagnostic));
  }
  return list.empty() ? std::string() : config::format_text(list, false);
}

}  // namespace weir::cli
