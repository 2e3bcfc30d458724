#include "health/http2_probe.h"

#include <charconv>

#include "health/grpc_health.h"
#include "http/chars.h"
#include "http/grpc.h"
#include "http/hpack_writer.h"
#include "http/semantics.h"

namespace weir {
namespace {

constexpr TimePoint kProbeStart{std::chrono::hours(1)};  // the time is of no importance
constexpr size_t kGrpcPrefix = 5;
constexpr std::string_view kHealthPath = "/grpc.health.v1.Health/Check";

// The value of a field in lines "name: value CRLF".
std::string_view line_value(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    const size_t colon = line.find(':');
    if (iequals(line.substr(0, colon), name)) return trim_ows(line.substr(colon + 1));
  }
  return {};
}

}  // namespace

Http2Probe::Http2Probe(const config::HealthCheck& spec, const Backend& backend, bool tls)
    : spec_(spec),
      memory_(kHeadLimit),
      lines_(kMaxH2TrailersSize),
      connection_(H2Role::client, *this, *this),
      answer_(spec) {
  connection_.start({}, kProbeStart);
  send(backend, tls);
}

Http2Probe::~Http2Probe() {
  connection_.detach(stream_);
}

void Http2Probe::send(const Backend& backend, bool tls) {
  CHECK(connection_.open(stream_));
  HpackWriter block(memory_);
  block.empty_table();
  block.pseudo_field(PseudoField::method, grpc() ? "POST" : std::string_view(spec_.method));
  block.pseudo_field(PseudoField::scheme, tls ? "https" : "http");
  block.pseudo_field(PseudoField::path, grpc() ? kHealthPath : std::string_view(spec_.path));
  block.pseudo_field(PseudoField::authority, authority_of(spec_, backend));
  bool names_itself = false;
  for (const config::NamedValue& field : spec_.headers) {
    names_itself = names_itself || iequals(field.name, "User-Agent");
    block.field(field.name, trim_ows(field.value));
  }
  if (!names_itself) block.field("user-agent", "weir/" WEIR_VERSION);
  if (grpc()) {
    block.field("content-type", "application/grpc");
    block.field("te", "trailers");
  }
  CHECK(block.ok());  // the configuration was validated
  connection_.send_fields(stream_, block.block(), !grpc());
  if (!grpc()) return;
  const std::string message = health_request(spec_.service);
  const H2FrameHeader header{static_cast<uint32_t>(message.size()), H2FrameType::data, kH2EndStream,
                             stream_.id()};
  const auto frame = write_h2_frame_header(header);
  output_.append(frame.data(), frame.size()).append(message);
  connection_.sent_data(stream_, message.size());
  connection_.sent_end(stream_);
}

Probe::Finding Http2Probe::receive(std::string_view bytes) {
  begun_ = true;
  connection_.receive(bytes, kProbeStart);
  if (!finding_ && connection_.error())
    fail(std::string("not valid HTTP/2: ") + connection_.error()->reason);
  return finding_.value_or(Finding{});
}

Probe::Finding Http2Probe::receive_end() {
  return {Finding::Is::bad,
          std::string("closed before ") + (has_head_ ? "the end of the response" : "a response")};
}

std::string Http2Probe::missing() const {
  return has_head_ ? "no end of the response"
         : begun_  ? "no whole head of a response"
                   : "no response";
}

// The first one counts.
void Http2Probe::conclude(Finding finding) {
  if (!finding_) finding_ = std::move(finding);
}

H2FieldTarget Http2Probe::on_fields(H2StreamState&, H2Fields kind) {
  const HeadLimits limits{.head = kHeadLimit, .fields = 1000};
  if (kind == H2Fields::trailers) {
    trailer_reader_.begin(lines_);
    return {&trailer_reader_, memory_, kMaxH2TrailersSize};
  }
  reader_.begin(head_, memory_, limits, grpc() ? AnswerTo::other : answer_to(spec_.method));
  return {&reader_, memory_, kHeadLimit};
}

void Http2Probe::on_fields_end(H2StreamState&, H2Fields kind, const HpackOutcome& outcome,
                               bool end) {
  if (kind == H2Fields::head) return on_head_end(outcome, end);
  if (const H2HeadFault fault = trailer_reader_.finish(outcome, end))
    return fail(std::string("not valid HTTP/2: ") + fault.fault.reason);
  note_grpc_status(line_value(trailer_reader_.lines(), "grpc-status"));
}

void Http2Probe::on_head_end(const HpackOutcome& outcome, bool end) {
  if (const H2HeadFault fault = reader_.finish(outcome, end))
    return fail(std::string("not valid HTTP/2: ") + fault.fault.reason);
  if (head_.interim()) return;
  has_head_ = true;
  stream_.expect_trailers();
  if (head_.framing() == BodyFraming::length) stream_.expect_length(head_.content_length());
  if (!grpc()) {
    if (Finding finding = answer_.take_head(head_); finding.is != Finding::Is::open)
      conclude(std::move(finding));
    return;
  }
  if (head_.status() != 200) return fail("status " + std::to_string(head_.status()));
  note_grpc_status(head_.find("grpc-status"));
}

void Http2Probe::note_grpc_status(std::string_view value) {
  if (value.data() != nullptr && !value.empty()) grpc_status_ = std::string(value.substr(0, 8));
}

void Http2Probe::on_data(H2StreamState& stream, std::string_view data) {
  connection_.taken(stream, data.size(), false);
  if (!grpc()) {
    if (answer_.take_body(data)) conclude(answer_.judge());
    return;
  }
  constexpr size_t kLimit = kGrpcPrefix + kMaxHealthMessage;
  body_.append(data.substr(0, kLimit - body_.size()));
  if (body_.size() == kLimit) fail("its message is too large");
}

void Http2Probe::on_end(H2StreamState&) {
  if (!grpc()) return conclude(answer_.judge());
  std::string why = judge_grpc();
  conclude({why.empty() ? Finding::Is::good : Finding::Is::bad, std::move(why)});
}

void Http2Probe::on_reset(H2StreamState&, H2Error code, bool by_peer) {
  fail(by_peer ? "the stream was reset, code " + std::to_string(unsigned(code))
               : std::string("not valid HTTP/2: a malformed frame or body"));
}

void Http2Probe::on_goaway(uint32_t last_stream, H2Error code, std::string_view) {
  if (last_stream < stream_.id())
    fail("the backend takes no request, code " + std::to_string(unsigned(code)));
}

std::string Http2Probe::judge_grpc() const {
  if (!grpc_status_) return "no grpc-status";
  switch (parse_grpc_status(*grpc_status_)) {
    case GrpcStatus::OK: break;
    case GrpcStatus::UNIMPLEMENTED: return "has no health service (12)";
    case GrpcStatus::NOT_FOUND: return "does not know " + in_quotes(spec_.service) + " (5)";
    default: return "grpc-status " + *grpc_status_;
  }
  if (body_.size() < kGrpcPrefix) return "no message";
  if (body_[0] != '\0') return "its message is compressed";
  size_t size = 0;
  for (size_t i = 1; i < kGrpcPrefix; ++i) size = size << 8 | static_cast<unsigned char>(body_[i]);
  if (size != body_.size() - kGrpcPrefix) return "its message has another length than announced";
  const auto status = read_health_response(std::string_view(body_).substr(kGrpcPrefix));
  if (!status) return "its message is no HealthCheckResponse";
  return *status == ServingStatus::serving ? std::string() : text(*status);
}

}  // namespace weir
