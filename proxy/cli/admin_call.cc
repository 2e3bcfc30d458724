#include "cli/admin_call.h"

#include <fmt/format.h>

#include <thread>

#include "cli/views.h"

namespace weir::cli {

bool AdminCall::send(std::string_view method, std::string_view target, std::string_view body) {
  ClientRequest request{std::string(method), std::string(target), std::string(body), timeout_};
  answer_ = {};
  document_ = nullptr;
  if (!client_.send(request, answer_, error_)) return false;
  if (wants_json_) document_ = nlohmann::json::parse(answer_.body, nullptr, false);
  bool understood = !wants_json_ || document_.is_object();
  if (!understood) document_ = nullptr;
  return understood && answer_.status >= 200 && answer_.status < 300;
}

int AdminCall::report(const Console& console) const {
  if (answer_.status == 0) {
    console.report(error_.message);
    return unreached() ? kUnreachable : kCut;
  }
  std::string message = text_of(document_, "message");
  if (message.empty()) message = text_of(document_, "error");
  console.report(fmt::format("{} answered {}: {}", client_.address(), answer_.status,
                             message.empty() ? first_line() : message));
  return kFailed;
}

int report_error(const Error& error, const Console& console) {
  console.report(error.text());
  return kUsage;
}

int report_error(const FoundAdmin& found, const Console& console) {
  console.report(found.error.text());
  return found.code;
}

void pause_for(Duration duration) {
  std::this_thread::sleep_for(duration);
}

}  // namespace weir::cli
