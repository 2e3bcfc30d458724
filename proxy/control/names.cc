#include "control/names.h"

#include <algorithm>
#include <random>

#include "base/log.h"

namespace weir {
namespace {

constexpr Duration kFirstRetry = 1s;
constexpr Duration kShortestPause = 100ms;  // between two ticks

}  // namespace

Names::Names(EventLoop& loop, std::shared_ptr<Lookups> lookups, ProcessState& state,
             std::function<void()> on_change)
    : loop_(loop),
      lookups_(std::move(lookups)),
      state_(state),
      on_change_(std::move(on_change)),
      random_(std::random_device()()),
      timer_(loop, [this] { tick(); }),
      change_(loop, [this] { report_change(); }) {}

Names::~Names() {
  lookups_->on_answered(nullptr);  // after this no thread of a lookup touches the loop
  if (route_) route_->names = nullptr;
}

// Called when there is a configuration: on_change_ needs it, and a start that fails has none.
void Names::subscribe() {
  if (route_) return;
  route_ = std::make_shared<Route>(Route{loop_, this});
  lookups_->on_answered([route = route_] {
    route->loop.post([route] {
      if (route->names != nullptr) route->names->take_answers();
    });
  });
}

void Names::use(const config::Model& model) {
  interval_ = model.global.resolve_interval;
  const std::set<std::string> hosts = host_names(model);
  due_.clear();  // it refers to names_
  std::erase_if(names_, [&](const auto& entry) { return !hosts.contains(entry.first); });
  for (auto& entry : names_)
    if (entry.second.due != kNever)
      schedule(entry, std::min(entry.second.due, loop_.now() + interval_));
  for (const std::string& host : hosts) add(host);
  early_.clear();
  lookups_->keep_only(hosts);
  subscribe();
  arm();
}

// The load of the configuration has looked the name up: only the answer may be missing.
void Names::add(const std::string& host) {
  const auto [entry, added] = names_.try_emplace(host);
  if (!added) return;
  const auto answer = early_.find(host);
  if (answer == early_.end()) return schedule(*entry, loop_.now() + kFirstRetry);
  note(*entry, answer->second);
}

void Names::schedule(NameMap::value_type& entry, TimePoint due) {
  Name& name = entry.second;
  due_.erase({name.due, entry.first});
  name.due = due;
  if (due != kNever) due_.emplace(due, entry.first);
}

void Names::take_answers() {
  for (const Lookups::Answered& answer : lookups_->take_answered()) {
    state_.name_lookups[answer.failure.empty() ? LookupResult::ok : LookupResult::failed].add();
    const auto name = names_.find(answer.host);
    if (name != names_.end())
      note(*name, answer);
    else
      early_[answer.host] = answer;
  }
  arm();
  const uint64_t version = lookups_->version();
  if (std::exchange(seen_, version) == version || change_.pending()) return;
  if (loop_.now() >= next_change_) return report_change();
  change_.set_at(next_change_);
}

void Names::report_change() {
  next_change_ = loop_.now() + kCoalesce;
  on_change_();
}

void Names::note(NameMap::value_type& entry, const Lookups::Answered& answer) {
  Name& name = entry.second;
  const bool failed = !answer.failure.empty();
  if (failed && name.failures == 0) {
    LOG(warn, "name.failed", kv("host", answer.host), kv("reason", answer.failure),
        kv("addresses_kept", answer.addresses));
  } else if (!failed && name.failures > 0) {
    LOG(info, "name.found", kv("host", answer.host), kv("addresses", answer.addresses));
  }
  name.failures = failed ? name.failures + 1 : 0;
  schedule(entry, loop_.now() + pause_after(name));
}

// ±10 %, so that lookups of many names do not stay at the same moment.
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
  while (!due_.empty() && due_.begin()->first <= loop_.now()) {
    const auto name = names_.find(due_.begin()->second);
    schedule(*name, kNever);
    lookups_->start(name->first);
  }
  lookups_->proceed();
  arm();
}

void Names::arm() {
  TimePoint next = lookups_->waiting() ? loop_.now() : kNever;
  if (!due_.empty()) next = std::min(next, due_.begin()->first);
  if (next == kNever) return timer_.cancel();
  timer_.set_at(std::max(next, loop_.now() + kShortestPause));
}

}  // namespace weir
