#include "upstream/tcp_probe.h"

#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

using Verdict = ProbeOwner::Verdict;

// What is missing on our side, not on the backend's. Not EAGAIN, which says that the queue of a
// UNIX socket is full, nor EADDRNOTAVAIL: an address that we cannot reach is no backend for us.
bool is_our_own(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::string describe(int error) {
  std::string text = std::strerror(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

TcpProbe::TcpProbe(EventLoop& loop, ProbeOwner& owner, const config::HealthCheck& spec)
    : Retirable(loop), owner_(owner), spec_(spec) {
  transport_.set_reader(this);
  transport_.set_writer(this);
}

void TcpProbe::start(const Address& to) {
  DCHECK(!transport_.is_open() && !connected_);
  advance(transport_.connect(loop(), to, ""));
}

std::string TcpProbe::missing() const {
  if (!connected_) return "not connected";
  return spec_.expect.empty() ? "could not send" : "no " + wanted();
}

void TcpProbe::on_writable() {
  advance(connected_ ? Transport::Connecting::done : transport_.finish_connecting());
}

void TcpProbe::on_readable() {
  if (connected_) read();
}

void TcpProbe::advance(Transport::Connecting state) {
  switch (state) {
    case Transport::Connecting::pending: return;
    case Transport::Connecting::failed: return failed_with(transport_.error());
    case Transport::Connecting::done: break;
  }
  connected_ = true;
  if (!send()) return;
  if (spec_.expect.empty()) return done(Verdict::ok, {});
  if (transport_.readable()) read();
}

bool TcpProbe::send() {
  while (sent_ < spec_.send.size() && transport_.writable()) {
    const Io io = transport_.write(std::span(spec_.send).subspan(sent_));
    sent_ += io.bytes;
    if (io.status == Io::Status::ok) continue;
    if (io.status == Io::Status::failed) failed_with(transport_.error());
    return false;
  }
  return sent_ == spec_.send.size();
}

void TcpProbe::read() {
  std::array<char, kAnswerLimit> chunk;
  while (transport_.readable()) {
    const Io io = transport_.read(chunk);
    if (io.status == Io::Status::blocked) return;
    if (io.status == Io::Status::eof) return done(Verdict::fail, "closed before " + wanted());
    if (io.status != Io::Status::ok) return failed_with(transport_.error());
    answer_.append(chunk.data(), std::min(io.bytes, kAnswerLimit - answer_.size()));
    if (!spec_.expect.empty() && answer_.find(spec_.expect) != std::string::npos) {
      return done(Verdict::ok, {});
    }
    if (answer_.size() == kAnswerLimit) {
      return done(Verdict::fail, "no " + wanted() + " in the first 4096 bytes");
    }
  }
}

void TcpProbe::failed_with(int error) {
  done(is_our_own(error) ? Verdict::unknown : Verdict::fail, describe(error));
}

void TcpProbe::done(Verdict verdict, std::string why) {
  transport_.close();
  owner_.on_probe_done(verdict, std::move(why));
}

std::string TcpProbe::wanted() const {
  constexpr size_t kShown = 32;
  const bool whole = spec_.expect.size() <= kShown;
  return "'" + spec_.expect.substr(0, kShown) + (whole ? "'" : "…'");
}

}  // namespace weir
