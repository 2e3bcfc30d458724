// What an Exchange knows of its request and of the response, beside the heads and the bodies. `=
// {}` resets all but ExchangeTexts. What belongs to one attempt is in Attempt.
#pragma once

#include <array>
#include <optional>

#include "base/text_buffer.h"
#include "exchange/client_side.h"
#include "exchange/limits.h"
#include "exchange/request_client.h"
#include "http/forwarding.h"
#include "net/last_bytes.h"

namespace weir {

// A request of gRPC over HTTP/2: its own time limit, and the status that it ended with.
struct ExchangeGrpc {
  bool call = false;
  Duration timeout = Duration::max();  // of grpc-timeout
  std::optional<GrpcStatus> status{};  // that weir has answered
};

struct ExchangeRequest {
  RequestClient client{};
  TimePoint began{};
  SnapshotRef snapshot{};                  // in force when the head was complete
  const ListenerSpec* listener = nullptr;  // of the snapshot, as long as the exchange is lent
  const Route* route = nullptr;
  std::array<char, kRequestIdSize> id_memory{};
  std::string_view id{};
  size_t head_size = 0;      // 0: not complete
  size_t body_known = 0;     // bytes of the body that were read with the head
  uint64_t received = 0;     // from the client, without what the relay of the body counts
  TimePoint read_at{};       // its last byte, as far as is known: of the head, then of the body
  bool read_whole = false;   // with its body
  bool half_closed = false;  // the client's FIN came with it: the client waits for the response
  TimePoint pause_until{};
  ExchangeGrpc grpc{};
  std::string_view leftover{};    // bytes after the request, when it is over
  bool client_gone = false;       // it closed its side while it waited
  bool may_be_processed = false;  // by a backend of an earlier attempt
};

// The texts that routes match. They keep their memory from one request to the next.
struct ExchangeTexts {
  TextBuffer host;  // in lower case, without port
  TextBuffer path;
};

// One side has failed; the other gets what was received before.
struct ExchangeDelivery {
  LastBytes last_bytes{};
  AfterExchange after{};  // what happens then
  EndReason reason{};
};

// The client sends the body.
struct ExchangeUpload {
  TimePoint since{};  // it may send
  BodyRate rate{};
  bool awaits_continue = false;  // it waits for a 100 before it sends
  unsigned fault_status = 0;     // that the body would have been answered with before the response
};

struct ExchangeResponse {
  unsigned status = 0;  // sent to the client; 0: none
  bool begun = false;
  bool keep_client = false;  // the connection goes on to the next request
  bool extra_bytes = false;  // the backend has sent bytes that belong to no response
  TimePoint first_byte_at{};
  size_t head_size = 0;  // of the head that was read last
  size_t interim_bytes = 0;
  uint64_t heads_received = 0;  // bytes from the backend, without what the relay counts
  uint64_t sent = 0;            // the same, to the client
  TimePoint answer_moved{};     // of an answer of weir's own
};

// Why an exchange does not end in order: counted and logged. A part of the response may have been
// sent, or an answer of weir's own that says so.
struct ExchangeFailure {
  ExchangeFailure(EndReason why,
                  std::optional<RetryCause> again = std::nullopt)  // NOLINT: a reason
      : cause(why), retry(again) {}                                // is a failure
  EndReason cause;
  std::optional<RetryCause> retry;  // another attempt may succeed
};

}  // namespace weir
