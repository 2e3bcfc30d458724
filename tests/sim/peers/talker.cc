#include "peers/talker.h"

#include <fmt/format.h>

#include <cstring>

namespace weir::sim {
namespace {

char content(uint32_t stream, uint64_t position) {
  if (position < Book::kHeader) return static_cast<char>(stream >> (8 * position));
  const uint64_t word = mix((uint64_t{stream} << 40) ^ (position >> 3));
  return static_cast<char>(word >> (8 * (position & 7)));
}

}  // namespace

Talker::Talker(Book& book, uint32_t number, const Script& script, std::shared_ptr<Wire> wire)
    : book_(book),
      number_(number),
      script_(script),
      wire_(std::move(wire)),
      began_(book.network().now()) {}

void Talker::again() {
  Network& network = book_.network();
  const auto most = static_cast<uint64_t>(script_.pace.count());
  network.after(Duration(1000 + network.random().below(most)), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->step();
  });
}

void Talker::step() {
  if (over_) return;
  if (!wire_->endpoint().connecting() && !leave_if_time()) {
    connected_ = connected_ || !wire_->endpoint().gone();
    const bool open = wire_->step_handshake();
    read_some();
    if (open && error_ == 0) write_some();
    if (open || error_ != 0) finish_if_done();
  }
  if (!over_) again();
}

bool Talker::leave_if_time() {
  const Duration age = book_.network().now() - began_;
  gave_up_ = age >= script_.give_up_after;
  if (age >= script_.abort_after) {
    closed_early_ = !received_end_;
    wire_->abort();
    return over_ = true;
  }
  if (age < script_.close_after && !gave_up_) return false;
  leave();
  return true;
}

void Talker::leave() {
  closed_early_ = !received_end_;
  wire_->close();
  over_ = true;
}

void Talker::note_error(int error) {
  if (error == EAGAIN) return;
  error_ = error;
}

void Talker::read_some() {
  if (received_ >= script_.read_at_most || to_echo_.size() > 65536) return;
  char bytes[16384];
  const ssize_t n = wire_->recv(bytes, std::min(sizeof(bytes), script_.chunk));
  if (n < 0) return note_error(errno);
  if (n == 0) {
    received_end_ = true;
    return;
  }
  check({bytes, static_cast<size_t>(n)});
  if (script_.echo) to_echo_.append(bytes, static_cast<size_t>(n));
}

void Talker::check(std::string_view bytes) {
  if (received_end_) book_.failures().push_back(fmt::format("{}: bytes after the end", number_));
  while (!bytes.empty() && header_.size() < Book::kHeader) {
    header_.push_back(bytes.front());
    bytes.remove_prefix(1);
    ++received_;
    if (header_.size() == Book::kHeader) identify();
  }
  for (char byte : bytes) {
    if (reading_ != 0 && byte != content(reading_, received_)) {
      book_.failures().push_back(
          fmt::format("{}: byte {} is not that of stream {}", number_, received_, reading_));
      reading_ = 0;
    }
    ++received_;
  }
}

void Talker::identify() {
  for (size_t i = 0; i < Book::kHeader; ++i)
    reading_ |= uint32_t{static_cast<unsigned char>(header_[i])} << (8 * i);
  Talker* source = book_.find(reading_);
  if (source == nullptr) {
    book_.failures().push_back(fmt::format("{}: no stream has number {}", number_, reading_));
    reading_ = 0;
    return;
  }
  if (source == this) return;  // its own, echoed
  if (partner_ != nullptr && partner_ != source)
    book_.failures().push_back(
        fmt::format("{}: reads {}, not {}", number_, reading_, partner_->number_));
  partner_ = source;
  source->partner_ = this;
}

void Talker::write_some() {
  if (sent_fin_) return;
  if (sent_ == 0 && book_.network().now() - began_ < script_.delay) return;
  if (script_.echo) {
    if (to_echo_.empty()) return;
    const ssize_t n = wire_->send(to_echo_.data(), std::min(to_echo_.size(), script_.chunk));
    if (n < 0) return note_error(errno);
    to_echo_.erase(0, static_cast<size_t>(n));
    sent_ += static_cast<uint64_t>(n);
    return;
  }
  if (sent_ >= script_.to_send || (received_ < script_.speak_after && !received_end_)) return;
  const size_t room = wire_->endpoint().room_to_send() + 1;  // one more, so that it has to wait
  std::string bytes(std::min<uint64_t>({script_.chunk, script_.to_send - sent_, room}), 0);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = content(number_, sent_ + i);
  const ssize_t n = wire_->send(bytes.data(), bytes.size());
  if (n < 0) return note_error(errno);
  sent_ += static_cast<uint64_t>(n);
}

void Talker::finish_if_done() {
  if (error_ != 0) return leave();
  const bool all_sent = script_.echo ? received_end_ && to_echo_.empty() : sent_ >= script_.to_send;
  if (all_sent && script_.finish == Script::Finish::close && !received_end_ && !script_.echo) {
    sent_fin_ = true;
    return leave();
  }
  const bool may_finish = received_end_ || (script_.finish == Script::Finish::half_close);
  if (all_sent && may_finish && !sent_fin_) {
    sent_fin_ = true;
    wire_->shutdown_write();
  }
  if (sent_fin_ && received_end_) leave();
}

std::shared_ptr<Talker> Book::open(const Script& script, std::shared_ptr<Wire> wire,
                                   const Address& address, bool client) {
  const auto number = static_cast<uint32_t>(talkers_.size());
  auto talker = std::make_shared<Talker>(*this, number, script, std::move(wire));
  talker->address = address;
  talkers_.push_back(talker);
  (client ? clients_ : backends_).push_back(talker);
  talker->start();
  return talker;
}

bool Book::all_over() const {
  for (const auto& talker : talkers_)
    if (talker != nullptr && !talker->over()) return false;
  return true;
}

}  // namespace weir::sim
