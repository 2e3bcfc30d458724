// Any bytes as the input from a client. The result does not depend on how they are split, and an
// accepted request has the same meaning after weir has rewritten it.
#include <vector>

#include "http/cookies.h"
#include "http/path.h"
#include "http/sticky_value.h"
#include "http1_properties.h"
#include "support/http1_transcript.h"

namespace {

using namespace weir;

// Normalizing a normal form changes nothing, under all rules.
void check_normal_path(std::string_view raw) {
  for (int choice = 0; choice < 48; ++choice) {
    const PathRules rules{EncodedSlashes(choice % 4), DotSegments(choice / 4 % 4),
                          DoubleSlashes(choice / 16)};
    if (check_path(raw, rules)) continue;
    std::string memory(raw.size(), '\0'), again(raw.size(), '\0');
    const PathText once = read_path(raw, normal(rules), memory);
    CHECK(static_cast<bool>(once.fault) ==
          (rules.dot_segments != DotSegments::keep && goes_above_root(raw, normal(rules))));
    if (once.fault) continue;
    CHECK(!check_path(once.path, rules));
    const PathText twice = read_path(once.path, normal(rules), again);
    CHECK(!twice.fault && twice.path == once.path);
  }
}

// A request without its first cookie has all others, in their order; a sticky cookie has one form.
void check_cookies(const RequestHead& head, size_t size) {
  std::vector<std::string_view> others;
  std::optional<std::string_view> name;
  each_cookie(head, [&](const Cookie& cookie) {
    if (!name) name = cookie.name;
    if (cookie.name != *name && !cookie.text.empty()) others.push_back(cookie.text);
    if (const auto value = parse_sticky(cookie.value)) {
      const auto text = sticky_text(*value);
      CHECK(std::string_view(text.data(), text.size()) == cookie.value);
    }
    return false;
  });
  if (!name) return;
  std::string room(2 * size, '\0');
  TextMemory memory(room);
  std::string_view rest = without_cookie(head, *name, memory);
  CHECK(rest.data() != nullptr);
  size_t found = 0;
  for (Cookie cookie; next_cookie(rest, cookie); ++found)
    CHECK(found < others.size() && cookie.text == others[found] && cookie.name != *name);
  CHECK(found == others.size());
}

const std::string kProtocols[] = {"websocket", "foo/2"};

void check_round_trip(std::string_view input) {
  H1RequestReader parser;
  if (parser.feed(input) != H1RequestParser::State::complete) return;
  const RequestHead& head = parser.head(input);
  check_normal_path(head.path());
  check_cookies(head, input.size());
  std::string memory(2 * input.size() + 256, '\0');
  H1HeadWriter out(memory);
  const RequestPlan plan{.target = head.target(),
                         .authority = head.authority(),
                         .body = relayed_body(head),
                         .trusted = true,
                         .upgrades = kProtocols,
                         .expect = true};
  write_request(out, head, plan);
  CHECK(out.ok());
  if (head.field_count() + 1 > HeadLimits().fields) return;  // Host may have been added

  H1RequestReader reader;
  CHECK(reader.feed(out.text()) == H1RequestParser::State::complete ||
        head.authority().empty());  // HTTP/1.0 without a Host: the field is there, and empty
  if (head.authority().empty()) return;
  CHECK(reader.head_size() == out.text().size());
  const RequestHead& after = reader.head(out.text());
  CHECK(after.method() == head.method() && after.target() == head.target());
  CHECK(after.find(FieldId::host) == head.authority() && !after.repeated(FieldId::host));
  CHECK(after.authority() == head.authority() && after.path() == head.path());
  CHECK(after.framing() == head.framing() && after.content_length() == head.content_length());
  CHECK(after.expects_continue() == head.expects_continue());
  CHECK(offers_upgrade(after, kProtocols) == offers_upgrade(head, kProtocols));
  weir::fuzz::check_fields(head, after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  weir::fuzz::check_scan(input);
  weir::fuzz::check_splits(input, [] { return Http1Transcript(HeadLimits{.head = 2048}, 4096); });
  check_round_trip(input);
  return 0;
}
