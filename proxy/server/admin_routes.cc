#include "server/admin_routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weir {
namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "this request takes the flags wait and dry_run".
std::string known(const char* what, const Names& names) {
  if (names.empty()) return fmt::format("this request takes no {}s", what);
  return fmt::format("this request takes the {}{} {}", what, names.size() == 1 ? "" : "s",
                     fmt::join(names, ", "));
}

Result<void> check_flags(const AdminRequest& request, const Names& flags) {
  Names seen;
  for (const auto& [name, value] : request.parameters()) {
    if (!contains(flags, name))
      return Error{fmt::format("unknown flag '{}' in the query; {}", name, known("flag", flags)),
                   ""};
    if (contains(seen, name))
      return Error{fmt::format("flag '{}' is given twice in the query", name), ""};
    if (value != "1" && value != "0")
      return Error{fmt::format("flag '{}' is '{}'; write {}=1 or {}=0", name, value, name, name),
                   ""};
    seen.push_back(name);
  }
  return {};
}

// The body is a JSON object of texts with no other members than `names`.
Result<AdminRequest::Values> read_members(const std::string& body, const Names& names) {
  using Json = nlohmann::json;
  if (body.empty()) return AdminRequest::Values();
  std::string twice;
  Names seen;  // of the outermost object; the parser itself keeps the last of two
  const auto note = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event != Json::parse_event_t::key || depth != 1) return true;
    auto name = value.get<std::string>();
    if (contains(seen, name)) twice = name;
    if (seen.size() <= names.size()) seen.push_back(std::move(name));
    return true;
  };
  const Json json = Json::parse(body, note, false);
  if (!json.is_object())
    return Error{fmt::format("the body must be one JSON object; {}", known("member", names)), ""};
  AdminRequest::Values members;
  for (const auto& [name, value] : json.items()) {
    if (!contains(names, name))
      return Error{fmt::format("unknown member '{}' in the body; {}", name, known("member", names)),
                   ""};
    if (!value.is_string())
      return Error{
          fmt::format("member '{}' of the body must be a text, not {}", name, value.type_name()),
          ""};
    members.emplace_back(name, value.get<std::string>());
  }
  if (!twice.empty())
    return Error{fmt::format("member '{}' is given twice in the body", twice), ""};
  return members;
}

void answer(const AdminRoute& route, const AdminRequest& request, AdminResponder responder) {
  if (Result<void> good = check_flags(request, route.flags); !good)
    return responder.reply(error_reply(400, good.error().message));
  Result<AdminRequest::Values> members = read_members(request.body, route.members);
  if (!members) return responder.reply(error_reply(400, members.error().message));
  if (members->empty()) return route.handler(request, std::move(responder));
  AdminRequest read = request;
  read.body.clear();
  read.members = std::move(*members);
  route.handler(read, std::move(responder));
}

}  // namespace

size_t AdminRoutes::add(AdminRoute route) {
  routes_.push_back(std::move(route));
  return routes_.size() - 1;
}

bool AdminRoutes::has(std::string_view path) const {
  return std::any_of(routes_.begin(), routes_.end(),
                     [&](const AdminRoute& route) { return route.path == path; });
}

std::string AdminRoutes::list() const {
  std::string lines;
  for (const AdminRoute& route : routes_) {
    std::string target = route.path;
    for (const std::string& flag : route.flags)
      target += fmt::format("{}{}=1", &flag == &route.flags.front() ? "[?" : "&", flag);
    if (!route.flags.empty()) target += "]";
    lines += fmt::format("  {:<4} {}{}{}\n", route.method, target, route.help.empty() ? "" : "  ",
                         route.help);
  }
  return lines;
}

void AdminRoutes::operator()(const AdminRequest& request, AdminResponder responder) const {
  const std::string& wanted = request.method == "HEAD" ? "GET" : request.method;
  std::string allow;
  for (const AdminRoute& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == wanted) return answer(route, request, std::move(responder));
    allow += (allow.empty() ? "" : ", ") + route.method;
    if (route.method == "GET") allow += ", HEAD";
  }
  if (!allow.empty()) {
    AdminReply reply = error_reply(405, "this path takes " + allow);
    reply.allow = allow;
    return responder.reply(std::move(reply));
  }
  responder.reply(
      {.status = 404, .content_type = "text/plain", .body = "no such path; there are:\n" + list()});
}

}  // namespace weir
