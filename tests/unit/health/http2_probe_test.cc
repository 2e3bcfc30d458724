// Checks over HTTP/2: what is sent, and what is found in an answer.
#include "health/http2_probe.h"

#include <gmock/gmock.h>

#include "health/grpc_health.h"
#include "http/hpack_writer.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Lines = std::vector<std::pair<std::string, std::string>>;

std::string h2_frame(H2FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  const auto header =
      write_h2_frame_header({static_cast<uint32_t>(payload.size()), type, flags, stream});
  return std::string(header.data(), header.size()).append(payload);
}
std::string h2_fields(unsigned status, const Lines& lines, bool end) {
  char memory[4096];
  HpackWriter block(memory);
  if (status != 0) block.status(status);
  for (const auto& [name, value] : lines) block.field(name, value);
  const uint8_t flags = kH2EndHeaders | (end ? kH2EndStream : uint8_t(0));
  return h2_frame(H2FrameType::headers, flags, 1, block.block());
}
std::string h2_data(std::string_view text, bool end = false) {
  return h2_frame(H2FrameType::data, end ? kH2EndStream : uint8_t(0), 1, text);
}
// A message with its prefix.
std::string message(std::string_view bytes) {
  return std::string("\0\0\0\0", 4) + char(bytes.size()) + std::string(bytes);
}
constexpr std::string_view kServing("\x08\x01", 2);

class Http2ProbeTest : public testing::Test {
 protected:
  Http2ProbeTest() { spec.type = config::HealthCheck::Type::grpc; }

  std::string finds(const std::string& answer, bool ends = false) {
    const std::string bytes = h2_frame(H2FrameType::settings, 0, 0, "") + answer;
    const std::string whole = receive(bytes, bytes.size(), ends);
    for (const size_t size : {1u, 2u, 9u}) EXPECT_EQ(receive(bytes, size, ends), whole) << size;
    return whole;
  }
  std::string answers(std::string_view body, const Lines& trailers) {
    return finds(h2_fields(200, {{"content-type", "application/grpc"}}, false) + h2_data(body) +
                 h2_fields(0, trailers, true));
  }
  config::HealthCheck spec;

 private:
  std::string receive(std::string_view bytes, size_t size, bool ends) {
    const Backend backend("app", "b", "10.0.0.1:80", *Address::parse("10.0.0.1:80"));
    Http2Probe probe(spec, backend, false);
    Probe::Finding finding;
    for (; !bytes.empty() && finding.is == Probe::Finding::Is::open;
         bytes.remove_prefix(std::min(size, bytes.size())))
      finding = probe.receive(bytes.substr(0, size));
    if (ends && finding.is == Probe::Finding::Is::open) finding = probe.receive_end();
    switch (finding.is) {
      case Probe::Finding::Is::open: return "open: " + probe.missing();
      case Probe::Finding::Is::good: return "good";
      case Probe::Finding::Is::drain: return "drain: " + finding.why;
      case Probe::Finding::Is::bad: break;
    }
    return finding.why;
  }
};

TEST_F(Http2ProbeTest, ServingBackendIsGood) {
  EXPECT_EQ(answers(message(kServing), {{"grpc-status", "0"}}), "good");
}

TEST_F(Http2ProbeTest, OtherStatesAreBad) {
  EXPECT_EQ(answers(message(std::string_view("\x08\x02", 2)), {{"grpc-status", "0"}}),
            "NOT_SERVING");
  EXPECT_EQ(answers(message(""), {{"grpc-status", "0"}}), "UNKNOWN");
  EXPECT_EQ(answers(message(kServing), {{"grpc-status", "14"}}), "grpc-status 14");
  EXPECT_EQ(answers(message(kServing), {}), "no grpc-status");
}

TEST_F(Http2ProbeTest, UnknownFieldsOfTheMessageAreSkipped) {
  const std::string_view bytes(
      "\x12\x03"
      "abc\x18\x96\x01\x25\1\2\3\4\x29\1\2\3\4\5\6\7\x08\x08\x01",
      24);
  EXPECT_EQ(read_health_response(bytes), ServingStatus::serving);
  EXPECT_EQ(read_health_response("\x0b"), std::nullopt) << "a group";
  EXPECT_EQ(read_health_response("\x12\x05"
                                 "abc"),
            std::nullopt)
      << "cut";
  EXPECT_EQ(read_health_response("\x08\xff"), std::nullopt) << "a number that is cut";
}

