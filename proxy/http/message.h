// Message heads as parsed: offsets into the caller's buffer, no copies, and no allocation for up to
// kInlineFields fields.
//
// A parser fills a head. The text accessors are valid while the buffer of the message stays where
// it is; the offsets survive a move of the buffer, after which move_to() is called.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/chars.h"
#include "http/header_names.h"

namespace weir {

enum class HttpVersion : uint8_t { http_1_0, http_1_1, http_2 };
enum class TargetForm : uint8_t { origin, absolute, authority, asterisk };
// How the end of a body is known. delimited: by a mark of its own, chunks in HTTP/1, END_STREAM in
// HTTP/2. until_close is for responses of HTTP/1 only: the body ends with the connection.
enum class BodyFraming : uint8_t { none, length, delimited, until_close };
// The kind of request that a response answers, if it affects the end of the response.
enum class AnswerTo : uint8_t { other, head, connect };

// Why a message is refused: the status of the answer and a sentence for the reader of the log.
// A status of 0 means no fault. After a fault the framing is unknown: answer and close.
struct Fault {
  uint16_t status = 0;
  const char* reason = "";
  explicit operator bool() const { return status != 0; }
};

inline constexpr size_t kInlineFields = 100;  // more are kept in memory that is allocated
inline constexpr size_t kMaxHeadSize = 1024 * 1024;
inline constexpr size_t kMaxConnectionOptions = 32;  // and protocols in Upgrade; beyond: 400

// No head is larger than kMaxHeadSize, whatever the limits say.
struct HeadLimits {
  // Everything up to and with the empty line; beyond: 431, in the request line 414.
  size_t head = 32 * 1024;
  size_t fields = 100;  // beyond: 431
};

class MessageHead {
 public:
  // The first byte of the message stands there now.
  void move_to(const char* text) { base_ = text; }
  // Gives the memory of many fields back; the head is of use again when it has been filled.
  void release_fields() {
    if (many_.empty()) return;
    many_ = {};
    clear_fields();
  }
  HttpVersion version() const { return version_; }
  BodyFraming framing() const { return framing_; }
  // As announced; in a response to HEAD and in a 304 it is the length of a body that does not
  // follow.
  std::optional<uint64_t> announced_length() const {
    return has_length_ ? std::optional(content_length_) : std::nullopt;
  }
  uint64_t content_length() const { return content_length_; }  // 0 when there is none
  bool keep_alive() const { return keep_alive_; }  // of the connection after this message

  size_t field_count() const { return field_count_; }
  std::string_view field_name(size_t i) const { return text(fields()[i].name); }
  std::string_view field_value(size_t i) const { return text(fields()[i].value); }
  FieldId field_id(size_t i) const { return fields()[i].id; }
  // It arrived as a literal never indexed, and is forwarded so: RFC 7541 6.2.3.
  bool never_indexed(size_t i) const { return fields()[i].never_indexed; }

  bool has(FieldId id) const { return (present_ >> unsigned(id) & 1) != 0; }
  bool repeated(FieldId id) const { return (repeated_ >> unsigned(id) & 1) != 0; }
  // The value of the first field of that name; the null view when there is none.
  std::string_view find(FieldId id) const {
    if (!has(id)) return {};
    size_t i = 0;
    while (field_id(i) != id) ++i;
    return field_value(i);
  }
  std::string_view find(std::string_view name) const {  // in any case
    const FieldId id = weir::field_id(name);
    if (id != FieldId::other) return find(id);
    for (size_t i = 0; i < field_count_; ++i) {
      if (field_id(i) == id && iequals(field_name(i), name)) return field_value(i);
    }
    return {};
  }
  // Connection lists "upgrade", and there is an Upgrade field, in HTTP/1.1 (RFC 9110 7.8).
  bool upgrades() const { return upgrades_; }
  // Connection lists options that HTTP/1.1 does not define: most likely names of fields.
  bool connection_names_fields() const { return connection_names_fields_; }

 protected:
  friend Fault add_field(MessageHead& head, std::string_view line, size_t max_fields);
  friend Fault check_connection(MessageHead& head);
  friend Fault check_length(MessageHead& head);
  friend class H1RequestParser;
  friend class H1ResponseParser;
  friend class H2RequestReader;
  friend class H2ResponseReader;
  struct Slice {
    uint32_t begin, size;
  };
  struct Field {
    Slice name, value;
    FieldId id;
    bool never_indexed = false;
  };
  static_assert(sizeof(Field) == 20);

