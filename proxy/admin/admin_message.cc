#include "admin/admin_message.h"

#include <nlohmann/json.hpp>

#include "admin/admin_connection.h"
#include "base/percent.h"

namespace weir {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) out += take_decoded(text);
  return out;
}

}  // namespace

AdminRequest::Values AdminRequest::parameters() const {
  Values values;
  std::string_view rest = query;
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    size_t equals = pair.find('=');
    values.emplace_back(
        percent_decoded(pair.substr(0, equals)),
        equals == std::string_view::npos ? "" : percent_decoded(pair.substr(equals + 1)));
  }
  return values;
}

bool AdminRequest::flag(std::string_view name) const {
  for (const auto& [key, value] : parameters())
    if (key == name) return value == "1";
  return false;
}

std::optional<std::string> AdminRequest::member(std::string_view name) const {
  for (const auto& [key, value] : members)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<std::string> AdminRequest::take_member(std::string_view name) {
  for (auto& [key, value] : members)
    if (key == name) return std::move(value);
  return std::nullopt;
}

AdminReply error_reply(int status, std::string_view message) {
  nlohmann::json body = {{"error", message}};
  std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return {.status = status, .body = text + "\n"};
}

AdminResponder::~AdminResponder() {
  if (wanted()) reply(error_reply(503, "weir ended before it could answer"));
}

void AdminResponder::reply(AdminReply reply) {
  std::shared_ptr<Ticket> ticket = std::move(ticket_);  // once
  if (ticket == nullptr || ticket->connection == nullptr) return;
  AdminConnection* connection = ticket->connection;
  ticket->connection = nullptr;
  ticket->large_body = nullptr;
  connection->answer(std::move(reply));
}

}  // namespace weir
