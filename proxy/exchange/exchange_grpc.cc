// gRPC over HTTP/2: errors of weir's own are answered as gRPC clients understand them, and what a
// call ended with is counted. Which limits of time apply: exchange/limits.cc.
#include <fmt/format.h>

#include <array>

#include "exchange/exchange.h"
#include "exchange/own_head.h"
#include "http/field_lines.h"
#include "http/grpc.h"

namespace weir {
namespace {

constexpr std::string_view kGrpcStatusField = "grpc-status";

// The null view: there is no such field.
std::string_view field_of(std::string_view lines, std::string_view wanted) {
  for (std::string_view name, value; next_field_line(lines, name, value);)
    if (iequals(name, wanted)) return value;
  return {};
}

struct GrpcAnswer {
  GrpcAnswer(unsigned http_status, std::optional<EndReason> reason)
      : status(reason == EndReason::request_timeout ? GrpcStatus::DEADLINE_EXCEEDED
                                                    : grpc_status_for(http_status)),
        number(fmt::format("{}", static_cast<unsigned>(status))),
        message(encode_grpc_message(reason_phrase(http_status), memory)) {}

  GrpcStatus status;
  std::string number;
  std::array<char, 256> memory;
  std::string_view message;  // about the kind of error, and nothing about backends
};

}  // namespace

void Exchange::recognize_grpc() {
  const RequestHead& head = request();
  if (head.version() != HttpVersion::http_2 || !is_grpc(head.find("Content-Type"))) return;
  request_.grpc.call = true;
  if (const auto timeout = parse_grpc_timeout(head.find("grpc-timeout")))
    request_.grpc.timeout = *timeout;
}

// An error in one HEADERS with END_STREAM: status 200, and the error in grpc-status.
Exchange::Step Exchange::reply_grpc(unsigned status) {
  const GrpcAnswer answer(status, failed_by());
  request_.grpc.status = answer.status;
  (void)request_id();
  const FieldEdits* edits = request_.route != nullptr ? &request_.route->response_fields : nullptr;
  return send_own({.http = *request_.listener->http,
                   .edits = edits,
                   .status = 200,
                   .date = http_.date(),
                   .location = {},
                   .type = {},
                   .body_size = 0,
                   .request_id = request_.id,
                   .grpc_status = answer.number,
                   .grpc_message = answer.message},
                  {});
}

// A response that weir ends in the middle: trailers with a status are an error for gRPC, also where
// a message is cut. False: this is no such response. Of one that is not gRPC, or that has announced
// its length, a part must not be ended (RFC 9113 8.1.1).
bool Exchange::end_grpc(unsigned status, EndReason reason) {
  if (!request_.grpc.call || stage_ != Stage::relay || !client().delimits()) return false;
  const ResponseHead& head = out_.head();
  if (!is_grpc(head.find("Content-Type")) || head.announced_length()) return false;
  const GrpcAnswer answer(status != 0 ? status : 503, reason);
  request_.grpc.status = answer.status;
  stop_relays();
  client().end(
      fmt::format("grpc-status: {}\r\ngrpc-message: {}\r\n", answer.number, answer.message));
  over(AfterExchange::linger, reason);
  return true;
}

// Of trailers, or of a response that is nothing but one head.
GrpcStatus Exchange::grpc_status() {
  if (request_.grpc.status) return *request_.grpc.status;
  if (!response_.begun || down_.state() != BodyRelay::State::done) return GrpcStatus::none;
  std::string_view value = field_of(down_.decoder().trailers(), kGrpcStatusField);
  if (value.data() == nullptr) value = out_.head().find(kGrpcStatusField);
  return parse_grpc_status(value);
}

}  // namespace weir
