#include "server/sockets.h"

#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "base/log.h"
#include "net/sys.h"

namespace weir {
namespace {

// With SO_REUSEPORT binding succeeds next to another process of the same user, and the two would
// share the connections without anybody having asked for it. Without it the kernel tells.
Result<void> check_free(const Address& address, ListenOptions options) {
  options.reuse_port = false;
  Result<UniqueFd> probe = bind_socket(address, options);
  if (!probe) return probe.error();
  return {};
}

bool is_wildcard(const Address& address) {
  return address == Address::any(address.port()) ||
         address == Address::parse("0.0.0.0:0")->with_port(address.port());
}

// Whether the kernel takes the two for the same when nobody has asked to share: one that stands for
// all addresses covers the others of its family, and [::] those of IPv4, too.
bool overlap(const Address& a, const Address& b) {
  if (!a.is_ip() || !b.is_ip() || a.port() != b.port()) return false;
  if (a == b || a == Address::any(a.port()) || b == Address::any(b.port())) return true;
  return a.family() == b.family() && (is_wildcard(a) || is_wildcard(b));
}

}  // namespace

// The backlog can be changed where the socket is; the congestion control of one that listens, and
// may have connections in its queue, is left alone. A UNIX socket has none.
const Sockets::Entry* Sockets::find(const Address& address, const ListenOptions& options) const {
  for (const Entry& entry : entries_)
    if (entry.address == address &&
        (address.is_unix() || entry.options.congestion_control == options.congestion_control))
      return &entry;
  return nullptr;
}

// Bound, not listening yet: until all of them are, no connection may end up in a queue that is
// closed again.
Result<Sockets::Entry> Sockets::bind(const Address& address, const ListenOptions& options,
                                     const Prepared& prepared) const {
  Entry entry;
  entry.address = entry.actual = address;
  entry.options = options;
  // Ours would answer the question, too: the same address with other options, or one that stands
  // for all addresses next to a single one. Both exist, for a moment or for good.
  const auto in_the_way = [&](const Entry& other) { return overlap(address, other.actual); };
  const bool ours = std::any_of(entries_.begin(), entries_.end(), in_the_way) ||
                    std::any_of(prepared.entries.begin(), prepared.entries.end(), in_the_way);
  if (address.is_ip() && address.port() != 0 && !ours)
    if (Result<void> free = check_free(address, options); !free) return free.error();
  const uint32_t count = address.is_unix() ? 1 : workers_;
  for (uint32_t i = 0; i < count; ++i) {
    Result<UniqueFd> fd = bind_socket(entry.actual, options);
    if (!fd) return fd.error();
    if (address.is_ip()) entry.actual = local_address(fd->get());
    entry.opened.push_back(std::move(*fd));
  }
  if (entry.actual.is_ip() && entry.actual.family() != address.family())
    LOG(warn, "listener.no_ipv6", kv("bind", entry.actual.text()),
        kv("note", "this machine has no IPv6"));
  entry.file = socket_file(address);
  return entry;
}

Result<Sockets::Prepared> Sockets::prepare(const config::Model& model) const {
  Prepared prepared;
  Result<void> done = bind_all(model, prepared);
  if (done) done = listen_all(model, prepared);
  if (done) done = change_permissions(model, prepared);
  if (done) return prepared;
  // Nothing of this attempt stays behind, not even its socket files.
  for (const Entry& entry : prepared.entries)
    if (!entry.opened.empty()) unlink_if_same(entry.address, entry.file);
  return done.error();
}

Result<void> Sockets::bind_all(const config::Model& model, Prepared& prepared) const {
  for (size_t i = 0; i < model.listeners.size(); ++i) {
    const config::Listener& listener = model.listeners[i];
    const ListenOptions options{
        static_cast<int>(listener.backlog),
        listener.congestion_control,
        true,
        {listener.socket_mode, listener.socket_owner, listener.socket_group}};
    for (const std::string& text : listener.bind) {
      const Result<Address> address = Address::parse(text);
      if (!address) return Error{address.error().message, "listener " + listener.name};
      if (const Entry* known = find(*address, options)) {
        prepared.entries.push_back(
            {known->address, known->actual, options, known->first, known->file, i, {}});
        continue;
      }
      Result<Entry> bound = bind(*address, options, prepared);
      if (!bound) return Error{bound.error().message, "listener " + listener.name};
      bound->listener = i;
      prepared.entries.push_back(std::move(*bound));
    }
  }
  return {};
}

Result<void> Sockets::listen_all(const config::Model& model, const Prepared& prepared) {
  for (const Entry& entry : prepared.entries)
    for (const UniqueFd& fd : entry.opened)
      if (Result<void> done = start_listening(fd.get(), entry.actual, entry.options); !done)
        return Error{done.error().message, "listener " + model.listeners[entry.listener].name};
  return {};
}

// Of UNIX sockets that stay. An owner that is not named any more is the process's again.
Result<void> Sockets::change_permissions(const config::Model& model,
                                         const Prepared& prepared) const {
  std::unordered_map<uint64_t, const SocketPermissions*> before;  // by number
  for (const Entry& entry : entries_)
    if (entry.file.inode != 0) before.emplace(entry.first, &entry.options.permissions);
  for (const Entry& entry : prepared.entries) {
    const auto found = entry.opened.empty() ? before.find(entry.first) : before.end();
    SocketPermissions next = entry.options.permissions;
    if (found == before.end() || *found->second == next) continue;
    if (next.owner.empty()) next.owner = std::to_string(::geteuid());
    if (next.group.empty()) next.group = std::to_string(::getegid());
    if (Result<void> done = set_permissions(entry.address.path(), next); !done)
      return Error{done.error().message, "listener " + model.listeners[entry.listener].name};
  }
  return {};
}

// Of a socket that stays: 0 when it stays as it is.
int Sockets::new_backlog(const Entry& entry) const {
  for (const Entry& before : entries_)
    if (before.first == entry.first && before.options.backlog != entry.options.backlog)
      return entry.options.backlog;
  return 0;
}

std::vector<std::vector<SocketAssignment>> Sockets::commit(Prepared prepared) {
  std::vector<std::vector<SocketAssignment>> told(workers_);
  for (Entry& entry : prepared.entries) {
    const bool fresh = !entry.opened.empty();
    const int backlog = fresh ? 0 : new_backlog(entry);
    const bool shared = entry.address.is_unix();
    if (fresh) entry.first = std::exchange(next_, next_ + workers_);
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      SocketAssignment assignment{entry.first + (shared ? 0 : worker), entry.listener, -1, shared,
                                  backlog};
      const bool owns = !shared || entry.first % workers_ == worker;
      if (fresh && owns) assignment.fd = entry.opened[shared ? 0 : worker].release();
      told[worker].push_back(assignment);
    }
    entry.opened.clear();
  }
  for (Entry& old : entries_) {
    const bool stays = std::any_of(prepared.entries.begin(), prepared.entries.end(),
                                   [&](const Entry& entry) { return entry.first == old.first; });
    if (!stays) removed_.push_back(std::move(old));
  }
  entries_ = std::move(prepared.entries);
  return told;
}

std::vector<std::vector<SocketAssignment>> Sockets::assignments() const {
  std::vector<std::vector<SocketAssignment>> told(workers_);
  for (const Entry& entry : entries_) {
    const bool shared = entry.address.is_unix();
    for (uint32_t worker = 0; worker < workers_; ++worker)
      told[worker].push_back({entry.first + (shared ? 0 : worker), entry.listener, -1, shared, 0});
  }
  return told;
}

void Sockets::unlink_removed() {
  for (const Entry& entry : removed_) unlink_if_same(entry.address, entry.file);
  removed_.clear();
}

void Sockets::unlink_files() {
  for (const Entry& entry : entries_) unlink_if_same(entry.address, entry.file);
  unlink_removed();
}

}  // namespace weir
