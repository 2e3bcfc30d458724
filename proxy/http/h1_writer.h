// Writes an HTTP/1.1 head into memory of the caller. Sans-I/O, no allocation, one thread.
// A field that would break the framing (CR, LF or another control byte) makes the whole head fail:
// no value can split a message. Relayed heads: h1_relay.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <span>
#include <string_view>

#include "base/bytes_with_room.h"
#include "http/message.h"

namespace weir {

class H1HeadWriter {
 public:
  // `room`: bytes at the end of `out` that stay free after the head.
  explicit H1HeadWriter(std::span<char> out, size_t room = 0)
      : out_(out.first(out.size() - room)), room_(room) {}

  void status_line(unsigned status);
  void status_line(unsigned status, std::string_view reason);
  void request_line(std::string_view method, std::string_view target);
  void field(std::string_view name, std::string_view value);
  // Fields that are known to be valid, because they were parsed or are weir's own.
  void field(std::string_view name, uint64_t value);
  // In the header, so that a relayed head is written without a call for each field.
  void relayed_field(std::string_view name, std::string_view value) {
    if (!ok_ || name.size() + value.size() + 4 > out_.size() - used_) return fail();
    char* to = out_.data() + used_;
    std::memcpy(to, name.data(), name.size());
    to += name.size();
    std::memcpy(to, ": ", 2);
    if (!value.empty()) std::memcpy(to + 2, value.data(), value.size());
    std::memcpy(to + 2 + value.size(), "\r\n", 2);
    used_ += name.size() + value.size() + 4;
  }
  // A field whose value is a list, member by member.
  void list(std::string_view name);
  void member(std::string_view text, std::string_view more = {});
  void end_list() { append("\r\n"); }
  void end() { append("\r\n"); }
  void fail() { ok_ = false; }

  bool ok() const { return ok_; }  // false: did not fit, or a field was not valid
  std::string_view text() const { return {out_.data(), ok_ ? used_ : 0}; }
  BytesWithRoom bytes() const { return {out_.data(), ok_ ? used_ : 0, room_}; }

 private:
  // In the header, so that constants are copied without a call.
  void append(std::string_view text) {
    if (!ok_ || text.size() > out_.size() - used_) return fail();
    if (text.empty()) return;
    std::memcpy(out_.data() + used_, text.data(), text.size());
    used_ += text.size();
  }

  std::span<char> out_;
  size_t room_;
  size_t used_ = 0;
  bool ok_ = true;
  bool first_member_ = true;
};

// The reason phrase of a registered status; "Unknown" for any other.
std::string_view reason_phrase(unsigned status);

// RFC 9110 5.6.7, "Sun, 06 Nov 1994 08:49:37 GMT": 29 characters, independent of the locale.
inline constexpr size_t kHttpDateSize = 29;
std::string_view format_http_date(std::time_t time, std::span<char, kHttpDateSize + 1> out);

// True when the Accept-Encoding value allows gzip: listed, or by "*", with a weight above zero.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace weir
