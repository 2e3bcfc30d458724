#include "health/check_run.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "base/ascii.h"
#include "health/health_check.h"
#include "preamble/proxy_header.h"

namespace weir {
namespace {

using RunResult = CheckRunOwner::RunResult;
using Is = Probe::Finding::Is;

// weir lacks a resource, and the backend is not at fault. Not EAGAIN, which says that the queue of
// a UNIX socket is full, nor EADDRNOTAVAIL: a backend whose address weir cannot reach is down.
bool is_local_failure(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::string describe(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = ascii_lower(text[0]);
  return text;
}

std::string handshake_error(const TlsStream& tls) {
  if (const TlsRefusal* const refusal = tls.refusal())
    return "its certificate (" + refusal->subject + ") is refused: " + refusal->reason;
  const std::string why = tls.failure();
  return why.empty() ? "the backend went away" : why;
}

}  // namespace

CheckRun::CheckRun(EventLoop& loop, CheckRunOwner& owner, std::unique_ptr<Probe> probe)
    : Retirable(loop), owner_(owner), probe_(std::move(probe)) {
  transport_.set_reader(this);
  transport_.set_writer(this);
}

void CheckRun::start(const CheckTarget& target) {
  DCHECK(!transport_.is_open() && stage_ == Stage::connecting);
  proxy_protocol_ = target.proxy_protocol;
  TlsClient* const tls = target.tls.get();
  // Not resumed: the check verifies the backend's certificate, which a resumed session would skip.
  const bool http = target.spec.type == config::HealthCheck::Type::http;
  if (tls != nullptr) tls_ = tls->connect_to_check(target.tls_host, http);
  if (tls != nullptr && !tls_)
    return finish(RunResult::fail, "no name to verify its certificate by");
  to_ = target.backend->address();
  connect(transport_.connect(loop(), to_, {}));
}

std::string CheckRun::missing() const {
  switch (stage_) {
    case Stage::connecting: return "not connected";
    case Stage::handshake: return "no TLS handshake";
    case Stage::sending: return "could not send";
    case Stage::receiving: return probe_->missing();
  }
  CHECK_UNREACHABLE();
}

void CheckRun::on_writable() {
  switch (stage_) {
    case Stage::connecting: return connect(transport_.finish_connecting());
    case Stage::handshake: return handshake();
    case Stage::sending: return send_request();
    case Stage::receiving: return;
  }
}

// A server may send first, or answer before it has received the whole request.
void CheckRun::on_readable() {
  if (stage_ == Stage::handshake) return handshake();
  if (stage_ != Stage::connecting) read_response();
}

void CheckRun::connect(Transport::Connecting state) {
  switch (state) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed: return fail(transport_.error());
    case Transport::Connecting::done: break;
  }
  if (!send_proxy_header()) return fail(transport_.error());
  if (tls_ != nullptr) {
    transport_.start_tls(std::move(tls_));
    stage_ = Stage::handshake;
    return handshake();
  }
  stage_ = Stage::sending;
  send_request();
}

// Of version 1 with weir's own addresses, since servers log UNKNOWN as an error; of version 2 with
// LOCAL, which the specification has for health checks. A fresh socket has room for it.
bool CheckRun::send_proxy_header() {
  if (proxy_protocol_ == config::ProxyVersion::none) return true;
  std::array<char, kMaxWrittenProxyHeader> memory;
  const std::span<const char> header = proxy_protocol_ == config::ProxyVersion::v1
                                           ? write_proxy_v1(memory, transport_.local_address(), to_)
                                           : write_proxy_v2(memory, {}, {});
  return transport_.write(header).bytes == header.size();
}

void CheckRun::handshake() {
  switch (transport_.handshake()) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed: {
      return finish(RunResult::fail, "TLS: " + handshake_error(*transport_.tls()));
    }
    case Transport::Connecting::done: break;
  }
  stage_ = Stage::sending;
  send_request();
}

void CheckRun::send_request() {
  const std::string_view request_bytes = probe_->request_bytes();
  while (sent_ < request_bytes.size()) {
    if (!transport_.writable()) return;
    const Io io = transport_.write(request_bytes.substr(sent_));
    sent_ += io.bytes;
    if (io.status == Io::Status::failed) return fail(transport_.error());
  }
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
  }
}

void CheckRun::conclude(Probe::Finding finding) {
  finish(finding.is == Is::good ? RunResult::ok : RunResult::fail, std::move(finding.why));
}

void CheckRun::fail(int error) {
  finish(is_local_failure(error) ? RunResult::unknown : RunResult::fail, describe(error));
}

void CheckRun::finish(RunResult result, std::string why) {
  transport_.close();
  owner_.on_run_end(result, std::move(why));
}

}  // namespace weir
