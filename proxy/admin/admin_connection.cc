#include "admin/admin_connection.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

#include "admin/admin_server.h"
#include "admin/gzip.h"
#include "http/h1_writer.h"
#include "http/semantics.h"

namespace weir {
namespace {

constexpr size_t kReadSize = 16 * 1024;
constexpr size_t kReplyHeadSize = 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

AdminConnection::AdminConnection(EventLoop& loop, AdminServer& server, AdminPeer peer)
    : Retirable(loop),
      server_(server),
      peer_(std::move(peer)),
      parser_(HeadLimits{.head = kAdminHeadLimit}) {}

bool AdminConnection::start(int fd) {
  transport_.set_reader(this);
  transport_.set_writer(this);
  if (!transport_.open(loop(), fd)) return false;
  await_request(kAdminRequestTimeout);
  return true;
}

// Called for every event: performs steps until one has to wait. Only this function closes.
void AdminConnection::advance() {
  if (advancing_ || stage_ == Stage::closed) return;
  advancing_ = true;
  Step step = Step::next;
  for (int budget = kAdminStepsPerTurn; budget > 0 && step == Step::next; --budget)
    step = perform();
  advancing_ = false;
  if (step == Step::next) return loop().yield(*this);
  if (step == Step::close) server_.release(*this);
}

AdminConnection::Step AdminConnection::perform() {
  switch (stage_) {
    case Stage::reading: return read_request();
    case Stage::handling: return Step::wait;
    case Stage::writing: return write_reply();
    case Stage::lingering: return discard();
    case Stage::closed: return Step::wait;
  }
  CHECK_UNREACHABLE();
}

void AdminConnection::enter(Stage stage, Duration timeout) {
  stage_ = stage;
  server_.enlist(*this);
  loop().deadlines().set(*this, timeout == Duration::max() ? kNever : loop().now() + timeout);
}

void AdminConnection::await_request(Duration timeout) {
  parser_.reset();
  request_ = {};
  large_body_ = nullptr;
  in_body_ = false;
  started_ = !in_.empty();
  if (in_.empty()) std::string().swap(in_);  // an idle connection holds no memory
  enter(Stage::reading, started_ ? kAdminRequestTimeout : timeout);
}

AdminConnection::Step AdminConnection::read_request() {
  if (Step step = parse_input(); step != Step::wait) return step;
  return transport_.readable() ? fill() : Step::wait;
}

AdminConnection::Step AdminConnection::fill() {
  std::array<char, kReadSize> scratch;
  Io io = transport_.read(scratch);
  switch (io.status) {
    case Io::Status::ok: break;
    case Io::Status::blocked: return Step::wait;
    case Io::Status::eof:
    case Io::Status::unsupported:
    case Io::Status::failed: return Step::close;
  }
  if (!started_) loop().deadlines().set(*this, std::min(at(), loop().now() + kAdminRequestTimeout));
  started_ = true;
  in_.append(scratch.data(), io.bytes);
  return Step::next;
}

AdminConnection::Step AdminConnection::parse_input() {
  if (in_body_) return decode_body();
  if (in_.empty()) return Step::wait;
  switch (parser_.feed(in_)) {
    case H1RequestParser::State::incomplete: return Step::wait;
    case H1RequestParser::State::failed: return refuse(parser_.fault());
    case H1RequestParser::State::complete: return accept_head();
  }
  CHECK_UNREACHABLE();
}

AdminConnection::Step AdminConnection::accept_head() {
  const RequestHead& head = parser_.head(in_);
  request_.method = head.method();
  request_.path = head.form() == TargetForm::origin || head.form() == TargetForm::absolute
                      ? head.path()
                      : head.target();
  request_.query = head.query();
  request_.accepts_gzip = accepts_gzip(head.find("accept-encoding"));
  request_.peer = peer_;
  if (const std::string why = objection(head); !why.empty()) return refuse(403, why);
  keep_alive_ = head.keep_alive();
  http_1_0_ = head.version() == HttpVersion::http_1_0;
  const bool wants_continue = head.expects_continue();
  if (decoder_.start(head, kAdminBodyLimit) == H1BodyDecoder::State::failed)
    return refuse(decoder_.fault());
  decoder_.limit_trailers(kAdminHeadLimit, H1BodyDecoder::Excess::fault);
  in_.erase(0, parser_.head_size());
  in_body_ = true;
  if (!wants_continue || !in_.empty()) return Step::next;
  // No other output is pending, so these few bytes fit, or the connection is broken.
  Io io = transport_.write(kContinue);
  return io.status == Io::Status::ok && io.bytes == kContinue.size() ? Step::next : Step::close;
}

AdminConnection::Step AdminConnection::decode_body() {
  std::string_view rest = in_;
  while (decoder_.state() == H1BodyDecoder::State::more && !rest.empty()) {
    H1BodyDecoder::Piece piece = decoder_.next(rest);
    request_.body += piece.data;
    rest.remove_prefix(piece.consumed);
    if (!is_large() || peer_.over_unix_socket || large_body_) continue;
    large_body_ = server_.take_large_body();
    if (!large_body_) return refuse(503, "too many large requests at once; try again");
  }
  in_.erase(0, in_.size() - rest.size());
  switch (decoder_.state()) {
    case H1BodyDecoder::State::more: return Step::wait;
    case H1BodyDecoder::State::failed: return refuse(decoder_.fault());
    case H1BodyDecoder::State::done: return dispatch();
  }
  CHECK_UNREACHABLE();
}

AdminConnection::Step AdminConnection::dispatch() {
  enter(Stage::handling, Duration::max());  // without a limit: the handler has its own
  ticket_ = std::make_shared<AdminResponder::Ticket>(AdminResponder::Ticket{this, large_body_});
  std::string body = std::move(request_.body);  // can be large: not copied
  AdminRequest request = request_;
  request.body = std::move(body);
  server_.handle(std::move(request), AdminResponder(ticket_));
  return Step::next;  // the handler may have answered, or even closed the server
}

// Why this request is refused over TCP; empty: it is not. The UNIX socket has permissions instead.
//
// DNS rebinding: an attacker's web page whose host name resolves to this address could make the
// browser of an operator send requests here, and read the answers. A browser names the page that
// sends a request in Origin; web pages must not change anything.
std::string AdminConnection::objection(const RequestHead& head) const {
  if (peer_.over_unix_socket) return "";
  if (!head.authority().empty() && !server_.access().knows_host(head.authority()))
    return fmt::format(
        "host '{}' is not in admin.hosts; use the IP address or localhost, or add the name to "
        "admin.hosts",
        split_authority(head.authority()).host);
  if (is_safe_method(head.method())) return "";
  if (head.find("origin").data() != nullptr)
    return "weir refuses requests of web pages (Origin) that change something";
  if (server_.access().read_only)
    return "admin.read_only: weir refuses requests over TCP that change something; use the UNIX "
           "socket";
  return "";
}

AdminConnection::Step AdminConnection::refuse(Fault fault) {
  return refuse(fault.status, fault.reason);
}

AdminConnection::Step AdminConnection::refuse(int status, std::string_view message) {
  keep_alive_ = false;
  answer(error_reply(status, message));
  return Step::next;
}

void AdminConnection::answer(AdminReply reply) {
  DCHECK(stage_ == Stage::reading || stage_ == Stage::handling);
  ticket_.reset();
  const bool negotiable = reply.gzipped || reply.body.size() > kAdminGzipAbove;
  const bool compressed = negotiable && request_.accepts_gzip;
  if (compressed && !reply.gzipped) reply.body = gzip(reply.body);
  out_.clear();
  sent_ = 0;
  append_head(reply, compressed, negotiable);
  if (request_.method != "HEAD") out_ += reply.body;
  enter(Stage::writing, kAdminWriteTimeout);
  advance();
}

void AdminConnection::append_head(const AdminReply& reply, bool compressed, bool negotiable) {
  std::array<char, kReplyHeadSize> memory;
  std::array<char, kHttpDateSize + 1> date;
  H1HeadWriter head(memory);
  head.status_line(unsigned(reply.status));
  head.field(kAdminServerField, "1");
  head.field("Date", format_http_date(std::time(nullptr), date));
  head.field("Content-Type", reply.content_type);
  head.field("Content-Length", uint64_t(reply.body.size()));
  if (compressed) head.field("Content-Encoding", "gzip");
  if (negotiable) head.field("Vary", "Accept-Encoding");
  if (!reply.allow.empty()) head.field("Allow", reply.allow);
  head.field("Cache-Control", "no-store");
  head.field("X-Content-Type-Options", "nosniff");
  if (!keep_alive_)
    head.field("Connection", "close");
  else if (http_1_0_)
    head.field("Connection", "keep-alive");
  head.end();
  CHECK(head.ok());  // no part of it comes from the client
  out_ = head.text();
}

AdminConnection::Step AdminConnection::write_reply() {
  if (!transport_.writable()) return Step::wait;
  Io io = transport_.write(std::string_view(out_).substr(sent_));
  if (io.status == Io::Status::blocked) return Step::wait;
  if (io.status != Io::Status::ok) return Step::close;
  sent_ += io.bytes;
  if (sent_ < out_.size()) return Step::next;
  std::string().swap(out_);
  if (keep_alive_) {
    await_request(kAdminIdleTimeout);
    return Step::next;
  }
  // Closing with unread input would send an RST, and the client would lose the response.
  transport_.shutdown_write();
  std::string().swap(in_);
  enter(Stage::lingering, kAdminLingerTimeout);
  return Step::next;
}

AdminConnection::Step AdminConnection::discard() {
  if (!transport_.readable()) return Step::wait;
  std::array<char, kReadSize> scratch;
  Io io = transport_.read(scratch);
  if (io.status == Io::Status::ok) return Step::next;
  return io.status == Io::Status::blocked ? Step::wait : Step::close;
}

void AdminConnection::on_deadline() {
  if (stage_ == Stage::reading && started_) {
    (void)refuse({408, "the request did not arrive in time"});
    return;
  }
  if (stage_ == Stage::writing) transport_.abort();  // a truncated reply must not look complete
  server_.release(*this);
}

void AdminConnection::close() {
  if (stage_ == Stage::closed) return;
  stage_ = Stage::closed;
  large_body_ = nullptr;
  if (ticket_ != nullptr) ticket_->connection = nullptr;
  AdminStageLink::unlink();
  cancel();
  cancel_yield();
  transport_.close();
}

}  // namespace weir
