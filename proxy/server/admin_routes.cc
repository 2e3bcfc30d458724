#include "server/admin_routes.h"

namespace weir {

void AdminRoutes::add(std::string method, std::string path, AdminHandler handler) {
  routes_.push_back({std::move(method), std::move(path), std::move(handler)});
}

void AdminRoutes::operator()(const AdminRequest& request, AdminResponder responder) const {
  const std::string& wanted = request.method == "HEAD" ? "GET" : request.method;
  std::string allow;
  for (const Route& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == wanted) return route.handler(request, std::move(responder));
    allow += allow.empty() ? route.method : ", " + route.method;
    if (route.method == "GET") allow += ", HEAD";
  }
  if (!allow.empty()) {
    AdminReply reply = error_reply(405, "this path takes " + allow);
    reply.allow = allow;
    return responder.reply(std::move(reply));
  }
  std::string paths;
  for (const Route& route : routes_) paths += "\n  " + route.method + " " + route.path;
  responder.reply({.status = 404,
                   .content_type = "text/plain",
                   .body = "no such path; there are:" + paths + "\n"});
}

}  // namespace weir
