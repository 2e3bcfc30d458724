// A stream with the peer at its other end; heads that this peer sends.
#pragma once

#include <algorithm>
#include <string>

#include "base/check.h"
#include "exchange/head_buffer.h"
#include "exchange/head_read.h"
#include "http/h1_parser.h"
#include "net/stream.h"

namespace weir::test {

// A peer and its stream. It takes every byte, until has_room_for(). Until carries_one_message() it
// stands for a connection, whose messages have framing of their own.
class FakeStream final : public Stream {
 public:
  FakeStream() { delimits_ = false; }
  void carries_one_message() { delimits_ = true; }

  // What the peer does.
  void sends(std::string_view bytes) {
    incoming_ += bytes;
    become_readable();
  }
  void finishes(std::string_view trailers = {}) {
    ended_by_peer_ = true;
    trailers_ = trailers;
    become_readable();
  }
  void resets() {
    reset_ = true;
    become_readable();
    if (writer_ != nullptr) writer_->on_writable();
  }
  // The FIN of a connection with TLS, without its close_notify.
  void finishes_without_close_notify() {
    cut_ = reset_ = true;
    become_readable();
  }
  void has_room_for(size_t bytes) {
    room_ = bytes;
    writable_ = bytes > 0;
    if (writable_ && writer_ != nullptr) writer_->on_writable();
  }
  void takes_everything() { has_room_for(SIZE_MAX); }
  void has_not_acknowledged(size_t bytes) { unacknowledged_ = bytes; }

  // What weir did.
  std::string received;  // by the peer
  bool ended = false;
  std::string trailers_received;
  bool aborted = false;
  size_t unread() const { return incoming_.size(); }  // by weir
  bool watched() const { return reader_ != nullptr || writer_ != nullptr; }

  void become_readable() {
    readable_ = true;
    if (reader_ != nullptr) reader_->on_readable();
  }
  Io read(std::span<char> to) override {
    if (reset_ && !cut_) return {Io::Status::failed};
    const size_t size = std::min(to.size(), incoming_.size());
    if (size > 0) {
      std::copy_n(incoming_.begin(), size, to.begin());
      incoming_.erase(0, size);
      return {Io::Status::ok, size};
    }
    if (ended_by_peer_ || cut_) return {Io::Status::eof};
    readable_ = false;
    return {Io::Status::blocked};
  }
  Io write(std::span<const char> head, std::span<const char> body) override {
    if (reset_) return {Io::Status::failed};
    CHECK(!ended && !aborted && head.size() + body.size() > 0);
    size_t size = 0;
    for (const std::span<const char> part : {head, body}) {
      const size_t taken = std::min(part.size(), room_);
      received.append(part.data(), taken);
      if (room_ != SIZE_MAX) room_ -= taken;
      size += taken;
    }
    writable_ = size == head.size() + body.size();
    return {Io::Status::ok, size};
  }
  void end(std::string_view trailers) override {
    CHECK(!std::exchange(ended, true) && !aborted);
    trailers_received = trailers;
  }
  void abort() override {
    aborted = true;
    open_ = false;
  }
  size_t unsent() const override { return unacknowledged_; }
  std::string_view trailers() const override { return trailers_; }

 private:
  std::string incoming_;  // not read yet
  std::string trailers_;
  size_t unacknowledged_ = 0;
  bool cut_ = false;
  size_t room_ = SIZE_MAX;
};

// The heads that a peer sends, as text, with what follows them in the same packet.
template <typename Parser, typename Head>
class FakeHeads {
 public:
  void send(std::string_view text) { text_ += text; }
  void send_malformed(Fault fault) { fault_ = fault; }
  // A head begins.
  template <typename... Request>
  void reset(Request... request) {
    parser_.reset(request...);
  }

  HeadRead read(const FakeStream& from, HeadBuffer& in, Head& head) {
    using Status = HeadRead::Status;
    if (from.was_reset()) return {Status::failed};
    if (fault_) return {Status::malformed};
    if (!in.empty()) {
      const typename Parser::State state = parser_.feed(in.view(), head);
      CHECK(state != Parser::State::failed);
      if (state == Parser::State::complete)
        return {Status::complete, 0, static_cast<uint32_t>(parser_.head_size())};
    }
    if (text_.empty()) return {from.ended_by_peer() ? Status::ended : Status::incomplete};
    const std::span<char> room = in.room(kMaxHeadSize);
    const size_t size = text_.copy(room.data(), room.size());
    in.add(size);
    text_.erase(0, size);
    return {Status::again, static_cast<uint32_t>(size)};
  }
  Fault fault() const { return fault_; }

 private:
  std::string text_;
  Parser parser_;
  Fault fault_;
};

}  // namespace weir::test
