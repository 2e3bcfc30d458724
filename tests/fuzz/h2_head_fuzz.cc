// Any bytes as the header block of a request, a response or trailers of HTTP/2. What has no fault
// is written for both versions: a parser of HTTP/1 reads one head in it, with the same meaning, and
// so does a reader of HTTP/2. The first byte selects the kind and whether the stream ends.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "http/field_filter.h"
#include "http/h1_body.h"
#include "http/h1_parser.h"
#include "http/h1_relay.h"
#include "http/h2_head.h"
#include "http/h2_relay.h"

namespace {

using namespace weir;
using Kind = H2HeadFault::Kind;

constexpr size_t kRoom = 128 * 1024;
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

// The fields that follow `first` others in a head that was written are those that pass.
void check_fields(const MessageHead& before, const FieldFilter& filter, const MessageHead& after,
                  size_t first) {
  for (size_t i = 0; i < before.field_count(); ++i) {
    if (!filter.passes(before.field_id(i), before.field_name(i))) continue;
    CHECK(first < after.field_count());
    CHECK(after.field_name(first) == before.field_name(i));
    CHECK(after.field_value(first) == before.field_value(i));
    CHECK(!before.never_indexed(i) || after.never_indexed(first) ||
          after.version() != HttpVersion::http_2);
    ++first;
  }
}

void check_fault(const H2HeadFault& fault) {
  CHECK((fault.kind == Kind::none) == (*fault.fault.reason == '\0'));
  if (fault.kind != Kind::answer) return;
  const unsigned status = fault.fault.status;
  CHECK(status == 400 || status == 414 || status == 417 || status == 431 || status == 501);
}

struct Request {
  Request(std::string_view block, bool end_stream, HeadLimits limits) : memory(2 * limits.head) {
    H2RequestReader reader;
    reader.begin(head, memory, limits);
    HpackDecoder decoder;
    const HpackOutcome outcome = decoder.decode(block, reader.texts(), limits.head, reader);
    decoded = outcome.state == HpackOutcome::State::complete ||
              outcome.state == HpackOutcome::State::too_large;
    if (!decoded) return;
    fault = reader.finish(outcome, end_stream);
    check_fault(fault);
    CHECK(head.field_count() <= limits.fields && reader.size() <= memory.size());
    CHECK(outcome.state == HpackOutcome::State::complete || fault);
    memory.resize(reader.size());
    memory.shrink_to_fit();
    head.move_to(memory.data());
  }

  std::vector<char> memory;
  RequestHead head;
  bool decoded = false;
  H2HeadFault fault;
};

RequestPlan plan_of(const RequestHead& head) {
  RequestPlan plan;
  plan.target = head.target();
  plan.authority = head.authority();
  plan.body = relayed_body(head);
  plan.expect = true;
  plan.protocol = head.protocol();
  return plan;
}

void check_http1_request(const RequestHead& head) {
  RequestPlan plan = plan_of(head);
  if (iequals(plan.protocol, "websocket")) plan.websocket_key = kKey;
  std::vector<char> memory(kRoom);
  H1HeadWriter out(memory);
  write_request(out, head, plan);
  CHECK(out.ok());
  const std::string text(out.text());
  H1RequestReader parser(HeadLimits{kRoom, 200});
  CHECK(parser.feed(text) == H1RequestParser::State::complete);
  CHECK(parser.head_size() == text.size());
  const RequestHead& after = parser.head(text);
  CHECK(after.method() == (plan.protocol.empty() ? head.method() : "GET"));
  CHECK(after.target() == head.target() && after.path() == head.path());
  CHECK(after.authority() == head.authority() && !after.repeated(FieldId::host));
  CHECK(after.form() == head.form());
  CHECK(after.framing() == head.framing());
  CHECK(after.announced_length() == head.announced_length());
  CHECK(after.expects_continue() == head.expects_continue());
  CHECK(after.upgrades() == !plan.protocol.empty());
  CHECK(!after.repeated(FieldId::cookie) && after.keep_alive());
  FieldFilter filter(head, {});
  filter.drop_untrusted();
  if (!plan.protocol.empty()) filter.drop(FieldId::sec_websocket_key);
  check_fields(head, filter, after, 1);
}

void check_http2_request(const RequestHead& head, bool end_stream) {
  std::vector<char> memory(kRoom);
  HpackWriter out(memory);
  write_h2_request(out, head, plan_of(head), "https");
  CHECK(out.ok());
  const Request again(out.block(), end_stream, HeadLimits{kRoom, 200});
  CHECK(again.decoded && !again.fault);
  CHECK(again.head.method() == head.method() && again.head.target() == head.target());
  CHECK(again.head.authority() == head.authority() && again.head.form() == head.form());
  CHECK(again.head.protocol() == head.protocol());
  CHECK(again.head.framing() == head.framing());
  CHECK(again.head.announced_length() == head.announced_length());
  FieldFilter filter(head, {});
  filter.drop_untrusted();
  if (!head.protocol().empty()) filter.drop(FieldId::sec_websocket_key);
  check_fields(head, filter, again.head, 0);
}

void try_request(std::string_view block, bool end_stream, HeadLimits limits) {
  const Request request(block, end_stream, limits);
  if (!request.decoded || request.fault) return;
  CHECK(request.head.framing() == BodyFraming::none || !end_stream);
  CHECK(!request.head.authority().empty() && !request.head.method().empty());
  check_http1_request(request.head);
  check_http2_request(request.head, end_stream);
}

struct Response {
  Response(std::string_view block, bool end_stream, AnswerTo request) : memory(kRoom) {
    const HeadLimits limits{kRoom, 200};
    H2ResponseReader reader;
    reader.begin(head, memory, limits, request);
    HpackDecoder decoder;
    const HpackOutcome outcome = decoder.decode(block, memory, limits.head, reader);
    decoded = outcome.state == HpackOutcome::State::complete ||
              outcome.state == HpackOutcome::State::too_large;
    if (decoded) fault = reader.finish(outcome, end_stream);
    CHECK(fault.kind != Kind::answer && (!fault || fault.fault.status == 502));
  }

