#include "admin/admin_routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "admin/admin_connection.h"

namespace weir {
namespace {

using NameList = std::vector<std::string>;

bool contains(const NameList& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "this request accepts the flags wait and dry_run".
std::string known(const char* what, const NameList& names) {
  if (names.empty()) return fmt::format("this request accepts no {}s", what);
  return fmt::format("this request accepts the {}{} {}", what, names.size() == 1 ? "" : "s",
                     fmt::join(names, ", "));
}

Result<void> check_flags(const AdminRequest& request, const NameList& flags) {
  NameList seen;
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

// Reads a JSON object of strings with no other members than `names`. It stops at the first value
// that is not allowed, without parsing the rest.
class MemberReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit MemberReader(const NameList& names) : names_(names) {}

  AdminRequest::Values members;
  std::string problem;

  bool null() override { return not_text("null"); }
  bool boolean(bool) override { return not_text("boolean"); }
  bool number_integer(number_integer_t) override { return not_text("number"); }
  bool number_unsigned(number_unsigned_t) override { return not_text("number"); }
  bool number_float(number_float_t, const string_t&) override { return not_text("number"); }
  bool binary(binary_t&) override { return not_text("binary"); }
  bool start_array(size_t) override { return not_text("array"); }
  bool end_array() override { return true; }
  bool start_object(size_t) override {
    if (inside_) return not_text("object");
    return inside_ = true;
  }
  bool end_object() override { return true; }
  bool key(string_t& name) override {
    if (!contains(names_, name))
      return fail(
          fmt::format("unknown member '{}' in the body; {}", name, known("member", names_)));
    for (const auto& [other, value] : members)
      if (other == name) return fail(fmt::format("member '{}' is given twice in the body", name));
    name_ = name;
    return true;
  }
  bool string(string_t& value) override {
    if (!inside_) return no_object();
    members.emplace_back(name_, std::move(value));
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return no_object();
  }

 private:
  bool fail(std::string why) {
    if (problem.empty()) problem = std::move(why);
    return false;
  }
  bool no_object() {
    return fail(fmt::format("the body must be one JSON object; {}", known("member", names_)));
  }
  bool not_text(const char* what) {
    if (!inside_) return no_object();
    return fail(fmt::format("member '{}' of the body must be a text, not {}", name_, what));
  }

  const NameList& names_;
  std::string name_;
  bool inside_ = false;
};

// The members take the place of the body.
Result<void> read_members(AdminRequest& request, const NameList& names) {
  const std::string body = std::exchange(request.body, {});
  if (body.empty()) return {};
  MemberReader reader(names);
  if (!nlohmann::json::sax_parse(body, &reader)) return Error{reader.problem, ""};
  request.members = std::move(reader.members);
  return {};
}

// A request between its head and its handler.
struct BodyReading {
  AdminRequest request;
  AdminResponder responder;
  Result<void> read;
};

void hand_over(const AdminRoute& route, BodyReading& reading) {
  if (!reading.read) return reading.responder.reply(error_reply(400, reading.read.error().message));
  route.handler(std::move(reading.request), std::move(reading.responder));
}

}  // namespace

size_t AdminRoutes::add(AdminRoute route) {
  routes_.push_back(std::move(route));
  return routes_.size() - 1;
}

void AdminRoutes::answer(const AdminRoute& route, AdminRequest request,
                         AdminResponder responder) const {
  if (Result<void> good = check_flags(request, route.flags); !good)
    return responder.reply(error_reply(400, good.error().message));
  const bool large = request.body.size() > kAdminSmallBody;
  const auto reading =
      std::make_shared<BodyReading>(BodyReading{std::move(request), std::move(responder), {}});
  const auto read = [reading, &route] {
    reading->read = read_members(reading->request, route.members);
  };
  if (large && offload_) return offload_(read, [reading, &route] { hand_over(route, *reading); });
  read();
  hand_over(route, *reading);
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

void AdminRoutes::operator()(AdminRequest request, AdminResponder responder) const {
  const std::string wanted = request.method == "HEAD" ? "GET" : request.method;
  std::string allow;
  for (const AdminRoute& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == wanted) return answer(route, std::move(request), std::move(responder));
    allow += (allow.empty() ? "" : ", ") + route.method;
    if (route.method == "GET") allow += ", HEAD";
  }
  if (!allow.empty()) {
    AdminReply reply = error_reply(405, "this path accepts " + allow);
    reply.allow = allow;
    return responder.reply(std::move(reply));
  }
  responder.reply({.status = 404,
                   .content_type = "text/plain",
                   .body = "no such path; available paths:\n" + list()});
}

}  // namespace weir
