#include "server/sockets.h"

#include <algorithm>

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

}  // namespace

// A UNIX path can be bound only once, so a change of its options waits for the next start.
const Sockets::Entry* Sockets::find(const Address& address, const ListenOptions& options) const {
  for (const Entry& entry : entries_)
    if (entry.address == address && (address.is_unix() || entry.options == options)) return &entry;
  return nullptr;
}

Result<Sockets::Entry> Sockets::open(const Address& address, const ListenOptions& options) {
  Entry entry;
  entry.address = entry.actual = address;
  entry.options = options;
  const bool bound_already = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
    return other.address ==
           address;  // the same address with other options: both exist for a moment
  });
  if (address.is_ip() && address.port() != 0 && !bound_already)
    if (Result<void> free = check_free(address, options); !free) return free.error();
  const uint32_t count = address.is_unix() ? 1 : workers_;
  for (uint32_t i = 0; i < count; ++i) {
    Result<UniqueFd> fd = open_listening_socket(entry.actual, options);
    if (!fd) return fd.error();
    if (address.is_ip()) entry.actual = local_address(fd->get());
    entry.opened.push_back(std::move(*fd));
  }
  entry.file = socket_file(address);
  return entry;
}

Result<Sockets::Prepared> Sockets::prepare(const config::Model& model) {
  Prepared prepared;
  for (size_t i = 0; i < model.listeners.size(); ++i) {
    const config::Listener& listener = model.listeners[i];
    const ListenOptions options{static_cast<int>(listener.backlog), listener.congestion_control,
                                true};
    for (const std::string& text : listener.bind) {
      const Result<Address> address = Address::parse(text);
      if (!address) return Error{address.error().message, "listener " + listener.name};
      if (const Entry* known = find(*address, options)) {
        prepared.entries.push_back(
            {known->address, known->actual, known->options, known->first, known->file, i, {}});
        continue;
      }
      Result<Entry> opened = open(*address, options);
      if (!opened) {
        // Nothing of this attempt stays behind, not even its socket files.
        for (const Entry& entry : prepared.entries)
          if (!entry.opened.empty()) unlink_if_same(entry.address, entry.file);
        return Error{opened.error().message, "listener " + listener.name};
      }
      opened->listener = i;
      prepared.entries.push_back(std::move(*opened));
    }
  }
  return prepared;
}

std::vector<std::vector<SocketAssignment>> Sockets::commit(Prepared prepared) {
  std::vector<std::vector<SocketAssignment>> told(workers_);
  for (Entry& entry : prepared.entries) {
    const bool fresh = !entry.opened.empty();
    const bool shared = entry.address.is_unix();
    if (fresh) entry.first = std::exchange(next_, next_ + workers_);
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      SocketAssignment assignment{entry.first + (shared ? 0 : worker), entry.listener, -1, shared};
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

void Sockets::unlink_removed() {
  for (const Entry& entry : removed_) unlink_if_same(entry.address, entry.file);
  removed_.clear();
}

void Sockets::unlink_files() {
  for (const Entry& entry : entries_) unlink_if_same(entry.address, entry.file);
  unlink_removed();
}

}  // namespace weir
