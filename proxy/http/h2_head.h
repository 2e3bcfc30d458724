// Make heads and trailers of the fields of HTTP/2, and find every fault in them: RFC 9113 8, RFC
// 8441 4. What RFC 9113 8.1.1 calls malformed never becomes a message, since HTTP/1 behind it could
// read it in another way. Sans-I/O, one thread; allocates only for fields beyond kInlineFields.
//
// Usage: begin(), then HpackDecoder::decode() with the reader as its sink, then finish(), for an
// outcome that is `complete` or `too_large`. The owner is a connection: between blocks a reader
// keeps nothing. The counterpart of H1RequestParser, H1ResponseParser and the trailers of
// H1BodyDecoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/hpack_decoder.h"
#include "http/message.h"

namespace weir {

inline constexpr size_t kMaxH2PathSize = 8 * 1024;  // of :path; beyond: 414
inline constexpr size_t kMaxH2TrailersSize = 16 * 1024;

struct [[nodiscard]] H2HeadFault {
  enum class Kind : uint8_t {
    none,
    answer,  // a fault that HTTP/1 has as well: answer with fault.status
    stream,  // malformed: RST_STREAM(PROTOCOL_ERROR); fault.reason is for the log
  };
  Kind kind = Kind::none;
  Fault fault = {};
  explicit operator bool() const { return kind != Kind::none; }
};

// The faults of single fields and of their order, which all readers refuse.
class H2FieldCheck {
 public:
  // `allowed`: pseudo-fields of this message, as bit()s. False: the field is at fault.
  bool passes(const HpackField& field, unsigned allowed);
  static constexpr unsigned bit(PseudoField field) { return 1u << unsigned(field); }
  bool has(PseudoField field) const { return (pseudo_ & bit(field)) != 0; }
  // Of several faults the gravest counts, and of those the first.
  void note(const H2HeadFault& fault) {
    if (fault.kind > fault_.kind) fault_ = fault;
  }
  const H2HeadFault& fault() const { return fault_; }

 private:
  bool passes_pseudo(PseudoField field, unsigned allowed);

  H2HeadFault fault_;
  unsigned pseudo_ = 0;
  bool in_fields_ = false;
};

class H2RequestReader final : public HpackSink {
 public:
  // `memory` is twice the limit of the head: a cookie that comes in pieces (RFC 9113 8.2.3) is put
  // together in the second half. The head refers to `memory` until move_to().
  void begin(RequestHead& head, std::span<char> memory, const HeadLimits& limits);
  std::span<char> texts() const { return memory_.first(memory_.size() / 2); }  // for decode()
  void on_field(const HpackField& field) override;
  // After a fault the head has what was read of method, target and authority; each may be empty.
  H2HeadFault finish(const HpackOutcome& outcome, bool end_stream);
  // After finish(): the head needs so many bytes of `memory`, from the first on.
  size_t size() const { return used_; }

 private:
  void pseudo_field(const HpackField& field);
  void cookie(const HpackField& field);
  void add(const HpackField& field);
  void join(std::string_view crumb);
  void end_cookie();
  const char* malformed() const;
  Fault check_message(bool end_stream);
  Fault check_method() const;
  Fault check_target();
  Fault check_authority();
  Fault check_body(bool end_stream);

  RequestHead* head_ = nullptr;
  std::span<char> memory_;
  size_t max_fields_ = 0;
  H2FieldCheck check_;
  std::string_view scheme_;
  size_t used_ = 0;    // bytes of memory_
  size_t cookie_ = 0;  // the index of the field
  size_t joined_ = 0;  // bytes in the second half
  bool has_cookie_ = false;
  bool too_many_ = false;  // fields
};

// Every fault is one of the backend: weir answers the client with 502 and resets the stream. The
// caller counts interim heads, and refuses a second final one.
class H2ResponseReader final : public HpackSink {
 public:
  // `memory`: the limit of the head, for decode() as well.
  void begin(ResponseHead& head, std::span<char> memory, const HeadLimits& limits,
             AnswerTo request = AnswerTo::other);
  void on_field(const HpackField& field) override;
  H2HeadFault finish(const HpackOutcome& outcome, bool end_stream);
  size_t size() const { return used_; }

 private:
  const char* check_message(bool end_stream);

  ResponseHead* head_ = nullptr;
  const char* memory_ = nullptr;
  size_t max_fields_ = 0;
  H2FieldCheck check_;
  size_t used_ = 0;
  bool too_many_ = false;
};

// Trailers as lines "name: value CRLF", as H1BodyDecoder::trailers() gives them. Which of them are
// relayed, FieldFilter::passes_as_trailer() decides. Every fault is one of the stream, because the
// head has been forwarded.
class H2TrailerReader final : public HpackSink {
 public:
  // `memory` is that of the lines, not of decode(); more than it holds is a fault.
  void begin(std::span<char> memory);
  void on_field(const HpackField& field) override;
  H2HeadFault finish(const HpackOutcome& outcome, bool end_stream);
  std::string_view lines() const { return {memory_.data(), used_}; }

 private:
  std::span<char> memory_;
  H2FieldCheck check_;
  size_t used_ = 0;
};

}  // namespace weir
