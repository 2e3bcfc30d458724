#include "world/tcp_verdict.h"

#include <fmt/format.h>

namespace weir::sim {
namespace {

// weir closed it as idle: bytes that were in transit are discarded.
bool is_quiet_close(EndReason reason) {
  return reason == EndReason::idle_timeout || reason == EndReason::max_age ||
         reason == EndReason::drain_idle || reason == EndReason::drain_deadline ||
         reason == EndReason::shutdown;
}

bool is_in_order(EndReason reason) {
  return reason == EndReason::client_closed || reason == EndReason::backend_closed;
}

// The sessions of talkers that reached weir.
bool needs_session(EndReason reason) {
  return is_in_order(reason) || reason == EndReason::client_reset ||
         reason == EndReason::backend_reset || reason == EndReason::idle_timeout ||
         reason == EndReason::half_close_timeout || reason == EndReason::connect_failed ||
         reason == EndReason::connect_timeout;
}

}  // namespace

std::vector<AccessLine> read_access_log(std::string_view text, std::vector<std::string>& failures) {
  std::vector<AccessLine> lines;
  for (const std::string& line : lines_of(text)) {
    const auto reason = end_reason(log_field(line, "reason"));
    if (!reason) {
      failures.push_back("an access line without a reason:" + line);
      continue;
    }
    const std::string duration = log_field(line, "duration");
    lines.push_back({log_field(line, "session"), log_field(line, "listener"),
                     log_field(line, "client"), *reason, log_number(line, "received_bytes"),
                     log_number(line, "sent_bytes"), std::strtod(duration.c_str(), nullptr)});
  }
  return lines;
}

template <typename... Args>
void TcpVerdict::expect(bool holds, const char* format, const Args&... args) {
  if (!holds) failures_.push_back(fmt::format(fmt::runtime(format), args...));
}

void TcpVerdict::judge() {
  judge_books();
  std::map<std::string, const Talker*> clients;
  for (const auto& client : book_.clients()) clients[client->address.text()] = client.get();
  std::map<std::string, int> seen;
  for (const AccessLine& line : lines_) {
    judge_reasons(line);
    if (line.client.empty()) continue;  // refused at accept
    expect(++seen[line.client] == 1, "{} has ended twice", line.client);
    const auto client = clients.find(line.client);
    if (client == clients.end())
      expect(false, "{} is no client of the simulation", line.client);
    else
      judge_session(line, *client->second);
  }
  if (!evidence_.scenario.polite) return;
  for (const auto& client : book_.clients())
    expect(client->received_end() && client->error() == 0 && seen.contains(client->address.text()),
           "{}: a polite session did not end in order: errno {}, {} bytes in", client->number(),
           client->error(), client->received());
}

void TcpVerdict::judge_books() {
  check_listeners(evidence_, failures_);
  for (const auto& [id, cells] : evidence_.report.backends)
    expect(cells.active.value == 0, "backend {}: {} still active", id, cells.active.value);
  const uint64_t accepted = evidence_.kernel.counts().accepted;
  expect(lines_.size() == accepted, "{} accepted, {} access lines", accepted, lines_.size());
}

bool TcpVerdict::may_be_cut(const std::vector<std::shared_ptr<Talker>>& talkers) const {
  return std::any_of(talkers.begin(), talkers.end(),
                     [](const auto& talker) { return talker->has_cut(); });
}

// It closed before its TLS handshake, if any; with TLS 1.2 its handshake completes before that of
// weir.
bool TcpVerdict::may_be_unopened(const std::vector<std::shared_ptr<Talker>>& talkers) const {
  return std::any_of(talkers.begin(), talkers.end(), [](const auto& talker) {
    const Wire& wire = talker->wire();
    return wire.has_tls() && (!wire.open() || (wire.behavior().old && talker->closed_early()));
  });
}

// Whether the reason is possible.
void TcpVerdict::judge_reasons(const AccessLine& line) {
  const Scenario& scenario = evidence_.scenario;
  const KernelCounts& counts = evidence_.kernel.counts();
  const auto lasted = [&](Duration timeout) {
    return timeout > 0ns && line.duration >= seconds(timeout) - 0.001;
  };
  bool possible = true;
  switch (line.reason) {
    case EndReason::client_closed:
    case EndReason::backend_closed: break;
    case EndReason::client_reset: possible = may_be_cut(book_.clients()); break;
    case EndReason::backend_reset: possible = may_be_cut(book_.backends()); break;
    case EndReason::connect_failed:
      possible = counts.connect_errors + counts.out_of_descriptors + counts.refused_watches > 0 ||
                 may_be_unopened(book_.backends());
      break;
    case EndReason::connect_timeout:
      possible = !scenario.polite && lasted(scenario.connect_timeout);
      break;
    case EndReason::no_backend: possible = !scenario.polite; break;
    case EndReason::idle_timeout: possible = lasted(scenario.timeouts.idle.value); break;
    case EndReason::half_close_timeout:
      possible = lasted(scenario.timeouts.half_close.value);
      break;
    case EndReason::max_age: possible = lasted(scenario.timeouts.max_age.value); break;
    case EndReason::queue_full:
    case EndReason::queue_timeout: possible = !scenario.polite && scenario.concurrency > 0; break;
    case EndReason::max_connections: possible = scenario.max_connections < 1000; break;
    case EndReason::listener_limit: possible = scenario.listener_limit > 0; break;
    case EndReason::out_of_descriptors: possible = counts.out_of_descriptors > 0; break;
    case EndReason::drain_idle:
    case EndReason::drain_deadline:
    case EndReason::shutdown: possible = evidence_.control.drained(); break;
    case EndReason::error: possible = counts.refused_watches > 0; break;
    case EndReason::keep_alive_timeout:
    case EndReason::request_header_timeout:
    case EndReason::request_body_timeout:
    case EndReason::client_idle_timeout:
    case EndReason::request_timeout:
    case EndReason::bad_request:
    case EndReason::http2_error:
    case EndReason::http2_flood:
    case EndReason::cluster_requests:
    case EndReason::response_timeout:
    case EndReason::backend_error:
    case EndReason::last_request: possible = false; break;  // HTTP's
    case EndReason::bad_proxy_header:
    case EndReason::proxy_header_timeout: possible = false; break;  // no peer sends one
    case EndReason::tls_handshake_failed:
      possible = scenario.tls_clients && !scenario.polite;
      break;
    case EndReason::tls_handshake_timeout:
      possible = scenario.tls_clients && lasted(scenario.timeouts.tls_handshake.value);
      break;
    case EndReason::handshake_limit: possible = scenario.max_handshakes > 0; break;
  }
  expect(possible, "{}: the reason cannot be {} after {} s", line.client, text(line.reason),
         line.duration);
}

void TcpVerdict::judge_session(const AccessLine& line, const Talker& client) {
  constexpr Duration kSoon = 3s;
  constexpr Duration kTravel = 200ms;  // of the last message of a handshake
  const auto ended =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(line.duration));
  if (line.reason == EndReason::client_reset)
    expect(client.has_cut(), "{}: {} was not reset by its client", line.client, client.number());
  if (line.reason == EndReason::tls_handshake_timeout)
    expect(client.wire().opened_at() > client.began() + ended - kTravel ||
               client.wire().left_at() < client.wire().opened_at() + kTravel,
           "{}: {} had done its handshake after {:.3f} s, it ended after {:.3f} s", line.client,
           client.number(), seconds(client.wire().opened_at() - client.began()), line.duration);
  if (line.reason == EndReason::tls_handshake_failed)
    expect(!client.wire().open() || client.closed_early(), "{}: {} had nothing against TLS",
           line.client, client.number());
  expect(!client.wire().silent() || !needs_session(line.reason),
         "{}: {} never finished its handshake, and ended with {}", line.client, client.number(),
         text(line.reason));
  const Talker* backend = client.partner();
  // weir first delivers the bytes it has received, within the time that the backend has to read
  // them.
  const bool delivers = backend != nullptr && backend->received() < line.received_bytes;
  if (client.reset_at() != kNever && !delivers) {
    expect(client.began() + ended < client.reset_at() + kSoon,
           "{}: client {} was gone at {:.3f} s, it ended after {:.3f} s: {}, {}/{} bytes",
           line.client, client.number(), seconds(client.reset_at() - client.began()), line.duration,
           text(line.reason), line.received_bytes, line.sent_bytes);
  }
  if (backend == nullptr) {
    const auto& backends = book_.backends();
    const bool backend_left = std::any_of(backends.begin(), backends.end(), [](const auto& b) {
      return b->closed_early() && b->received() < Book::kHeader;
    });
    expect(!is_in_order(line.reason) || client.sent() == 0 || backend_left,
           "{}: {} bytes reached no backend", line.client, client.sent());
    return;
  }
  if (line.reason == EndReason::backend_reset)
    expect(backend->has_cut(), "{}: {} was not reset by its backend", line.client,
           backend->number());
  judge_direction(line, client, *backend);
  judge_direction(line, *backend, client);
  if (line.reason == EndReason::client_reset) judge_cut(line, client, *backend);
  if (line.reason == EndReason::backend_reset) judge_cut(line, *backend, client);
  // Silent, but waiting for a response.
  expect(line.reason != EndReason::drain_idle || line.received_bytes == 0 || backend->sent() > 0 ||
             backend->closed_early(),
         "{}: closed as idle while {} waited for its answer", line.client, client.number());
  if (!is_in_order(line.reason)) return;
  expect(line.received_bytes == client.sent(), "{}: {} bytes sent, {} logged as received",
         line.client, client.sent(), line.received_bytes);
  expect(line.sent_bytes == backend->sent(), "{}: {} bytes from the backend, {} logged as sent",
         line.client, backend->sent(), line.sent_bytes);
}

