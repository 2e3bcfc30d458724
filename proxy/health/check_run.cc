#include "health/check_run.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "base/ascii.h"
#include "health/health_check.h"
#include "preamble/proxy_header.h"

namespace weir {
namespace {

using Verdict = CheckRunOwner::Verdict;
using Is = Probe::Finding::Is;

// What is missing on our side, not on the backend's. Not EAGAIN, which says that the queue of a
// UNIX socket is full, nor EADDRNOTAVAIL: an address that we cannot reach is no backend for us.
bool is_our_own(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::string describe(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = ascii_lower(text[0]);
  return text;
}

std::string why_no_handshake(const TlsStream& tls) {
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
  // Not resumed: a check is to find out whether the backend's certificate is still good.
  const bool http = target.spec.type == config::HealthCheck::Type::http;
  if (tls != nullptr) tls_ = tls->connect_to_check(target.tls_host, http);
  if (tls != nullptr && !tls_) return over(Verdict::fail, "no name to verify its certificate by");
  to_ = target.backend->address();
  connect(transport_.connect(loop(), to_, {}));
}

std::string CheckRun::missing() const {
  switch (stage_) {
    case Stage::connecting: return "not connected";
    case Stage::handshake: return "no TLS handshake";
    case Stage::asking: return "could not send";
    case Stage::listening: return probe_->missing();
  }
  CHECK_UNREACHABLE();
}

void CheckRun::on_writable() {
  switch (stage_) {
    case Stage::connecting: return connect(transport_.finish_connecting());
    case Stage::handshake: return handshake();
    case Stage::asking: return ask();
    case Stage::listening: return;
  }
}

// A server may speak first, or answer before it has heard all.
void CheckRun::on_readable() {
  if (stage_ == Stage::handshake) return handshake();
  if (stage_ != Stage::connecting) listen();
}

void CheckRun::connect(Transport::Connecting state) {
  switch (state) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed: return failed_with(transport_.error());
    case Transport::Connecting::done: break;
  }
  if (!send_proxy_header()) return failed_with(transport_.error());
  if (tls_ != nullptr) {
    transport_.start_tls(std::move(tls_));
    stage_ = Stage::handshake;
    return handshake();
  }
  stage_ = Stage::asking;
  ask();
}

// Of version 1 with weir's own addresses, since servers log UNKNOWN as an error; of version 2 with
// LOCAL, which is there for health checks. A fresh socket has room for it.
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
      return over(Verdict::fail, "TLS: " + why_no_handshake(*transport_.tls()));
    }
    case Transport::Connecting::done: break;
  }
  stage_ = Stage::asking;
  ask();
}

void CheckRun::ask() {
  const std::string_view question = probe_->question();
  while (sent_ < question.size()) {
    if (!transport_.writable()) return;
    const Io io = transport_.write(question.substr(sent_));
    sent_ += io.bytes;
    if (io.status == Io::Status::failed) return failed_with(transport_.error());
  }
  if (!probe_->wants_answer()) return over(Verdict::ok, {});
  stage_ = Stage::listening;
  listen();
}

void CheckRun::listen() {
  std::array<char, 4096> chunk;
  while (transport_.readable()) {
    const Io io = transport_.read(chunk);
    if (io.status == Io::Status::blocked) return;
    if (io.status == Io::Status::eof && transport_.cut_off())
      return over(Verdict::fail, "TLS: the answer was cut off");
    if (io.status == Io::Status::eof) return conclude(probe_->hear_end());
    if (io.status != Io::Status::ok) return failed_with(transport_.error());
    Probe::Finding finding = probe_->hear(std::string_view(chunk.data(), io.bytes));
    if (finding.is != Is::open) return conclude(std::move(finding));
  }
}

void CheckRun::conclude(Probe::Finding finding) {
  over(finding.is == Is::good ? Verdict::ok : Verdict::fail, std::move(finding.why));
}

void CheckRun::failed_with(int error) {
  over(is_our_own(error) ? Verdict::unknown : Verdict::fail, describe(error));
}

void CheckRun::over(Verdict verdict, std::string why) {
  transport_.close();
  owner_.on_run_over(verdict, std::move(why));
}

}  // namespace weir
