// Http2Backend: a BackendSide that is a stream of a shared connection.
//
// The head of the response is read when its HEADERS come, which may be before the exchange asks for
// it: into the exchange's buffer, and heads after an interim one that was not taken yet into a
// list.
#pragma once

#include <memory>
#include <vector>

#include "exchange/backend_side.h"
#include "http/h2_head.h"
#include "upstream/shared_connection.h"

namespace weir {

class Http2Backend final : public BackendSide, private SharedStream {
 public:
  explicit Http2Backend(HttpResources& http);
  ~Http2Backend();

  // Before the first begin(): the response of the exchange. read_head() is called with it.
  void fill(ParsedHead<ResponseHead>& response) { response_ = &response; }

  void begin(Cluster& cluster, BackendIndex backend, Claim claim) override;
  Transport::Connecting connect() override;
  std::optional<Lease> elsewhere() override;
  void record_connect_failure(bool, TimePoint) override {}  // the connection does, once
  bool shares_connection() const override { return true; }
  bool reused() const override { return why_ended() == RetryCause::reused_connection; }
  bool is_private() const override { return false; }
  HeadText write_head(const ForwardedHead& head, HttpResources& http) override;
  HeadRead read_head(HeadBuffer& in, ResponseHead& head) override;
  Fault fault() const override { return fault_; }
  void next_head() override;
  bool response_started() const override { return has_head_; }
  std::optional<EarlyEnd> early_end() const override;
  void over(ConnectionUse use, PrivateConnections* own) override;

 private:
  static constexpr size_t kMostWaiting = 16 * 1024;  // bytes of heads after the first

  struct LaterHead {
    std::unique_ptr<LaterHead> next;
    std::vector<char> text;
    ResponseHead head;
  };

  // SharedStream
  H2FieldTarget on_fields(H2Fields kind) override;
  void on_fields_end(H2Fields kind, const HpackOutcome& outcome, bool end) override;

  void on_head_end(const HpackOutcome& outcome, bool end);
  void on_trailers_end(const HpackOutcome& outcome, bool end);
  void keep(size_t size);

  HttpResources& http_;
  ParsedHead<ResponseHead>* response_ = nullptr;
  std::unique_ptr<LaterHead> reading_;  // the head that is being read, if response_ has another one
  std::unique_ptr<LaterHead> later_;    // the first one that waits
  size_t waiting_ = 0;                  // bytes of these
  Fault fault_{};
  HeadLimits limits_;
  AnswerTo answers_ = AnswerTo::other;
  uint32_t unread_ = 0;         // bytes of heads that read_head() has not reported
  bool has_head_ = false;       // in response_
  bool may_use_http1_ = false;  // the backend may choose the version
  bool no_tunnels_ = false;     // the connection does not allow the extended CONNECT of the request
};

}  // namespace weir
