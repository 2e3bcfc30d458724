// The table of the admin API: method and path → handler. It is itself an AdminHandler, and answers
// 404 and 405. Filled before the server starts; afterwards only called.
#pragma once

#include <string>
#include <vector>

#include "server/admin_message.h"

namespace weir {

class AdminRoutes {
 public:
  // GET routes answer HEAD as well: the connection leaves the body out.
  void add(std::string method, std::string path, AdminHandler handler);

  void operator()(const AdminRequest& request, AdminResponder responder) const;

 private:
  struct Route {
    std::string method, path;
    AdminHandler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace weir