// The stream ended without a close_notify: weir still delivers the bytes before its end to a peer
// that continues to read.
void TcpVerdict::judge_cut(const AccessLine& line, const Talker& from, const Talker& to) {
  const Script& script = to.script();
  const bool reads_on = script.read_at_most == Script().read_at_most && !script.echo &&
                        to.sent() >= script.to_send && !to.gave_up() &&
                        (!to.closed_early() || to.error() != 0);
  if (!from.wire().cut() || from.reset_at() != kNever || !reads_on) return;
  expect(to.received() == from.sent(), "{}: {} sent {} bytes before it was cut off, {} got {}",
         line.client, from.number(), from.sent(), to.number(), to.received());
}

// A FIN means that the stream is complete. This must be true, unless weir closed a silent session.
void TcpVerdict::judge_direction(const AccessLine& line, const Talker& from, const Talker& to) {
  expect(to.received() <= from.sent(), "{}: {} sent {} bytes, {} got {}", line.client,
         from.number(), from.sent(), to.number(), to.received());
  if (to.received_end() && !is_quiet_close(line.reason)) {
    expect(from.sent_end(), "{}: {} received an end that {} did not send ({})", line.client,
           to.number(), from.number(), text(line.reason));
    expect(to.received() == from.sent(), "{}: {} sent {} bytes, {} got {} and the end ({})",
           line.client, from.number(), from.sent(), to.number(), to.received(), text(line.reason));
  }
  if (is_in_order(line.reason) && !to.closed_early())
    expect(to.received_end(), "{}: ended in order, but {} got errno {}", line.client, to.number(),
           to.error());
}

}  // namespace weir::sim
