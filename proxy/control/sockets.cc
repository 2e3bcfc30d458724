#include "control/sockets.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "base/log.h"
#include "os/sys.h"

namespace weir {
namespace {

// With SO_REUSEPORT a bind succeeds even if another process of the same user listens there, and the
// two would share the connections unnoticed. Without it the kernel reports EADDRINUSE.
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

// Whether the two addresses conflict for the kernel without SO_REUSEPORT: the wildcard address of a
// family covers its other addresses, and [::] also those of IPv4.
bool overlap(const Address& a, const Address& b) {
  if (!a.is_ip() || !b.is_ip() || a.port() != b.port()) return false;
  if (a == b || a == Address::any(a.port()) || b == Address::any(b.port())) return true;
  return a.family() == b.family() && (is_wildcard(a) || is_wildcard(b));
}

// Whether the file that `fd` holds is the one that bind(2) made for the socket.
Result<void> check_same(int fd, const Sockets::Entry& entry) {
  struct stat status {};
  if (::fstat(fd, &status) == 0 && SocketFile{status.st_dev, status.st_ino} == entry.file)
    return {};
  return Error{fmt::format("cannot change the permissions of {}: the file is not the socket that "
                           "weir made there; restart weir to make a new one, or leave socket_mode, "
                           "socket_owner and socket_group as they were",
                           entry.address.path()),
               ""};
}

}  // namespace

Sockets::ByAddress Sockets::by_address(const std::vector<Entry>& entries) {
  ByAddress result;
  for (const Entry& entry : entries) result.emplace(entry.address.text(), &entry);
  return result;
}

// An open socket can get another backlog and keepalive. Its congestion control is not changed,
// because there may be connections in its queue. A UNIX socket has no congestion control.
const Sockets::Entry* Sockets::find(const ByAddress& entries, const Address& address,
                                    const ListenOptions& options) {
  const auto [first, last] = entries.equal_range(address.text());
  for (auto it = first; it != last; ++it)
    if (it->second->address == address &&
        (address.is_unix() || it->second->options.congestion_control == options.congestion_control))
      return it->second;
  return nullptr;
}

// Binds without listening: as long as another bind can fail, no connection may enter a queue that
// would be closed again.
Result<Sockets::Entry> Sockets::bind(const Address& address, const ListenOptions& options,
                                     const Ports& ours) const {
  Entry entry;
  entry.address = entry.actual = address;
  entry.options = options;
  // The probe would also fail for a socket of weir itself: the same address with other options, or
  // a wildcard address besides a single one. Such sockets may exist together.
  const auto [first, last] = ours.equal_range(address.is_ip() ? address.port() : 0);
  const bool shares =
      std::any_of(first, last, [&](const auto& other) { return overlap(address, other.second); });
  if (address.is_ip() && address.port() != 0 && !shares)
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
  if (done) done = prepare_permissions(model, prepared);
  if (done) return prepared;
  abandon(prepared);
  return done.error();
}

void Sockets::abandon(const Prepared& prepared) {
  for (const Entry& entry : prepared.entries)
    if (!entry.opened.empty()) unlink_if_same(entry.address, entry.file);
}

Result<void> Sockets::bind_all(const config::Model& model, Prepared& prepared) const {
  const ByAddress before = by_address(entries_);
  Ports ours;
  for (const Entry& entry : entries_)
    if (entry.actual.is_ip()) ours.emplace(entry.actual.port(), entry.actual);
  for (size_t i = 0; i < model.listeners.size(); ++i) {
    const config::Listener& listener = model.listeners[i];
    const ListenOptions options{
        static_cast<int>(listener.backlog),
        listener.congestion_control,
        true,
        {listener.socket_mode, listener.socket_owner, listener.socket_group},
        listener.tcp_keepalive};
    for (const std::string& text : listener.bind) {
      const Result<Address> address = Address::parse(text);
      if (!address) return Error{address.error().message, "listener " + listener.name};
      if (const Entry* known = find(before, *address, options)) {
        prepared.entries.push_back(
            {known->address, known->actual, options, known->first, known->file, i, {}});
        continue;
      }
      Result<Entry> bound = bind(*address, options, ours);
      if (!bound) return Error{bound.error().message, "listener " + listener.name};
      bound->listener = i;
      if (bound->actual.is_ip()) ours.emplace(bound->actual.port(), bound->actual);
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

// For UNIX sockets that stay. Where the configuration no longer names an owner or group, the file
// gets those of the process.
Result<void> Sockets::prepare_permissions(const config::Model& model, Prepared& prepared) const {
  std::unordered_map<uint64_t, const SocketPermissions*> before;  // by number
  for (const Entry& entry : entries_)
    if (entry.file.inode != 0) before.emplace(entry.first, &entry.options.permissions);
  for (size_t i = 0; i < prepared.entries.size(); ++i) {
    const Entry& entry = prepared.entries[i];
    const auto found = entry.opened.empty() ? before.find(entry.first) : before.end();
    SocketPermissions next = entry.options.permissions;
    if (found == before.end() || *found->second == next) continue;
    if (next.owner.empty()) next.owner = std::to_string(::geteuid());
    if (next.group.empty()) next.group = std::to_string(::getegid());
    Result<PermissionChange> change = PermissionChange::prepare(entry.address.path(), next);
    const Result<void> good = change ? check_same(change->file(), entry) : change.error();
    if (!good)
      return Error{good.error().message, "listener " + model.listeners[entry.listener].name};
    prepared.permissions.push_back({i, std::move(*change)});
  }
  return {};
}

// prepare_permissions() has tried the change, so it rarely fails here. If it does, the socket keeps
// its permissions, and the next configuration that is committed tries again.
void Sockets::apply_permissions(Prepared& prepared) const {
  for (const NewPermissions& next : prepared.permissions) {
    Entry& entry = prepared.entries[next.entry];
    const Result<void> done = next.change.apply();
    if (done) continue;
    LOG(error, "listener.permissions", kv("bind", entry.address.text()),
        kv("error", done.error().message));
    for (const Entry& before : entries_)
      if (before.first == entry.first) entry.options.permissions = before.options.permissions;
  }
}

std::vector<std::vector<SocketAssignment>> Sockets::commit(Prepared prepared) {
  apply_permissions(prepared);
  std::vector<std::vector<SocketAssignment>> told(workers_);
  std::unordered_map<uint64_t, const ListenOptions*> before;  // of the sockets there are
  for (const Entry& entry : entries_) before.emplace(entry.first, &entry.options);
  for (Entry& entry : prepared.entries) {
    const bool fresh = !entry.opened.empty();
    const ListenOptions& options = entry.options;
    const ListenOptions& known = fresh ? options : *before.at(entry.first);
    const int backlog = known.backlog == options.backlog ? 0 : options.backlog;
    std::optional<TcpKeepalive> keepalive;
    if (entry.address.is_ip() && known.keepalive != options.keepalive)
      keepalive = options.keepalive;
    const bool shared = entry.address.is_unix();
    if (fresh) entry.first = std::exchange(next_, next_ + workers_);
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      SocketAssignment assignment{
          entry.first + (shared ? 0 : worker), entry.listener, -1, shared, backlog, keepalive};
      const bool owns = !shared || entry.first % workers_ == worker;
      if (fresh && owns) assignment.fd = entry.opened[shared ? 0 : worker].release();
      told[worker].push_back(assignment);
    }
    entry.opened.clear();
  }
  std::unordered_set<uint64_t> staying;
  for (const Entry& entry : prepared.entries) staying.insert(entry.first);
  for (Entry& old : entries_)
    if (!staying.contains(old.first)) removed_.push_back(std::move(old));
  entries_ = std::move(prepared.entries);
  return told;
}

std::vector<std::vector<SocketAssignment>> Sockets::assignments() const {
  std::vector<std::vector<SocketAssignment>> told(workers_);
  for (const Entry& entry : entries_) {
    const bool shared = entry.address.is_unix();
    for (uint32_t worker = 0; worker < workers_; ++worker)
      told[worker].push_back(
          {entry.first + (shared ? 0 : worker), entry.listener, -1, shared, 0, {}});
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