  MessageHead() {}  // NOLINT: few_ beyond field_count_ is never read, and never cleared
  void clear_fields() {
    field_count_ = 0;
    if (!many_.empty()) many_ = {};
    present_ = repeated_ = 0;
    content_length_ = 0;
    has_length_ = upgrades_ = connection_names_fields_ = false;
    framing_ = BodyFraming::none;
    keep_alive_ = true;
  }
  std::string_view text(Slice slice) const { return {base_ + slice.begin, slice.size}; }
  Slice slice_of(std::string_view part) const {
    return {uint32_t(part.data() - base_), uint32_t(part.size())};
  }
  const Field* fields() const { return many_.empty() ? few_.data() : many_.data(); }
  Field& field(size_t i) { return many_.empty() ? few_[i] : many_[i]; }
  void add(Slice name, Slice value, FieldId id, bool never_indexed = false) {
    if (field_count_ < kInlineFields) {  // in place, member by member: a copy would be dearer
      Field& field = few_[field_count_];
      field.name = name;
      field.value = value;
      field.id = id;
      field.never_indexed = never_indexed;
    } else {
      if (many_.empty()) many_.assign(few_.begin(), few_.end());
      many_.push_back({name, value, id, never_indexed});
    }
    ++field_count_;
    const uint64_t bit = uint64_t(1) << unsigned(id);
    repeated_ |= present_ & bit;
    present_ |= bit;
  }

  const char* base_ = "";
  uint64_t present_ = 0, repeated_ = 0;  // a bit for each FieldId
  uint64_t content_length_ = 0;
  uint32_t field_count_ = 0;
  HttpVersion version_ = HttpVersion::http_1_1;
  BodyFraming framing_ = BodyFraming::none;
  bool has_length_ = false;
  bool keep_alive_ = true;
  bool upgrades_ = false;
  bool connection_names_fields_ = false;
  std::array<Field, kInlineFields> few_;
  std::vector<Field> many_;  // all fields, if there are more than kInlineFields
};

class RequestHead : public MessageHead {
 public:
  // For the next message.
  void clear() {
    clear_fields();
    path_ = query_ = authority_ = protocol_ = {};
    form_ = TargetForm::origin;
    has_query_ = expects_continue_ = false;
  }
  std::string_view method() const { return text(method_); }
  std::string_view target() const { return text(target_); }
  // Of origin-form and absolute-form; never empty, not decoded, not normalised.
  std::string_view path() const { return path_.size == 0 ? std::string_view("/") : text(path_); }
  std::string_view query() const { return text(query_); }  // without the '?'
  bool has_query() const { return has_query_; }            // "/a?" has one, and it is empty
  // The requested host: the target's authority, else the Host field. Empty only for HTTP/1.0.
  std::string_view authority() const { return text(authority_); }
  TargetForm form() const { return form_; }
  // Of an extended CONNECT, RFC 8441 4, whose form() is origin; else empty.
  std::string_view protocol() const { return text(protocol_); }
  bool expects_continue() const { return expects_continue_; }

 private:
  friend class H1RequestParser;
  friend class H2RequestReader;
  friend Fault parse_target(RequestHead&);
  friend Fault check_semantics(RequestHead&);
  friend Fault check_expectation(RequestHead&);

  Slice method_{}, target_{}, path_{}, query_{}, authority_{}, protocol_{};
  TargetForm form_ = TargetForm::origin;
  bool has_query_ = false;
  bool expects_continue_ = false;
};

class ResponseHead : public MessageHead {
 public:
  void clear(AnswerTo request = AnswerTo::other) {
    clear_fields();
    reason_ = {};
    status_ = 0;
    answers_ = request;
  }
  unsigned status() const { return status_; }
  std::string_view reason() const { return text(reason_); }
  bool interim() const { return status_ < 200 && status_ != 101; }  // another response follows
  // Ends with its head for any value of its fields: to HEAD, 1xx, 204, 304 (RFC 9112 6.3).
  bool bodiless() const {
    return answers_ == AnswerTo::head || status_ < 200 || status_ == 204 || status_ == 304 ||
           opens_tunnel();
  }
  // A 2xx to CONNECT: what follows is not HTTP.
  bool opens_tunnel() const {
    return answers_ == AnswerTo::connect && status_ >= 200 && status_ < 300;
  }
  // A 101 whose fields are those of an upgrade. Whether the request offered it: answers_upgrade().
  bool switches_protocols() const { return status_ == 101 && upgrades_; }
  // Keep-Alive: timeout=N, in seconds: how long the sender keeps an idle connection.
  std::optional<uint32_t> keep_alive_timeout() const;

 private:
  friend class H1ResponseParser;
  friend class H2ResponseReader;
  friend Fault check_semantics(ResponseHead&);

  Slice reason_{};
  uint16_t status_ = 0;
  AnswerTo answers_ = AnswerTo::other;
};

}  // namespace weir
