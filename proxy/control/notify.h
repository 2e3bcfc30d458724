// Notify: reports the state of the service to systemd (sd_notify(3)): one datagram to
// $NOTIFY_SOCKET. Without that variable it does nothing. Control thread.
#pragma once

#include <string>

#include "base/time.h"

namespace weir {

class Notify {
 public:
  Notify();  // reads and removes $NOTIFY_SOCKET, so that no child inherits it

  void ready(const std::string& status) const;
  void reloading() const;  // to be followed by ready()
  void stopping(const std::string& status) const;
  // Asks for time beyond TimeoutStopSec.
  void extend(Duration by) const;

 private:
  void send(const std::string& message) const;
  std::string socket_;
};

}  // namespace weir
