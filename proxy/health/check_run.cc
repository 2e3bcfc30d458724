#include "health/check_run.h"

#include <array>
#include <cstring>

#include "base/ascii.h"
#include "base/system_error.h"
#include "health/health_check.h"
#include "preamble/proxy_header.h"
#include "upstream/connecting.h"

namespace weir {
namespace {

using RunResult = CheckRunOwner::RunResult;
using Is = Probe::Finding::Is;

std::string describe(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = ascii_lower(text[0]);
  return text;
}

std::string handshake_error(const TlsStream& tls) {
  if (const TlsRefusal* const refusal = tls.refusal())
    return "its certificate (" + refusal->subject + ") is refused: " + refusal->reason;
  const std::string why = tls.failure();
  return why.empty() ? "the backend closed the connection" : why;
}

}  // namespace

CheckRun::CheckRun(EventLoop& loop, CheckRunOwner& owner, std::unique_ptr<Probe> probe)
    : Retirable(loop), owner_(owner), probe_(std::move(probe)) {
  transport_.set_reader(this);
  transport_.set_writer(this);
}

void CheckRun::start(const CheckTarget& target) {
  DCHECK(!transport_.is_open() && stage_ == Stage::connecting);
  // Another port is that of another program, which expects no PROXY header.
  if (target.spec.port == 0) proxy_protocol_ = target.proxy_protocol;
  TlsClient* const tls = target.tls.get();
  // Not resumed: the check verifies the backend's certificate, which a resumed session would skip.
  using Protocol = TlsClient::CheckProtocol;
  http2_ = checks_by_http2(target);
  const Protocol protocol = http2_                                                ? Protocol::http2
                            : target.spec.type == config::HealthCheck::Type::http ? Protocol::http1
                                                                                  : Protocol::any;
  if (tls != nullptr) tls_ = tls->connect_to_check(target.tls_host, protocol);
  if (tls != nullptr && !tls_)
    return finish(RunResult::fail, "no name to verify the certificate by");
  to_ = check_address(target);
  switch (transport_.connect(loop(), to_, {})) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed: return connect_failed();
    case Transport::Connecting::done: return connect();
  }
}

std::string CheckRun::missing() const {
  switch (stage_) {
    case Stage::connecting:
      return transport_.tls() == nullptr ? "not connected" : "no TLS handshake";
    case Stage::sending: return "could not send";
    case Stage::receiving: return probe_->missing();
  }
  CHECK_UNREACHABLE();
}

void CheckRun::on_writable() {
  switch (stage_) {
    case Stage::connecting: return connect();
    case Stage::sending: return send_request();
    case Stage::receiving: return (void)send_rest();
  }
}

// A server may send first, or answer before it has received the whole request.
void CheckRun::on_readable() {
  if (stage_ != Stage::connecting) return read_response();
  if (transport_.tls() != nullptr)
    connect();  // until then on_writable() is called, also on failure
}

void CheckRun::connect() {
  std::array<char, kMaxWrittenProxyHeader> memory;
  std::string_view proxy_header;
  if (transport_.tls() == nullptr && transport_.writable())
    proxy_header = write_proxy_header(memory);
  switch (continue_connecting(transport_, tls_, proxy_header)) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed: return connect_failed();
    case Transport::Connecting::done: break;
  }
  if (!agrees_on_protocol())
    return finish(RunResult::fail, "the backend does not agree on HTTP/2 (ALPN)");
  stage_ = Stage::sending;
  send_request();
}

bool CheckRun::agrees_on_protocol() const {
  return !http2_ || transport_.tls() == nullptr || transport_.tls()->alpn() == "h2";
}

// Of version 1 with weir's own addresses, since servers log UNKNOWN as an error; of version 2 with
// LOCAL, which the specification has for health checks.
std::string_view CheckRun::write_proxy_header(std::span<char> memory) const {
  if (proxy_protocol_ == config::ProxyVersion::none) return {};
  const std::span<const char> header = proxy_protocol_ == config::ProxyVersion::v1
                                           ? write_proxy_v1(memory, transport_.local_address(), to_)
                                           : write_proxy_v2(memory, {}, {});
  return {header.data(), header.size()};
}

void CheckRun::connect_failed() {
  if (transport_.tls() == nullptr) return fail(transport_.error());
  finish(RunResult::fail, "TLS: " + handshake_error(*transport_.tls()));
}

// False: the transport has no room, or has failed.
bool CheckRun::send_rest() {
  const std::string_view request_bytes = probe_->request_bytes();
  while (sent_ < request_bytes.size()) {
    if (!transport_.writable()) return false;
    const Io io = transport_.write(request_bytes.substr(sent_));
    sent_ += io.bytes;
    if (io.status == Io::Status::failed) return fail(transport_.error()), false;
  }
  return true;
}

void CheckRun::send_request() {
  if (!send_rest()) return;
  if (!probe_->expects_response()) return finish(RunResult::ok, {});
  stage_ = Stage::receiving;
  read_response();
}

void CheckRun::read_response() {
  std::array<char, 4096> chunk;
  while (transport_.readable()) {
    const Io io = transport_.read(chunk);
    if (io.status == Io::Status::blocked) return;
    if (io.status == Io::Status::eof && transport_.cut_off())
      return finish(RunResult::fail, "TLS: the answer was cut off");
    if (io.status == Io::Status::eof) return conclude(probe_->receive_end());
    if (io.status != Io::Status::ok) return fail(transport_.error());
    Probe::Finding finding = probe_->receive(std::string_view(chunk.data(), io.bytes));
    if (finding.is != Is::open) return conclude(std::move(finding));
    if (stage_ == Stage::receiving && !send_rest() && !transport_.is_open()) return;
  }
}

void CheckRun::conclude(Probe::Finding finding) {
  switch (finding.is) {
    case Is::good: return finish(RunResult::ok, {});
    case Is::drain: return finish(RunResult::drain, std::move(finding.why));
    case Is::bad: return finish(RunResult::fail, std::move(finding.why));
    case Is::open: break;
  }
  CHECK_UNREACHABLE();
}

// Without a resource weir cannot judge the backend. EADDRNOTAVAIL is not among these errors, unlike
// in is_local(): a backend whose address weir cannot reach is down.
void CheckRun::fail(int error) {
  finish(is_out_of_resources(error) ? RunResult::unknown : RunResult::fail, describe(error));
}

void CheckRun::finish(RunResult result, std::string why) {
  transport_.close();
  owner_.on_run_end(result, std::move(why));
}

}  // namespace weir
