#include "health/http_probe.h"

#include "http/chars.h"
#include "http/h1_writer.h"
#include "http/semantics.h"

namespace weir {
namespace {

using Finding = Probe::Finding;
using Is = Finding::Is;

Finding bad(std::string why) {
  return {Is::bad, std::move(why)};
}

// RFC 9110 8.6: a request that could have a body has Content-Length: 0 without one.
bool may_have_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

std::string request(const config::HealthCheck& spec, const Backend& backend) {
  const std::string host = authority_of(spec, backend);
  size_t room = 256 + spec.method.size() + spec.path.size() + host.size();
  bool names_itself = false;
  for (const config::NamedValue& field : spec.headers) {
    room += field.name.size() + field.value.size() + std::string_view(": \r\n").size();
    names_itself = names_itself || iequals(field.name, "User-Agent");
  }
  std::string memory(room, '\0');
  H1HeadWriter out(memory);
  out.request_line(spec.method, spec.path);
  out.field("Host", host);
  if (!names_itself) out.field("User-Agent", "weir/" WEIR_VERSION);
  for (const config::NamedValue& field : spec.headers) out.field(field.name, field.value);
  if (may_have_body(spec.method)) out.field("Content-Length", uint64_t{0});
  out.field("Connection", "close");
  out.end();
  CHECK(out.ok());  // the configuration was validated
  memory.resize(out.text().size());
  return memory;
}

}  // namespace

HttpProbe::HttpProbe(const config::HealthCheck& spec, const Backend& backend)
    : spec_(spec),
      request_(request(spec, backend)),
      parser_(HeadLimits{.head = kMaxHeadSize, .fields = kMaxFields}),
      answer_(spec) {
  parser_.reset(answer_to(spec.method));
}

Finding HttpProbe::receive(std::string_view bytes) {
  switch (part_) {
    case Part::head: return receive_head(bytes);
    case Part::body: return receive_body(bytes);
  }
  CHECK_UNREACHABLE();
}

Finding HttpProbe::receive_head(std::string_view bytes) {
  head_.append(bytes);
  while (true) {
    const std::string_view rest = std::string_view(head_).substr(begun_);
    switch (parser_.feed(rest)) {
      case H1ResponseParser::State::incomplete: return forget_interims();
      case H1ResponseParser::State::failed:
        return bad(std::string("not valid HTTP: ") + parser_.fault().reason);
      case H1ResponseParser::State::complete: break;
    }
    if (!parser_.head(rest).interim()) return forget_interims(), take_head();
    begun_ += parser_.head_size();
    interim_bytes_ += parser_.head_size();
    if (interim_bytes_ > kMaxInterim) return bad("more than 1 MiB of interim responses");
    parser_.reset(answer_to(spec_.method));
  }
}

// Called once for all interim responses of a read: their number must not make it slow.
Finding HttpProbe::forget_interims() {
  head_.erase(0, std::exchange(begun_, 0));
  return {};
}

Finding HttpProbe::take_head() {
  const ResponseHead& head = parser_.head(head_);
  if (Finding finding = answer_.take_head(head); finding.is != Is::open) return finding;
  part_ = Part::body;
  switch (decoder_.start(head, kUnlimitedBody)) {
    case H1BodyDecoder::State::more: break;
    case H1BodyDecoder::State::done: return answer_.judge();
    case H1BodyDecoder::State::failed:
      return bad(std::string("not valid HTTP: ") + decoder_.fault().reason);
  }
  return receive_body(std::string_view(head_).substr(parser_.head_size()));
}

Finding HttpProbe::receive_body(std::string_view bytes) {
  while (!bytes.empty()) {
    const H1BodyDecoder::Piece piece = decoder_.next(bytes);
    if (answer_.take_body(piece.data)) return answer_.judge();
    switch (piece.state) {
      case H1BodyDecoder::State::more: break;
      case H1BodyDecoder::State::done: return answer_.judge();
      case H1BodyDecoder::State::failed:
        return bad(std::string("not valid HTTP: ") + decoder_.fault().reason);
    }
    bytes.remove_prefix(piece.consumed);
  }
  return {};
}

Finding HttpProbe::receive_end() {
  if (part_ == Part::body && decoder_.end_of_input() == H1BodyDecoder::State::done)
    return answer_.judge();
  return bad("closed before " + std::string(part_ == Part::body ? "the end of the response"
                                            : parser_.started() ? "the end of the head"
                                                                : "a response"));
}

std::string HttpProbe::missing() const {
  if (part_ == Part::body) return "no end of the response";
  return parser_.started() || interim_bytes_ > 0 ? "no whole head of a response" : "no response";
}

}  // namespace weir
