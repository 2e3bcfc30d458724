#include "server/names.h"

#include <algorithm>
#include <random>

#include "base/log.h"

namespace weir {
namespace {

constexpr Duration kFirstRetry = 1s;
constexpr Duration kShortestPause = 100ms;  // between two looks at what is due

}  // namespace

Names::Names(EventLoop& loop, std::shared_ptr<Lookups> lookups, ProcessState& state,
             std::function<void()> on_change)
    : loop_(loop),
      lookups_(std::move(lookups)),
      state_(state),
      on_change_(std::move(on_change)),
      random_(std::random_device()()),
      timer_(loop, [this] { tick(); }),
      way_(std::make_shared<Way>(Way{loop, this})) {
  lookups_->on_answered([way = way_] {
    way->loop.post([way] {
      if (way->names != nullptr) way->names->take_answers();
    });
  });
}

Names::~Names() {
  lookups_->on_answered(nullptr);  // after this no helper touches the loop
  way_->names = nullptr;
}

void Names::use(const config::Model& model) {
  interval_ = model.global.resolve_interval;
  std::map<std::string, Name> before = std::exchange(names_, {});
  const std::set<std::string> hosts = host_names(model);
  for (const std::string& host : hosts) {
    auto known = before.extract(host);
    if (known)
      names_.insert(std::move(known));
    else
      names_[host].due = loop_.now() + kFirstRetry;  // unless its answer is there
  }
  for (auto& [host, name] : names_)
    if (name.due != kNever) name.due = std::min(name.due, loop_.now() + interval_);
  lookups_->keep_only(hosts);
  arm();
}

void Names::take_answers() {
  for (const Lookups::Answered& answer : lookups_->take_answered()) {
    state_.name_lookups[answer.failure.empty() ? LookupResult::ok : LookupResult::failed].add();
    const auto name = names_.find(answer.host);
    if (name != names_.end()) note(name->second, answer);
  }
  arm();
  const uint64_t version = lookups_->version();
  if (std::exchange(seen_, version) != version) on_change_();
}

void Names::note(Name& name, const Lookups::Answered& answer) {
  const bool failed = !answer.failure.empty();
  if (failed && name.failures == 0) {
    LOG(warn, "name.failed", kv("host", answer.host), kv("reason", answer.failure),
        kv("addresses_kept", answer.addresses));
  } else if (!failed && name.failures > 0) {
    LOG(info, "name.found", kv("host", answer.host), kv("addresses", answer.addresses));
  }
  name.failures = failed ? name.failures + 1 : 0;
  name.due = loop_.now() + pause_after(name);
}

// ±10 %, so that many names are not looked up at one moment for ever.
Duration Names::pause_after(const Name& name) {
  Duration pause = interval_;
  if (name.failures > 0) {
    pause = kFirstRetry;
    for (uint32_t i = 1; i < name.failures && pause < interval_; ++i) pause *= 2;
    pause = std::min(pause, interval_);
  }
  const double shift = 0.1 * (2 * random_.unit() - 1);
  return pause + Duration(static_cast<Duration::rep>(static_cast<double>(pause.count()) * shift));
}

void Names::tick() {
  for (auto& [host, name] : names_) {
    if (name.due > loop_.now()) continue;
    name.due = kNever;
    lookups_->start(host);
  }
  lookups_->proceed();
  arm();
}

void Names::arm() {
  TimePoint next = lookups_->waiting() ? loop_.now() : kNever;
  for (const auto& [host, name] : names_) next = std::min(next, name.due);
  if (next == kNever) return timer_.cancel();
  timer_.set_at(std::max(next, loop_.now() + kShortestPause));
}

}  // namespace weir
