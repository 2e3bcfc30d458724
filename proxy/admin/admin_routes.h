// The table of the admin API: method and path → handler, and what each request may contain. It is
// itself an AdminHandler. It answers 404 and 405, and 400 to a request with a flag or member that
// its route does not declare: weir must not ignore a misspelled flag. Filled before the server
// starts; afterwards only called. A large body is parsed off the loop.
#pragma once

#include <string>
#include <vector>

#include "admin/admin_message.h"
#include "base/result.h"

namespace weir {

struct AdminRoute {
  std::string method, path;
  AdminHandler handler;
  std::string help = {};                  // a few words for the list of all paths
  std::vector<std::string> flags = {};    // of the query, each `name=1` or `name=0`
  std::vector<std::string> members = {};  // of a JSON object in the body, each a text
};

class AdminRoutes {
 public:
  // Runs `work` on another thread, then `done` on the loop.
  using Offload = std::function<void(std::function<void()> work, std::function<void()> done)>;

  // Without `offload` every body is read at once.
  explicit AdminRoutes(Offload offload = nullptr) : offload_(std::move(offload)) {}

  // GET routes answer HEAD as well: the connection leaves the body out. The route's index.
  size_t add(AdminRoute route);
  // For a path that the configuration sets.
  void set_path(size_t route, const std::string& path) { routes_[route].path = path; }

  void operator()(AdminRequest request, AdminResponder responder) const;
  // One line for each route.
  std::string list() const;

 private:
  void answer(const AdminRoute& route, AdminRequest request, AdminResponder responder) const;

  const Offload offload_;
  std::vector<AdminRoute> routes_;
};

}  // namespace weir
