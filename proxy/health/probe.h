// Probe: the request that a check run sends, and the requirements on the answer. Without I/O:
// CheckRun (check_run.h) connects, sends the request and passes on the bytes of the answer.
//
// Owner: a check run. Thread: its loop's. A probe has no timeout, and keeps a bounded part of the
// answer. After a finding that is not `open` it is not called again.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/model.h"
#include "upstream/backend.h"

namespace weir {

class Probe {
 public:
  struct Finding {
    // drain: good, but the backend wants no new sessions.
    enum class Is : uint8_t { open, good, bad, drain } is = Is::open;
    std::string why;  // when bad or drain, for messages: "status 503"
  };

  virtual ~Probe() = default;
  // Sent once connected; may be empty. receive() may add to it.
  virtual std::string_view request_bytes() const = 0;
  virtual bool expects_response() const = 0;  // false: connecting and sending is enough
  // Takes the next bytes of the answer, and its end by the backend's FIN.
  virtual Finding receive(std::string_view bytes) = 0;
  virtual Finding receive_end() = 0;
  // The message of a timeout at this moment: "no 'PONG'".
  virtual std::string missing() const = 0;
};

struct CheckTarget;

// The address that the check connects to.
Address check_address(const CheckTarget& target);
// What a request of the check is sent to: `host`, else the address with the port of the check. The
// path of a UNIX socket is no host.
std::string authority_of(const config::HealthCheck& spec, const Backend& backend);
// The check of this target uses HTTP/2.
bool checks_by_http2(const CheckTarget& target);
// The probe for the type of the check. `target` outlives it.
std::unique_ptr<Probe> make_probe(const CheckTarget& target);

// A text of the configuration in quotes, for messages; a long text is cut.
std::string in_quotes(const std::string& text);

}  // namespace weir
