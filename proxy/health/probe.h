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
    enum class Is : uint8_t { open, good, bad } is = Is::open;
    std::string why;  // when bad, for messages: "status 503"
  };

  virtual ~Probe() = default;
  virtual std::string_view request_bytes() const = 0;  // sent once connected; may be empty
  virtual bool expects_response() const = 0;           // false: connecting and sending is enough
  // Takes the next bytes of the answer, and its end by the backend's FIN.
  virtual Finding receive(std::string_view bytes) = 0;
  virtual Finding receive_end() = 0;
  // The message of a timeout at this moment: "no 'PONG'".
  virtual std::string missing() const = 0;
};

// The probe for the type of the check. `spec` outlives it.
std::unique_ptr<Probe> make_probe(const config::HealthCheck& spec, const Backend& backend);

// A text of the configuration in quotes, for messages; a long text is cut.
std::string in_quotes(const std::string& text);

}  // namespace weir
