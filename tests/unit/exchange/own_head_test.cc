// The heads of weir's own responses: the same fields in both versions of HTTP, with a Connection
// field in HTTP/1 only.
#include "exchange/own_head.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "http/hpack_decoder.h"

namespace weir {
namespace {

class HeadLines final : public HpackSink {
 public:
  void on_field(const HpackField& field) override {
    text.append(field.name).append(": ").append(field.value).append("\n");
  }
  std::string text;
};

std::string own_head_in_h1(const OwnHead& head, ConnectionOption connection) {
  std::array<char, 1024> memory;
  H1HeadWriter out(memory);
  write_own_head(out, head, connection);
  return std::string(out.text());
}

std::string own_head_in_h2(const OwnHead& head, size_t room = 1024) {
  std::vector<char> memory(room), texts(4096);
  HpackWriter out(memory);
  write_own_head(out, head);
  HeadLines lines;
  HpackDecoder decoder;
  EXPECT_EQ(decoder.decode(out.block(), texts, texts.size(), lines).state,
            HpackOutcome::State::complete);
  return lines.text;
}

TEST(OwnHead, HasTheSameFieldsInBothVersions) {
  HttpSpec http;
  http.server_text = "weir";
  const OwnHead head{http, nullptr, 302, "now", "/there", "text/plain", 5, "id"};
  EXPECT_EQ(own_head_in_h1(head, ConnectionOption::close),
            "HTTP/1.1 302 Found\r\nDate: now\r\nServer: weir\r\nLocation: /there\r\n"
            "Content-Type: text/plain\r\nContent-Length: 5\r\nX-Request-Id: id\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_EQ(own_head_in_h2(head),
            ":status: 302\ndate: now\nserver: weir\nlocation: /there\ncontent-type: text/plain\n"
            "content-length: 5\nx-request-id: id\n");
}

TEST(OwnHead, ForGrpcHasAStatusOfGrpcAndNoLength) {
  const HttpSpec http;
  EXPECT_EQ(own_head_in_h2({http, nullptr, 200, "now", "", "", 0, "id", "14", "Bad%20Gateway"}),
            ":status: 200\ndate: now\ncontent-type: application/grpc\ngrpc-status: 14\n"
            "grpc-message: Bad%20Gateway\nx-request-id: id\n");
}

// RFC 9110 8.6.
TEST(OwnHead, WithoutABodyHasALengthUnlessTheStatusForbidsIt) {
  const HttpSpec http;
  EXPECT_EQ(own_head_in_h2({http, nullptr, 404, "now", "", "text/plain", 0, ""}),
            ":status: 404\ndate: now\ncontent-length: 0\n");
  EXPECT_EQ(own_head_in_h2({http, nullptr, 204, "now", "", "", 0, ""}),
            ":status: 204\ndate: now\n");
}

// RFC 9113 8.2.1: no value begins or ends with a blank.
TEST(OwnHead, IsEditedByTheRouteInBothVersions) {
  const HttpSpec http;
  FieldEdits edits;
  const FieldText set[] = {{"Server", " mine "}};
  const std::string_view remove[] = {"Date"};
  edits.set.assign(std::begin(set), std::end(set));
  edits.remove.assign(std::begin(remove), std::end(remove));
  const OwnHead head{http, &edits, 404, "now", "", "", 0, ""};
  EXPECT_EQ(own_head_in_h1(head, ConnectionOption::none),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nServer:  mine \r\n\r\n");
  EXPECT_EQ(own_head_in_h2(head), ":status: 404\ncontent-length: 0\nserver: mine\n");
}

TEST(OwnHead, ThatDoesNotFitIsNotWrittenAtAll) {
  const HttpSpec http;
  const OwnHead head{http, nullptr, 404, "now", "", "", 0, ""};
  EXPECT_EQ(own_head_in_h2(head, 8), "");
}

}  // namespace
}  // namespace weir
