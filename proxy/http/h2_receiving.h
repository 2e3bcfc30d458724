// What H2Connection::receive() does, RFC 9113: Frames takes the input apart and judges where a
// frame stands and its size; Data, Blocks and Control judge what it says and act on it. Only for
// h2_receive.cc, h2_blocks.cc and h2_control.cc.
//
// Owner: the call of receive(). After each call of an H2Events the connection may have failed, and
// any stream may be detached and destroyed.
#pragma once

#include <optional>
#include <string_view>

#include "http/h2_connection.h"

namespace weir {

inline constexpr size_t kH2SettingSize = 6;
inline constexpr size_t kH2PrioritySize = 5;  // in HEADERS, and of PRIORITY

class H2Connection::Receiving {
 public:
  Receiving(H2Connection& connection, std::string_view& input)
      : c_(connection), r_(connection.reading_), input_(input) {}

 protected:
  using Part = Reading::Part;
  using Kind = H2ErrorReason;

  std::string_view take(size_t size);
  // Bytes that are judged together; null: they have not all come. Valid until the next call.
  const char* item(size_t size);
  void next(Part part, uint32_t left) {
    r_.part = part;
    r_.left = left;
  }

  bool attached(uint32_t id) const { return c_.streams_.find(id) != nullptr; }
  bool idle(uint32_t id) const;
  void end_of_peer(H2StreamState& stream);
  void fault(H2StreamState& stream, H2Error code);
  void protocol_error(const char* reason) {
    c_.fail(H2Error::protocol_error, Kind::protocol, reason);
  }
  void size_error(const char* reason) {
    c_.fail(H2Error::frame_size_error, Kind::frame_size, reason);
  }
  void window_overflow(const char* reason) {
    c_.fail(H2Error::flow_control_error, Kind::flow_control, reason);
  }
  void spend(Kind kind, unsigned cost) { c_.patience_.spend(kind, cost, c_.now_); }

  H2Connection& c_;
  Reading& r_;
  std::string_view& input_;
};

// Functions with the result bool: false, when all of the input was taken.
class H2Connection::Frames : Receiving {
 public:
  using Receiving::Receiving;
  void run();

 private:
  bool step();
  bool preface();
  bool header();
  const char* misplaced() const;
  const char* wrong_size() const;
  void begin();
  bool padding_size();
  bool priority();
  bool skipped();
};

class H2Connection::Data : Receiving {
 public:
  explicit Data(const Receiving& receiving) : Receiving(receiving) {}
  void begin();
  void know_size();
  bool bytes();

 private:
  void begin_stale();
  H2Error judge(H2StreamState& stream) const;
};

class H2Connection::Blocks : Receiving {
 public:
  explicit Blocks(const Receiving& receiving) : Receiving(receiving) {}
  void begin();
  void go_on();
  bool fragment();

 private:
  void end(std::string_view block);
  void new_stream(std::string_view block);
  void known_stream(H2StreamState& stream, std::string_view block);
  void deliver(H2StreamState& stream, H2Fields kind, std::string_view block);
  std::optional<HpackOutcome> decode(std::string_view block, H2FieldTarget target);
};

class H2Connection::Control : Receiving {
 public:
  explicit Control(const Receiving& receiving) : Receiving(receiving) {}
  void begin_settings();
  bool settings();
  void priority();
  bool others();

 private:
  void apply(H2Setting setting, uint32_t value);
  bool change_initial_window(uint32_t value);
  void end_settings();
  void reset(H2Error code);
  void window_update(uint32_t increment);
  void connection_window_update(uint32_t increment);
  void ping(std::string_view payload);
  void goaway(std::string_view payload);
  void priority_update(std::string_view payload);
};

}  // namespace weir