  std::vector<char> memory;
  ResponseHead head;
  bool decoded = false;
  H2HeadFault fault;
};

void check_http1_response(const ResponseHead& head, AnswerTo request, HttpVersion client) {
  ResponsePlan plan;
  plan.client = client;
  plan.body = relayed_body(head, client);
  if (plan.body.framing == BodyFraming::until_close) plan.connection = ConnectionOption::close;
  std::vector<char> memory(kRoom);
  H1HeadWriter out(memory);
  write_response(out, head, plan);
  CHECK(out.ok() == !(head.interim() && client == HttpVersion::http_1_0));
  if (!out.ok()) return;
  const std::string text(out.text());
  H1ResponseReader parser(HeadLimits{kRoom, 300});
  parser.reset(request, HeadLimits{kRoom, 300});
  CHECK(parser.feed(text) == H1ResponseParser::State::complete);
  CHECK(parser.head_size() == text.size());
  const ResponseHead& after = parser.head(text);
  CHECK(after.status() == head.status());
  CHECK(after.framing() == plan.body.framing);
  check_fields(head, FieldFilter(head, {}), after, 0);
}

void try_response(std::string_view block, bool end_stream, AnswerTo request) {
  const Response response(block, end_stream, request);
  if (!response.decoded || response.fault) return;
  const ResponseHead& head = response.head;
  CHECK(head.framing() == BodyFraming::none || !end_stream);
  check_http1_response(head, request, HttpVersion::http_1_1);
  check_http1_response(head, request, HttpVersion::http_1_0);
  ResponsePlan plan;
  plan.body = relayed_body(head, HttpVersion::http_2);
  std::vector<char> memory(kRoom);
  HpackWriter out(memory);
  write_h2_response(out, head, plan);
  CHECK(out.ok());
  const Response again(out.block(), end_stream, request);
  CHECK(again.decoded && !again.fault && again.head.status() == head.status());
  CHECK(again.head.framing() == head.framing());
  check_fields(head, FieldFilter(head, {}), again.head, 0);
}

// RFC 9112 7.1.2: the lines are the trailers of a chunked body.
void try_trailers(std::string_view block, bool end_stream) {
  std::vector<char> texts(kRoom), memory(1024);
  H2TrailerReader reader;
  reader.begin(memory);
  HpackDecoder decoder;
  const HpackOutcome outcome = decoder.decode(block, texts, kRoom, reader);
  if (outcome.state != HpackOutcome::State::complete) return;
  const H2HeadFault fault = reader.finish(outcome, end_stream);
  CHECK(fault.kind != Kind::answer && (fault || end_stream));
  if (fault) return;
  constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  H1ResponseReader parser;
  CHECK(parser.feed(kHead) == H1ResponseParser::State::complete);
  std::vector<char> body(reader.lines().size() + kLastChunk.size());
  const std::string_view end = last_chunk(reader.lines(), body);
  H1BodyDecoder chunks;
  chunks.start(parser.head(kHead), 0);
  const H1BodyDecoder::Piece piece = chunks.next(end);
  CHECK(piece.state == H1BodyDecoder::State::done && piece.consumed == end.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::vector<char> bytes(data + 1, data + size);
  const std::string_view block(bytes.data(), bytes.size());
  const bool end_stream = (data[0] & 1) != 0;
  switch (data[0] >> 1 & 7) {
    case 0: try_request(block, end_stream, {32 * 1024, 100}); break;
    case 1: try_request(block, end_stream, {256, 3}); break;
    case 2: try_response(block, end_stream, AnswerTo::other); break;
    case 3: try_response(block, end_stream, AnswerTo::head); break;
    case 4: try_response(block, end_stream, AnswerTo::connect); break;
    default: try_trailers(block, end_stream); break;
  }
  return 0;
}
