#include "control/lookups.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>

#include "base/thread.h"

namespace weir {
namespace {

constexpr Duration kJustNow = 250ms;    // after this time another lookup may begin
constexpr size_t kStackSize = 1 << 19;  // modules of nsswitch.conf may need some

using RealClock = std::chrono::steady_clock;

}  // namespace

struct Lookups::State : std::enable_shared_from_this<Lookups::State> {
  // A waiting call of resolve().
  struct Waiter {
    std::condition_variable changed;  // one of the two numbers has become 0
    size_t unanswered = 0;            // of its names
    size_t unknown = 0;               // of those, names that have never been answered
  };
  struct Entry {
    std::vector<Address> addresses;  // of the last lookup that succeeded; sorted
    std::string failure;             // of the last lookup; empty: it succeeded
    uint64_t answers = 0;
    bool under_way = false;
    std::vector<Waiter*> waiters;  // for the next answer
    uint32_t awaited = 0;          // calls of resolve() that have not read it yet: it must stay
  };
  struct Helper {
    std::shared_ptr<State> state;
    std::string host;
    RealClock::time_point began;
  };

  void start(const std::string& host);
  void start_helpers();
  bool start_helper();
  bool may_begin() const;
  RealClock::time_point next_begin() const;
  void take_next(Helper& helper);
  static void help(Helper& helper);
  void answer(const std::string& host, LookupAnswer answer);
  BackendAddresses addresses_of(const std::string& text) const;
  ResolvedAddresses known(const config::Model& model) const;

  LookUp look_up;
  mutable std::mutex mutex;  // guards the members below
  std::map<std::string, Entry> entries;
  std::deque<std::string> queue;
  std::multiset<RealClock::time_point> running;  // when they began
  std::vector<Answered> answered;
  std::function<void()> tell;
  uint64_t version = 0;
  bool closed = false;
};

void Lookups::State::start(const std::string& host) {
  Entry& entry = entries[host];
  if (std::exchange(entry.under_way, true)) return;
  queue.push_back(host);
}

void Lookups::State::start_helpers() {
  while (!queue.empty() && may_begin())
    if (!start_helper()) return;
}

bool Lookups::State::may_begin() const {
  const auto young = std::distance(running.lower_bound(RealClock::now() - kJustNow), running.end());
  return static_cast<size_t>(young) < kAtOnce && running.size() < kMostHelpers;
}

// When start_helpers() can start another one, if no helper ends before that.
RealClock::time_point Lookups::State::next_begin() const {
  const RealClock::time_point now = RealClock::now();
  if (queue.empty() || running.size() >= kMostHelpers) return now + kPatience;
  if (may_begin()) return now + kJustNow;  // the last attempt found no thread
  return *running.lower_bound(now - kJustNow) + kJustNow;
}

void Lookups::State::take_next(Helper& helper) {
  helper.host = std::move(queue.front());
  helper.began = RealClock::now();
  queue.pop_front();
  running.insert(helper.began);
}

bool Lookups::State::start_helper() {
  const auto helper = std::make_shared<Helper>(Helper{shared_from_this(), {}, {}});
  take_next(*helper);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackSize);
  pthread_t thread{};
  const int error = start_thread(
      thread, [helper] { help(*helper); }, &attributes);
  pthread_attr_destroy(&attributes);
  if (error == 0) return true;
  running.erase(running.find(helper->began));
  answer(helper->host, {{}, fmt::format("cannot look up '{}': cannot start a thread", helper->host)});
  return false;
}

void Lookups::State::help(Helper& helper) {
  pthread_setname_np(pthread_self(), "lookup");
  State& state = *helper.state;
  for (bool more = true; more;) {
    LookupAnswer found = state.look_up(helper.host);
    sort_addresses(found.addresses);
    const std::lock_guard lock(state.mutex);
    state.running.erase(state.running.find(helper.began));
    state.answer(helper.host, std::move(found));
    more = !state.closed && !state.queue.empty() && state.may_begin();
    if (more) state.take_next(helper);
  }
}