// A trailers-only response.
TEST_F(Http2ProbeTest, StatusesAreExplained) {
  const auto only = [&](const std::string& status) {
    return finds(
        h2_fields(200, {{"content-type", "application/grpc"}, {"grpc-status", status}}, true));
  };
  EXPECT_EQ(only("12"), "has no health service (12)");
  spec.service = "shop.Cart";
  EXPECT_EQ(only("5"), "does not know 'shop.Cart' (5)");
  EXPECT_EQ(only("0"), "no message");
}

TEST_F(Http2ProbeTest, MalformedMessagesAreBad) {
  EXPECT_EQ(answers("\1" + message(kServing).substr(1), {{"grpc-status", "0"}}),
            "its message is compressed");
  EXPECT_EQ(answers(message(kServing) + "x", {{"grpc-status", "0"}}),
            "its message has another length than announced");
  EXPECT_EQ(answers(std::string(2000, 'x'), {{"grpc-status", "0"}}), "its message is too large");
}

TEST_F(Http2ProbeTest, StatusOfHttpIsReported) {
  EXPECT_EQ(finds(h2_fields(503, {}, true)), "status 503");
}

TEST_F(Http2ProbeTest, EndBeforeTheResponseIsBad) {
  EXPECT_EQ(finds("", true), "closed before a response");
  EXPECT_EQ(finds(h2_fields(200, {}, false), true), "closed before the end of the response");
  EXPECT_EQ(finds(h2_fields(200, {}, false)), "open: no end of the response");
  EXPECT_EQ(finds(h2_frame(H2FrameType::rst_stream, 0, 1, std::string_view("\0\0\0\7", 4))),
            "the stream was reset, code 7");
  EXPECT_THAT(finds("HTTP/1.1 400 Bad Request\r\n\r\n"), StartsWith("not valid HTTP/2: "));
}

TEST_F(Http2ProbeTest, TypeHttpHasItsOwnRequirements) {
  spec.type = config::HealthCheck::Type::http;
  EXPECT_EQ(finds(h2_fields(204, {}, true)), "good");
  EXPECT_EQ(finds(h2_fields(103, {}, false) + h2_fields(200, {}, false) + h2_data("x", true)),
            "good");
  EXPECT_EQ(finds(h2_fields(301, {}, true)), "status 301");
  spec.expect_body = "pong";
  EXPECT_EQ(finds(h2_fields(200, {}, false) + h2_data("po") + h2_data("ng", true)), "good");
  EXPECT_EQ(finds(h2_fields(200, {}, false) + h2_data("po", true)), "no 'pong' in the body");
}

TEST_F(Http2ProbeTest, AcknowledgesTheSettingsOfTheBackend) {
  const Backend backend("app", "b", "10.0.0.1:80", *Address::parse("10.0.0.1:80"));
  Http2Probe probe(spec, backend, false);
  const size_t first = probe.request_bytes().size();
  EXPECT_THAT(std::string(probe.request_bytes()), StartsWith("PRI * HTTP/2.0"));
  EXPECT_EQ(probe.receive(h2_frame(H2FrameType::settings, 0, 0, "")).is, Probe::Finding::Is::open);
  EXPECT_EQ(probe.request_bytes().substr(first), h2_frame(H2FrameType::settings, kH2Ack, 0, ""));
}

TEST_F(Http2ProbeTest, NameOfTheServiceIsInTheMessage) {
  EXPECT_EQ(health_request(""), std::string("\0\0\0\0\0", 5));
  EXPECT_EQ(health_request("a.B"), std::string("\0\0\0\0\5\x0a\3", 7) + "a.B");
  const std::string name(200, 'n');
  EXPECT_EQ(health_request(name), std::string("\0\0\0\0\xcb\x0a\xc8\x01", 8) + name);
}

TEST_F(Http2ProbeTest, DrainsAsOverHttp1) {
  spec.type = config::HealthCheck::Type::http;
  spec.drain_on = {.status = {{{503, 503}}}, .header = "X-Drain: *", .body = "soon"};
  const auto answer = [](unsigned status, const std::string& field, std::string_view body) {
    return h2_fields(status, {{field, "1"}}, false) + h2_data(body, true);
  };
  EXPECT_EQ(finds(answer(503, "x-drain", "soon")), "drain: status 503");
  EXPECT_EQ(finds(answer(503, "x-drain", "late")), "status 503");
  EXPECT_EQ(finds(answer(503, "x-other", "soon")), "status 503");
  EXPECT_EQ(finds(answer(200, "x-drain", "soon")), "good");
}

}  // namespace
}  // namespace weir::test
