// HttpResources: what the exchanges of one worker share. Owner: the worker; thread: its own. The
// scratch is for heads: written and sent within one call, so one serves all.
#pragma once

#include <array>
#include <ctime>
#include <memory>

#include "base/random.h"
#include "http/h1_writer.h"
#include "http/h2_head.h"
#include "http/message.h"
#include "net/pipe.h"

namespace weir {

class HttpResources final {
 public:
  HttpResources(PipeResources& pipes, uint64_t seed) : pipes_(pipes), random_(seed) {}

  // From now on: for heads of `size` bytes, with what the configuration adds to them. Nothing may
  // be in the scratch.
  void fit_scratch(size_t size) {
    if (size > scratch_size_ || scratch_ == nullptr) resize_scratch(size);
  }
  // For the head of a message, for the texts that go into it, and for its target.
  std::span<char> head_scratch() { return scratch(0); }
  std::span<char> text_scratch() { return scratch(1); }
  std::span<char> target_scratch() { return scratch(2); }
  // For the heads of all streams of backends: each is read in one call.
  H2ResponseReader& response_reader() { return response_reader_; }
  H2TrailerReader& trailer_reader() { return trailer_reader_; }
  std::string_view date();  // of now, for the Date field; at most a second old
  uint32_t unix_time() {    // the same in seconds since 1970
    date();
    return date_seconds_;
  }
  Random& random() { return random_; }
  PipeResources& pipes() { return pipes_; }

 private:
  // What weir adds of its own: a certificate of the client at most, of 100 KB before it is encoded.
  static constexpr size_t kAdded = 160 * 1024;

  void resize_scratch(size_t size);
  // Twice a head: choosing a path keeps one reading of it beside another.
  size_t scratch_part() const { return 2 * scratch_size_ + kAdded; }
  std::span<char> scratch(size_t which) {
    return {scratch_.get() + which * scratch_part(), scratch_part()};
  }

  PipeResources& pipes_;
  Random random_;
  std::unique_ptr<char[]> scratch_;  // pages that are not written to cost nothing
  size_t scratch_size_ = 0;
  H2ResponseReader response_reader_;
  H2TrailerReader trailer_reader_;
  TimePoint date_until_{};
  uint32_t date_seconds_ = 0;
  std::array<char, kHttpDateSize + 1> date_text_{};
};

}  // namespace weir