void Lookups::State::answer(const std::string& host, LookupAnswer found) {
  Entry& entry = entries[host];
  entry.under_way = false;
  ++entry.answers;
  entry.failure = std::move(found.failure);
  if (entry.failure.empty() && entry.addresses != found.addresses) {
    entry.addresses = std::move(found.addresses);
    ++version;
  }
  const bool first = answered.empty();
  answered.push_back({host, entry.addresses.size(), entry.failure});
  if (first && tell) tell();
  for (Waiter* waiter : std::exchange(entry.waiters, {})) {
    const bool known = entry.answers == 1 && --waiter->unknown == 0;
    if (--waiter->unanswered == 0 || known) waiter->changed.notify_one();
  }
}

BackendAddresses Lookups::State::addresses_of(const std::string& text) const {
  if (Result<Address> numeric = Address::parse(text)) return {{*numeric}, {}};
  const Result<HostPort> parts = split_host_port(text);
  if (!parts) return {{}, parts.error().message};
  const auto entry = entries.find(parts->host);
  BackendAddresses found;
  if (entry != entries.end())
    for (const Address& address : entry->second.addresses)
      found.addresses.push_back(address.with_port(parts->port));
  if (!found.addresses.empty()) return found;
  found.failure = entry != entries.end() ? entry->second.failure : std::string();
  if (found.failure.empty())
    found.failure = fmt::format("cannot look up '{}': no name server has answered", parts->host);
  return found;
}

ResolvedAddresses Lookups::State::known(const config::Model& model) const {
  ResolvedAddresses found;
  for (const config::Cluster& cluster : model.clusters)
    for (const config::Backend& backend : cluster.backends)
      if (!found.contains(backend.address))
        found.emplace(backend.address, addresses_of(backend.address));
  return found;
}

Lookups::Lookups(LookUp look_up) : state_(std::make_shared<State>()) {
  state_->look_up = std::move(look_up);
}

Lookups::~Lookups() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->tell = nullptr;
}

ResolvedAddresses Lookups::resolve(const config::Model& model) {
  State::Waiter waiter;
  const std::set<std::string> hosts = host_names(model);
  const RealClock::time_point began = RealClock::now();
  std::unique_lock lock(state_->mutex);
  for (const std::string& host : hosts) {
    state_->start(host);
    State::Entry& entry = state_->entries[host];
    ++entry.awaited;
    entry.waiters.push_back(&waiter);
    ++waiter.unanswered;
    waiter.unknown += entry.answers == 0;
  }
  while (true) {
    state_->start_helpers();
    const auto until = began + (waiter.unknown > 0 ? kPatience : kBriefPatience);
    if (waiter.unanswered == 0 || RealClock::now() >= until) break;
    waiter.changed.wait_until(lock, std::min(until, state_->next_begin()));
  }
  for (const std::string& host : hosts) {
    State::Entry& entry = state_->entries[host];
    --entry.awaited;
    std::erase(entry.waiters, &waiter);
  }
  return state_->known(model);
}

ResolvedAddresses Lookups::known(const config::Model& model) const {
  const std::lock_guard lock(state_->mutex);
  return state_->known(model);
}

void Lookups::start(const std::string& host) {
  const std::lock_guard lock(state_->mutex);
  state_->start(host);
  state_->start_helpers();
}

bool Lookups::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return !state_->queue.empty();
}

void Lookups::proceed() {
  const std::lock_guard lock(state_->mutex);
  state_->start_helpers();
}

uint64_t Lookups::version() const {
  const std::lock_guard lock(state_->mutex);
  return state_->version;
}

void Lookups::keep_only(const std::set<std::string>& hosts) {
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->entries, [&](const auto& entry) {
    return !entry.second.under_way && entry.second.awaited == 0 && !hosts.contains(entry.first);
  });
}

std::vector<Lookups::Answered> Lookups::take_answered() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->answered, {});
}

void Lookups::on_answered(std::function<void()> tell) {
  const std::lock_guard lock(state_->mutex);
  state_->tell = std::move(tell);
  if (state_->tell && !state_->answered.empty()) state_->tell();
}

ResolvedAddresses resolve_backends(const config::Model& model) {
  return Lookups().resolve(model);
}

}  // namespace weir
