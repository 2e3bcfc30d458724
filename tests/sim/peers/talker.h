// Talker: a client or a backend of the simulated network, following a random script over one
// connection. Book: all talkers, to compare the bytes that one has sent with the bytes that the
// other has received.
//
// Every byte is a function of its stream and its position, and a stream opens with its number: so a
// byte that is lost, duplicated, reordered or of another session is detected at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "peers/wire.h"

namespace weir::sim {

struct Script {
  enum class Finish : uint8_t {
    half_close,  // FIN when everything is sent, then reads to the end
    close,       // closes when everything is sent, whatever it receives
    await_end,   // sends its FIN only after the other's
    stay,        // never ends by itself
  };
  uint64_t to_send = 0;           // 0, or at least the header
  uint64_t speak_after = 0;       // bytes to receive before the first is sent
  uint64_t read_at_most = ~0ull;  // then it stops reading
  bool echo = false;
  Finish finish = Finish::half_close;
  Duration abort_after = Duration::max();  // resets
  Duration close_after = Duration::max();  // closes, also with unread bytes
  Duration give_up_after = 20s;            // a limit for every talker
  size_t chunk = 4096;
  Duration delay = 0ms;  // before its first byte
  Duration pace = 1ms;   // between two actions, maximum
};

class Book;

class Talker : public std::enable_shared_from_this<Talker> {
 public:
  Talker(Book& book, uint32_t number, const Script& script, std::shared_ptr<Wire> wire);

  void start() { again(); }
  bool over() const { return over_; }

  // Its outcome.
  uint32_t number() const { return number_; }
  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  bool sent_end() const { return wire_->sent_end(); }  // after its last byte
  bool received_end() const { return received_end_; }  // the other's FIN
  bool closed_early() const { return closed_early_; }  // closed or reset before it received the end
  int error() const { return error_; }
  bool was_connected() const { return connected_; }
  bool gave_up() const { return gave_up_; }
  Talker* partner() const { return partner_; }
  bool echoes() const { return script_.echo; }
  TimePoint began() const { return began_; }
  TimePoint reset_at() const { return wire_->endpoint().reset_sent_at(); }
  bool has_cut() const { return reset_at() != kNever || wire_->cut(); }
  const Wire& wire() const { return *wire_; }
  const Script& script() const { return script_; }
  Address address;  // a client's own; a backend's

 private:
  friend class Book;
  void again();
  void step();
  bool leave_if_time();
  void read_some();
  void check(std::string_view bytes);
  void identify();
  void write_some();
  void finish_if_done();
  void leave();
  void note_error(int error);

  Book& book_;
  const uint32_t number_;
  const Script script_;
  std::shared_ptr<Wire> wire_;
  TimePoint began_;
  Talker* partner_ = nullptr;
  std::string to_echo_;
  std::string header_;
  uint32_t reading_ = 0;  // the stream that is read
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  int error_ = 0;
  bool connected_ = false;
  bool sent_fin_ = false;
  bool received_end_ = false;
  bool closed_early_ = false;
  bool gave_up_ = false;
  bool over_ = false;
};

class Book {
 public:
  static constexpr uint64_t kHeader = 4;
  explicit Book(Network& network) : network_(network) {}
  // Events of talkers refer to this object; none runs after its destruction.
  std::shared_ptr<Talker> open(const Script& script, std::shared_ptr<Wire> wire,
                               const Address& address, bool client);
  Network& network() { return network_; }
  Talker* find(uint32_t number) {
    return number < talkers_.size() ? talkers_[number].get() : nullptr;
  }
  const std::vector<std::shared_ptr<Talker>>& clients() const { return clients_; }
  const std::vector<std::shared_ptr<Talker>>& backends() const { return backends_; }
  bool all_over() const;
  std::vector<std::string>& failures() { return failures_; }

 private:
  Network& network_;
  std::vector<std::shared_ptr<Talker>> talkers_{nullptr};  // by number, from 1
  std::vector<std::shared_ptr<Talker>> clients_, backends_;
  std::vector<std::string> failures_;
};

}  // namespace weir::sim
