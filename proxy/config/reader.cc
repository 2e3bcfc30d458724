#include "config/reader.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>
#include <unordered_map>

#include "base/check.h"
#include "config/visible.h"

namespace weir::config {
namespace {

// Reads from the source's text itself; a stringstream would copy it.
class TextSource final : public std::streambuf {
 public:
  explicit TextSource(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

bool is_word_end(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Whether the quoted scalar at the start of `text` has its closing quote. yaml-cpp does not check
// that at the end of the file, and truncated files often end within quotes.
bool quote_closed(std::string_view text) {
  while (!text.empty() && (text[0] == '&' || text[0] == '!')) {  // the anchor or tag before it
    while (!text.empty() && !is_word_end(text[0])) text.remove_prefix(1);
    while (!text.empty() && is_word_end(text[0])) text.remove_prefix(1);
  }
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return true;
  const char quote = text[0];
  for (size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\')
      ++i;
    else if (text[i] == quote && quote == '\'' && i + 1 < text.size() && text[i + 1] == quote)
      ++i;
    else if (text[i] == quote)
      return true;
  }
  return false;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(uint32_t file, Tree& tree, Findings& findings)
      : file_(file), tree_(tree), findings_(findings) {}

  const Node* root() const { return failed_ ? nullptr : root_; }
  bool failed() const { return failed_; }
  const Node* last_scalar() const { return last_scalar_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (Node* node = begin(Node::Kind::null, mark, anchor)) finish(node);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node* node = begin(Node::Kind::scalar, mark, anchor);
    if (!node) return;
    node->text = value;
    node->quoted = tag == "!";
    measure(*node);
    check_tag(*node, tag);
    last_scalar_ = node;
    finish(node);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { use_alias(mark, anchor); }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node* node;
    const Node* key = nullptr;  // of a map: a key whose value comes next
    std::unordered_map<std::string_view, const Node*> keys{};  // seen in this map
  };

  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {};
    return {{file_, static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1},
            1};
  }
  void fail(Code code, const Place& at, std::string message, std::string hint) {
    if (!failed_) findings_.add(code, at, std::move(message), std::move(hint));
    failed_ = true;
  }

  // Sets the length of the place of a plain or quoted scalar on one line.
  void measure(Node& node) const {
    const Location& at = node.place.location;
    const std::string_view line = findings_.sources().line(file_, at.line);
    const std::string_view rest = line.substr(std::min<size_t>(at.column - 1, line.size()));
    if (rest.substr(0, node.text.size()) == node.text)
      node.place.length = static_cast<uint32_t>(std::max<size_t>(1, node.text.size()));
    else if (!rest.empty() && (rest[0] == '"' || rest[0] == '\''))
      node.place.length =
          static_cast<uint32_t>(std::min(rest.find(rest[0], 1), rest.size() - 1) + 1);
  }

  void check_tag(const Node& node, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    findings_.add(Code::E012, node.place, fmt::format("the tag '{}' has no meaning here", tag),
                  "remove it; the key decides whether a value is a number or a duration");
  }

  Node* begin(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (failed_) return nullptr;
    Node& node = tree_.add();
    node.kind = kind;
    node.place = place(mark);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = &node;
    if (++count_ > kMaxValues) return too_many(node.place), nullptr;
    return &node;
  }
  void too_many(const Place& at) {
    fail(Code::E008, at, fmt::format("more than {} values", kMaxValues),
         "an alias counts as often as it is used; split the file, or use fewer aliases");
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    Node* node = begin(kind, mark, anchor);
    if (!node) return;
    check_tag(*node, tag);
    open_.push_back({node});
    if (open_.size() > kMaxDepth) too_deep(node->place);
  }
  void too_deep(const Place& at) {
    fail(Code::E007, at, fmt::format("nested more than {} deep", kMaxDepth),
         "no key of weir is nested that deep");
  }
  void close() {
    if (failed_) return;
    Node* node = open_.back().node;
    open_.pop_back();
    finish(node);
  }

  void use_alias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (failed_) return;
    const Node* target = anchors_.at(anchor);
    if (!target->complete) {
      return fail(Code::E009, place(mark), "an alias inside the value of its own anchor",
                  "an anchored value cannot contain itself");
    }
    add_to_parent(target, place(mark));
  }
  void finish(Node* node) {
    node->complete = true;
    add_to_parent(node, node->place);
  }

  void add_to_parent(const Node* node, const Place& at) {
    if (open_.empty()) {
      root_ = node;
      return;
    }
    Open& parent = open_.back();
    parent.node->weight += node->weight;
    parent.node->depth = std::max(parent.node->depth, node->depth + 1);
    if (parent.node->weight > kMaxValues) return too_many(at);
    if (open_.size() + node->depth > kMaxDepth + 1) return too_deep(at);
    if (parent.node->is_sequence())
      parent.node->items.push_back(node);
    else if (!parent.key)
      parent.key = node;
    else
      add_entry(parent, node);
  }
  void add_entry(Open& map, const Node* value) {
    const Node* key = std::exchange(map.key, nullptr);
    if (!key->is_scalar()) {
      findings_.add(Code::E013, key->place,
                    fmt::format("a key is plain text, not {}", text(key->kind)));
      return;
    }
    if (key->text == "<<" && !key->quoted) {
      findings_.add(Code::E010, key->place, "weir has no merge keys ('<<')",
                    "put shared values under 'defaults:', or repeat a whole value with *name");
      return;
    }
    const auto [before, is_new] = map.keys.emplace(key->text, key);
    if (!is_new) {
      findings_.add(
          Code::E011, key->place, fmt::format("key '{}' is given twice", key->text),
          fmt::format("first at {}", findings_.sources().where(before->second->place.location)));
      return;
    }
    map.node->entries.push_back({key, value});
  }

  const uint32_t file_;
  Tree& tree_;
  Findings& findings_;
  const Node* root_ = nullptr;
  const Node* last_scalar_ = nullptr;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, const Node*> anchors_;
  uint64_t count_ = 0;
  bool failed_ = false;
};

// Finds whether there is a document, and its place.
class DocumentProbe final : public YAML::EventHandler {
 public:
  const YAML::Mark& mark() const { return mark_; }
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark mark_;
};

// The likely mistake behind a message of yaml-cpp. `column` from 1.
std::string syntax_hint(const std::string& error, std::string_view line, size_t column) {
  const std::string_view before = line.substr(0, std::min(column, line.size()));
  const std::string_view blanks =
      line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
  if (has_invisible(line.substr(std::min(line.find_first_not_of('\t'), line.size()))))
    return fmt::format("this line has an invisible character: {}", visible(line));
  if (line.find("[::") != std::string_view::npos)
    return "quote an IPv6 address: \"[::]:80\"; unquoted brackets are a YAML list";
  if (blanks.find('\t') != std::string_view::npos)
    return "indent with spaces; YAML has no tabs there";
  if (error.find("anchor") != std::string::npos)
    return "define it before with '&', or quote text that begins with '*': \"*.example.com\"";
  if (error.find("flow") != std::string::npos)
    return "a '[' or a '{' before this place is not closed";
  if (!before.empty() && std::string_view("@`%").find(before.back()) != std::string_view::npos)
    return "quote text that begins with a special character";
  if (error == "illegal map value" && before.find(": ") != std::string_view::npos)
    return "quote text that contains ': '";
  return "check the indentation, the brackets and the quotes here and on the line above";
}

void syntax_error(uint32_t file, const YAML::Exception& error, Findings& findings) {
  Place at{{file, 0, 0}, 1};
  if (!error.mark.is_null())
    at.location = {file, static_cast<uint32_t>(error.mark.line) + 1,
                   static_cast<uint32_t>(error.mark.column) + 1};
  const std::string_view line = findings.sources().line(file, at.location.line);
  findings.add(Code::E005, at, fmt::format("not valid YAML: {}", error.msg),
               syntax_hint(error.msg, line, at.location.column));
}

bool one_document_only(YAML::Parser& parser, uint32_t file, Findings& findings) {
  DocumentProbe second;
  if (!parser.HandleNextDocument(second)) return true;
  const auto line = static_cast<uint32_t>(second.mark().line) + 1;
  findings.add(Code::E006, {{file, line, 1}, 3}, "a second document begins here",
               "one file is one document: remove this '---', or put the rest into a file of its "
               "own and include it");
  return false;
}

// Problems that HandleNextDocument() and the builder accept.
bool complete(YAML::Parser& parser, const TreeBuilder& builder, uint32_t file, Findings& findings) {
  const Sources& sources = findings.sources();
  const Node* last = builder.last_scalar();
  if (last && !quote_closed(sources.text(file).substr(sources.offset(last->place.location)))) {
    findings.add(Code::E005, {last->place.location, 1},
                 "not valid YAML: the quote that opens here is never closed",
                 "is the file complete?");
    return false;
  }
  return one_document_only(parser, file, findings);
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key->text == key) return entry.value;
  return nullptr;
}

const char* text(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::scalar: return "a plain value";
    case Node::Kind::sequence: return "a list";
    case Node::Kind::map: return "a map";
  }
  CHECK_UNREACHABLE();
}

const Node* read_yaml(uint32_t file, Tree& tree, Findings& findings) {
  TextSource buffer(findings.sources().text(file));
  std::istream stream(&buffer);
  TreeBuilder builder(file, tree, findings);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      findings.add(Code::E003, {{file, 0, 0}, 1}, "there is no value in the file",
                   "every line is a comment or blank");
      return nullptr;
    }
    if (builder.failed() || !complete(parser, builder, file, findings)) return nullptr;
    return builder.root();
  } catch (const YAML::Exception& error) {
    if (!builder.failed()) syntax_error(file, error, findings);
  } catch (const std::exception& error) {
    findings.add(Code::E005, {{file, 0, 0}, 1}, fmt::format("not valid YAML: {}", error.what()));
  }
  return nullptr;
}

}  // namespace weir::config
