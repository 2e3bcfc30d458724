// Parses the output of a backend as a proxy does, response after response, and records the result.
// The counterpart of Http1Transcript.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/h1_body.h"
#include "http/h1_parser.h"

namespace weir {

class Http1ResponseTranscript {
 public:
  explicit Http1ResponseTranscript(std::string_view method = "GET", HeadLimits limits = {})
      : parser_(limits), to_(answer_to(method)) {
    parser_.reset(to_);
  }

  void feed(std::string_view piece) {
    auto grown = std::make_unique<std::string>(*pending_);
    grown->append(piece);
    pending_ = std::move(grown);
    while (status_ == 0 && !ended_ && advance()) {
    }
  }
  void end() {
    if (status_ != 0 || ended_) return;
    if (!in_body_)
      text_ += pending_->empty() ? "end\n" : "end within a head\n";
    else if (body_.end_of_input() == H1BodyDecoder::State::failed)
      fail(body_.fault());
    else
      finish_body();
  }

  unsigned status() const { return status_; }  // of the fault; 0: there is none
  const std::string& text() const { return text_; }
  int responses() const { return responses_; }  // complete final ones
  const std::string& body() const { return body_text_; }
  std::string_view rest() const { return *pending_; }

 private:
  bool advance() { return in_body_ ? advance_body() : advance_head(); }

  bool advance_head() {
    H1ResponseParser::State state = parser_.feed(*pending_);
    if (state == H1ResponseParser::State::incomplete) return false;
    if (state == H1ResponseParser::State::failed) return fail(parser_.fault());
    const ResponseHead& head = parser_.head(*pending_);
    write_down(head);
    const bool interim = head.interim();
    ended_ = head.opens_tunnel() || head.status() == 101;
    if (body_.start(head, kUnlimitedBody) == H1BodyDecoder::State::failed)
      return fail(body_.fault());
    body_.limit_trailers(384, H1BodyDecoder::Excess::leave_out);
    body_.keep_trailers(trailers_, any_fields_);
    pending_->erase(0, parser_.head_size());
    parser_.reset(to_);
    in_body_ = !interim && !ended_;
    return interim ? !pending_->empty() : in_body_;
  }

  bool advance_body() {
    std::string_view rest = *pending_;
    while (body_.state() == H1BodyDecoder::State::more && !rest.empty()) {
      H1BodyDecoder::Piece piece = body_.next(rest);
      text_ += piece.data;
      body_text_ += piece.data;
      rest.remove_prefix(piece.consumed);
    }
    pending_->erase(0, pending_->size() - rest.size());
    if (body_.state() == H1BodyDecoder::State::failed) return fail(body_.fault());
    if (body_.state() == H1BodyDecoder::State::more) return false;
    finish_body();
    return !pending_->empty();
  }

  void finish_body() {
    ++responses_;
    text_ += "\n" + std::string(body_.trailers()) + ".\n";
    in_body_ = false;
  }

  bool fail(Fault fault) {
    status_ = fault.status;
    text_ += "! " + std::to_string(fault.status) + " " + fault.reason + "\n";
    return false;
  }

  void write_down(const ResponseHead& head) {
    auto line = [this](auto... parts) { ((text_ += parts, text_ += '|'), ...), text_ += '\n'; };
    line(std::to_string(head.status()), head.reason(), std::to_string(int(head.version())));
    line(std::to_string(int(head.framing())), std::to_string(head.content_length()),
         head.keep_alive() ? "keep" : "close", head.switches_protocols() ? "switch" : "",
         head.opens_tunnel() ? "tunnel" : "");
    for (size_t i = 0; i < head.field_count(); ++i) line(head.field_name(i), head.field_value(i));
  }

  static AnswerTo answer_to(std::string_view method) {
    if (method == "HEAD") return AnswerTo::head;
    return method == "CONNECT" ? AnswerTo::connect : AnswerTo::other;
  }

  H1ResponseReader parser_;
  H1BodyDecoder body_;
  AnswerTo to_;
  const FieldFilter any_fields_;
  std::array<char, 512> trailers_;
  std::unique_ptr<std::string> pending_ = std::make_unique<std::string>();
  bool in_body_ = false;
  bool ended_ = false;  // the following bytes are not HTTP
  unsigned status_ = 0;
  int responses_ = 0;
  std::string text_, body_text_;
};

}  // namespace weir
