// Parses a byte stream as a connection does, request after request, and records the result. Tests
// and the fuzz target compare the transcripts of one input split in different ways.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "http/h1_body.h"
#include "http/h1_parser.h"

namespace weir {

class Http1Transcript {
 public:
  explicit Http1Transcript(HeadLimits limits = {}, uint64_t body_limit = 64 * 1024)
      : parser_(limits), body_limit_(body_limit) {}

  // Every piece has its own allocation: ASan detects a view that is kept across feeds.
  void feed(std::string_view piece) {
    auto grown = std::make_unique<std::string>(*pending_);
    grown->append(piece);
    pending_ = std::move(grown);
    while (status_ == 0 && advance()) {
    }
  }

  unsigned status() const { return status_; }  // of the fault; 0: there is none
  const std::string& text() const { return text_; }
  int requests() const { return requests_; }  // complete ones

 private:
  bool advance() { return in_body_ ? advance_body() : advance_head(); }

  bool advance_head() {
    H1RequestParser::State state = parser_.feed(*pending_);
    if (state == H1RequestParser::State::incomplete) return false;
    if (state == H1RequestParser::State::failed) return fail(parser_.fault());
    const RequestHead& head = parser_.head(*pending_);
    write_down(head);
    if (body_.start(head, body_limit_) == H1BodyDecoder::State::failed) return fail(body_.fault());
    pending_->erase(0, parser_.head_size());
    parser_.reset();
    in_body_ = true;
    return true;
  }

  bool advance_body() {
    std::string_view rest = *pending_;
    while (body_.state() == H1BodyDecoder::State::more && !rest.empty()) {
      H1BodyDecoder::Piece piece = body_.next(rest);
      text_ += piece.data;
      rest.remove_prefix(piece.consumed);
    }
    pending_->erase(0, pending_->size() - rest.size());
    if (body_.state() == H1BodyDecoder::State::failed) return fail(body_.fault());
    if (body_.state() == H1BodyDecoder::State::more) return false;
    ++requests_;
    text_ += "\n.\n";
    in_body_ = false;
    return !pending_->empty();
  }

  bool fail(Fault fault) {
    status_ = fault.status;
    text_ += "! " + std::to_string(fault.status) + " " + fault.reason + "\n";
    return false;
  }

  void write_down(const RequestHead& head) {
    auto line = [this](auto... parts) { ((text_ += parts, text_ += '|'), ...), text_ += '\n'; };
    line(head.method(), head.target(), head.path(), head.query(), head.authority());
    line(std::to_string(int(head.version())), std::to_string(int(head.form())),
         std::to_string(int(head.framing())), std::to_string(head.content_length()),
         head.keep_alive() ? "keep" : "close", head.expects_continue() ? "continue" : "");
    for (size_t i = 0; i < head.field_count(); ++i) line(head.field_name(i), head.field_value(i));
  }

  H1RequestReader parser_;
  H1BodyDecoder body_;
  uint64_t body_limit_;
  std::unique_ptr<std::string> pending_ = std::make_unique<std::string>();
  bool in_body_ = false;
  unsigned status_ = 0;
  int requests_ = 0;
  std::string text_;
};

}  // namespace weir
