// Http2Probe: one request over HTTP/2 and its response: for checks of type `grpc`, and for those of
// type `http` where the cluster has `protocol: http2`. The requirements on a response are those of
// HttpAnswer; a gRPC response must be SERVING, with the status 0.
//
// What is to be sent while the response comes, such as the acknowledgement of SETTINGS, is added to
// request_bytes(). Memory: 64 KiB of a body.
#pragma once

#include <vector>

#include "health/http_answer.h"
#include "http/h2_connection.h"
#include "http/h2_head.h"

namespace weir {

class Http2Probe final : public Probe, private H2Events, private H2Output {
 public:
  // `tls`: the scheme is https.
  Http2Probe(const config::HealthCheck& spec, const Backend& backend, bool tls);
  ~Http2Probe() override;

  std::string_view request_bytes() const override { return output_; }
  bool expects_response() const override { return true; }
  Finding receive(std::string_view bytes) override;
  Finding receive_end() override;
  std::string missing() const override;

 private:
  struct Stream final : H2StreamState {};
  static constexpr size_t kHeadLimit = 64 * 1024;

  // H2Output, H2Events
  void append(std::string_view bytes) override { output_ += bytes; }
  H2StreamState* on_new_stream(uint32_t) override { return nullptr; }
  H2FieldTarget on_fields(H2StreamState& stream, H2Fields kind) override;
  void on_fields_end(H2StreamState& stream, H2Fields kind, const HpackOutcome& outcome,
                     bool end) override;
  void on_data(H2StreamState& stream, std::string_view data) override;
  void on_end(H2StreamState& stream) override;
  void on_reset(H2StreamState& stream, H2Error code, bool by_peer) override;
  void on_window(H2StreamState&) override {}
  void on_connection_window() override {}
  void on_settings() override {}
  void on_goaway(uint32_t last_stream, H2Error code, std::string_view debug) override;
  void on_ping_ack(uint64_t) override {}
  void on_priority(uint32_t, std::string_view) override {}

  void send(const Backend& backend, bool tls);
  void on_head_end(const HpackOutcome& outcome, bool end);
  void note_grpc_status(std::string_view value);
  void conclude(Finding finding);
  void fail(std::string why) { conclude({Finding::Is::bad, std::move(why)}); }
  std::string judge_grpc() const;  // empty: good
  bool grpc() const { return spec_.type == config::HealthCheck::Type::grpc; }

  const config::HealthCheck& spec_;
  std::string output_;
  std::vector<char> memory_;  // of a head, and for the decoder
  std::vector<char> lines_;   // of trailers
  H2Connection connection_;
  Stream stream_;
  ResponseHead head_;
  H2ResponseReader reader_;
  H2TrailerReader trailer_reader_;
  HttpAnswer answer_;  // of http
  std::string body_;   // of grpc
  std::optional<Finding> finding_;
  std::optional<std::string> grpc_status_;  // as it came
  bool has_head_ = false;
  bool begun_ = false;  // a byte has come
};

}  // namespace weir
