// Any bytes as the input from a backend; the first byte chooses the method of the request. The
// result does not depend on how they are split, and an accepted response has the same meaning for
// the client.
#include "http1_properties.h"
#include "support/http1_response_transcript.h"

namespace {

using namespace weir;

constexpr std::array<std::string_view, 3> kMethods = {"GET", "HEAD", "CONNECT"};

void check_round_trip(std::string_view input, std::string_view method, HttpVersion client) {
  H1ResponseReader parser;
  parser.reset(answer_to(method));
  if (parser.feed(input) != H1ResponseParser::State::complete) {
    if (parser.state() == H1ResponseParser::State::failed) CHECK(parser.fault().status == 502);
    return;
  }
  const ResponseHead& head = parser.head(input);
  std::string memory(2 * input.size() + 256, '\0');
  H1HeadWriter out(memory);
  const ResponsePlan plan{.body = relayed_body(head, client),
                          .connection = ConnectionOption::close,
                          .client = client,
                          .upgrade = true};
  write_response(out, head, plan);
  if (head.status() == 101 || (head.interim() && client == HttpVersion::http_1_0)) {
    if (!out.ok()) return;
  }
  CHECK(out.ok());
  // Three may have been added: Connection, Transfer-Encoding and Upgrade.
  if (head.field_count() + 3 > HeadLimits().fields) return;

  H1ResponseReader reader;
  reader.reset(answer_to(method));
  CHECK(reader.feed(out.text()) == H1ResponseParser::State::complete);
  CHECK(reader.head_size() == out.text().size());
  const ResponseHead& after = reader.head(out.text());
  CHECK(after.status() == head.status() && after.reason() == head.reason());
  CHECK(after.bodiless() == head.bodiless());
  CHECK((after.framing() == BodyFraming::none) == (head.framing() == BodyFraming::none));
  CHECK(client == HttpVersion::http_1_1 || after.framing() != BodyFraming::delimited);
  if (head.framing() == BodyFraming::length) CHECK(after.content_length() == head.content_length());
  if (after.status() != 204 && after.has(FieldId::content_length))
    CHECK(after.announced_length() == head.announced_length());
  CHECK(after.switches_protocols() == head.switches_protocols());
  weir::fuzz::check_fields(head, after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view method = kMethods[data[0] % kMethods.size()];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  weir::fuzz::check_scan(input);
  weir::fuzz::check_splits(
      input, [method] { return Http1ResponseTranscript(method, HeadLimits{.head = 2048}); });
  check_round_trip(input, method, HttpVersion::http_1_1);
  check_round_trip(input, method, HttpVersion::http_1_0);
  return 0;
}
