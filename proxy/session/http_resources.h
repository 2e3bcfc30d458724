// HttpResources: what the HTTP sessions of one worker share. Owner: the worker; thread: its own.
//
// Exchanges are lent to sessions only while a request is under way: an idle connection holds none.
// What nobody has needed for half a second goes back to the kernel. The scratch is for heads:
// written and sent within one call, so one serves all.
#pragma once

#include <array>
#include <ctime>
#include <memory>
#include <vector>

#include "base/page_blocks.h"
#include "base/random.h"
#include "event/spares.h"
#include "http/h1_writer.h"
#include "http/message.h"
#include "net/pipe.h"

namespace weir {

class Exchange;

class HttpResources final : public Spares {
 public:
  HttpResources(PipeResources& pipes, uint64_t seed);
  ~HttpResources();

  Exchange& lend();
  void take_back(Exchange& exchange);

  // For the head of a message, for the texts that go into it, and for its target.
  std::span<char> head_scratch() { return scratch(0, kScratch); }
  std::span<char> text_scratch() { return scratch(kScratch, kScratch); }
  std::span<char> target_scratch() { return scratch(2 * kScratch, kTargetScratch); }
  std::string_view date();  // of now, for the Date field; at most a second old
  Random& random() { return random_; }
  PipeResources& pipes() { return pipes_; }

 private:
  static constexpr size_t kScratch = 160 * 1024;  // a head of 64 KiB and what is added to it
  static constexpr size_t kTargetScratch = kMaxHeadSize + 1024;

  size_t keep_spares(size_t most) override;
  std::span<char> scratch(size_t begin, size_t size);

  PipeResources& pipes_;
  Random random_;
  PageBlocks memory_;  // of the exchanges
  std::vector<Exchange*> free_;
  std::unique_ptr<char[]> scratch_;
  TimePoint date_until_{};
  std::array<char, kHttpDateSize + 1> date_text_{};
};

}  // namespace weir
