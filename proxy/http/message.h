// A request head as parsed: offsets into the caller's buffer, no copies, no allocation.
//
// H1RequestParser owns it. The text accessors are valid while the buffer that was last given to
// H1RequestParser::head() stays where it is; the offsets survive a move of the buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/chars.h"

namespace weir {

enum class HttpVersion : uint8_t { http_1_0, http_1_1 };
enum class TargetForm : uint8_t { origin, absolute, authority, asterisk };
enum class BodyFraming : uint8_t { none, length, chunked };

// Why a message is refused: the status of the answer and a sentence for the person who reads it.
// A status of 0 means no fault. After a fault the framing is unknown: answer and close.
struct Fault {
  uint16_t status = 0;
  const char* reason = "";
  explicit operator bool() const { return status != 0; }
};

inline constexpr size_t kMaxFields = 100;

class RequestHead {
 public:
  std::string_view method() const { return text(method_); }
  std::string_view target() const { return text(target_); }
  // Of origin-form and absolute-form; never empty, not decoded, not normalised.
  std::string_view path() const { return path_.size == 0 ? std::string_view("/") : text(path_); }
  std::string_view query() const { return text(query_); }  // without the '?'
  // Who is asked for: the target's authority, else the Host field. Empty only for HTTP/1.0.
  std::string_view authority() const { return text(authority_); }

  HttpVersion version() const { return version_; }
  TargetForm form() const { return form_; }
  BodyFraming framing() const { return framing_; }
  uint64_t content_length() const { return content_length_; }
  bool keep_alive() const { return keep_alive_; }
  bool expects_continue() const { return expects_continue_; }

  size_t field_count() const { return field_count_; }
  std::string_view field_name(size_t i) const { return text(fields_[i].name); }
  std::string_view field_value(size_t i) const { return text(fields_[i].value); }
  // The first field of that name, whatever its case; the null view when there is none.
  std::string_view find(std::string_view name) const {
    for (size_t i = 0; i < field_count_; ++i) {
      if (iequals(field_name(i), name)) return field_value(i);
    }
    return {};
  }

 private:
  friend class H1RequestParser;
  friend Fault parse_target(RequestHead&);
  friend Fault check_semantics(RequestHead&);
  struct Slice {
    uint32_t begin = 0;
    uint32_t size = 0;
  };
  struct Field {
    Slice name, value;
  };

  std::string_view text(Slice slice) const { return {base_ + slice.begin, slice.size}; }
  Slice slice_of(std::string_view part) const {
    return {uint32_t(part.data() - base_), uint32_t(part.size())};
  }

  const char* base_ = "";
  Slice method_, target_, path_, query_, authority_;
  HttpVersion version_ = HttpVersion::http_1_1;
  TargetForm form_ = TargetForm::origin;
  BodyFraming framing_ = BodyFraming::none;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  uint64_t content_length_ = 0;
  size_t field_count_ = 0;
  std::array<Field, kMaxFields> fields_;
};

}  // namespace weir
