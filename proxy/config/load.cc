#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "config/files.h"
#include "config/keys.h"
#include "config/parse.h"
#include "config/print.h"
#include "config/reader.h"
#include "config/suggest.h"
#include "config/validate.h"

namespace weir::config {
namespace {

constexpr size_t kMaxFiles = 1000;

// An interval that no file sets is no contradiction to a long timeout.
void raise_intervals(Parsed& parsed) {
  std::vector<Cluster>& clusters = parsed.model.clusters;
  for (size_t i = 0; i < clusters.size(); ++i) {
    std::optional<HealthCheck>& check = clusters[i].health_check;
    if (check && !parsed.provenance.contains(fmt::format("clusters[{}].health_check.interval", i)))
      check->interval = std::max(check->interval, check->timeout);
  }
}

class Loading {
 public:
  explicit Loading(const Environment& environment)
      : environment_([this, &environment](const std::string& name) {
          env_names_.insert(name);
          return environment(name);
        }) {}
  Loading() : only_text_(true) {}  // without variables

  Loaded file(const std::string& path) {
    watch(path);
    if (!read_file(path, nullptr, reader_, sources_, findings_)) return finish(nullptr);
    const Node* root = read_yaml(0, tree_, findings_);
    if (!root || !expect_map(*root)) return finish(nullptr);
    check_version(*root);
    if (const Node* include = root->find("include"))
      root = with_included(*root, *include, directory_of(path));
    return finish(root);
  }
  Loaded text(std::string_view yaml, const std::string& name) {
    const uint32_t file = sources_.add(name, std::string(yaml));
    check_text(file, findings_);
    const Node* root = findings_.has_errors() ? nullptr : read_yaml(file, tree_, findings_);
    if (!root || !expect_map(*root)) return finish(nullptr);
    check_version(*root);
    if (const Node* include = root->find("include"))
      findings_.add(Code::E015, include->place,
                    "a configuration that is not in a file cannot include files");
    return finish(root);
  }

 private:
  bool expect_map(const Node& root) {
    if (root.is_map()) return true;
    findings_.add(Code::E102, root.place,
                  fmt::format("the file is a map, not {}", config::text(root.kind)),
                  "write keys at the top of the file, such as 'listeners:'");
    return false;
  }
  void check_version(const Node& root) {
    const Node* version = root.find("version");
    if (!version) return;
    if (version->kind == Node::Kind::null) {
      const auto found = std::ranges::find(root.entries, version, &Node::Entry::value);
      return findings_.add(Code::E105, found->key->place, "'version' has no value",
                           "write 'version: 1', or remove the key");
    }
    if (!version->is_scalar())
      return findings_.add(
          Code::E102, version->place,
          fmt::format("'version' is a plain value, not {}", config::text(version->kind)));
    if (version->text == "1" && version->quoted)
      return findings_.add(Code::E106, version->place, "'version' is a number, not text",
                           "remove the quotes");
    if (version->text == "1") return;
    findings_.add(Code::E017, version->place,
                  fmt::format("version '{}' of the format is not known", version->text),
                  "this weir reads version 1; release notes say what a later version changes");
  }

  // ---- include

  const Node* with_included(const Node& main, const Node& include, const std::string& directory) {
    std::vector<const Node*> patterns = include.items;
    if (!include.is_sequence()) patterns = {&include};
    const Node* root = &main;
    for (const Node* pattern : patterns) {
      const std::optional<std::string> text = parse_text(*pattern, environment_, findings_);
      if (!text || text->empty()) continue;
      const std::string path =
          (*text)[0] == '/' || directory == "." ? *text : directory + "/" + *text;
      for (const std::string& file : files_of(path, *pattern))
        root = add_included(*root, file, *pattern);
    }
    return root;
  }
  std::vector<std::string> files_of(const std::string& path, const Node& pattern) {
    watch(path);
    if (!is_pattern(path)) return {path};
    std::string problem;
    std::vector<std::string> files = matches(path, reader_, problem);
    if (!problem.empty()) {
      failed_include_ = true;
      findings_.add(Code::E001, pattern.place, problem);
    } else if (files.empty()) {
      findings_.add(Code::W014, pattern.place, fmt::format("'{}' matches no file", path));
    }
    return files;
  }
  void watch(const std::string& path) {
    for (std::string& directory : directories_to_watch(path, reader_))
      if (watched_.insert(directory).second) directories_.push_back(std::move(directory));
  }
  const Node* add_included(const Node& main, const std::string& file, const Node& from) {
    const std::vector<std::string> before = sources_.names();
    if (before.size() >= kMaxFiles) {
      findings_.add(Code::E008, from.place,
                    fmt::format("more than {} files are included", kMaxFiles));
      return &main;
    }
    if (std::find(before.begin(), before.end(), file) != before.end()) {
      findings_.add(Code::E015, from.place, fmt::format("'{}' has already been read", file),
                    "include each file once");
      return &main;
    }
    if (is_pattern(from.text)) watch(file);
    const auto index = static_cast<uint32_t>(before.size());
    if (!read_file(file, &from.place, reader_, sources_, findings_))
      return failed_include_ = true, &main;
    const Node* root = read_yaml(index, tree_, findings_);
    if (!root || !expect_map(*root)) return failed_include_ = true, &main;
    check_version(*root);
    if (const Node* include = root->find("include"))
      findings_.add(Code::E015, include->place, "an included file cannot include files",
                    fmt::format("add the pattern to {}", sources_.name(0)));
    return merge(main, *root);
  }

  // Lists are joined, maps are merged key by key, other values collide. The result is a new node,
  // because aliases may share the old ones.
  const Node* merge(const Node& a, const Node& b) {
    Node& both = tree_.add();
    both = a;
    for (const Node::Entry& entry : b.entries) {
      if (entry.key->text == "include" || entry.key->text == "version") continue;
      const auto same = [&](const Node::Entry& e) { return e.key->text == entry.key->text; };
      const auto found = std::find_if(both.entries.begin(), both.entries.end(), same);
      if (found == both.entries.end())
        both.entries.push_back(entry);
      else
        found->value = merge_values(*found->value, entry);
    }
    return &both;
  }
  const Node* merge_values(const Node& a, const Node::Entry& entry) {
    const Node& b = *entry.value;
    if (a.is_map() && b.is_map()) return merge(a, b);
    if (a.is_sequence() && b.is_sequence()) {
      Node& both = tree_.add();
      both = a;
      both.items.insert(both.items.end(), b.items.begin(), b.items.end());
      return &both;
    }
    findings_.add(Code::E016, entry.key->place, fmt::format("'{}' is already set", entry.key->text),
                  fmt::format("at {}", sources_.where(a.place.location)));
    return &a;
  }

  Loaded finish(const Node* root) {
    Loaded loaded;
    if (root) {
      Parsed parsed = parse(*root, environment_, findings_);
      raise_intervals(parsed);
      // Without an included file, names that the other files refer to may be missing.
      if (!failed_include_) validate(parsed.model, parsed.provenance, findings_);
      if (!only_text_)
        for (const std::string& path : named_files(Struct::Model, &parsed.model))
          if (named_.insert(path).second) watch(path);
      loaded.model = std::move(parsed.model);
      loaded.provenance = std::move(parsed.provenance);
    }
    loaded.env_names.assign(env_names_.begin(), env_names_.end());
    loaded.model.files = sources_.names();
    loaded.model.watched_directories = std::move(directories_);
    loaded.diagnostics = findings_.finish();
    loaded.hash = fmt::format("{:016x}", hash_bytes(all_values(loaded.model))).substr(0, 12);
    return loaded;
  }

  std::set<std::string> env_names_;  // that the files refer to, set or not
  const Environment environment_;
  FileReader reader_;
  Sources sources_;
  Findings findings_{sources_};
  Tree tree_;
  std::vector<std::string> directories_;  // in order, each once
  std::set<std::string> watched_;         // the same
  std::set<std::string> named_;           // files that values name
  bool failed_include_ = false;
  const bool only_text_ = false;
};

}  // namespace

bool Loaded::valid() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.is_error(); });
}

bool LoadedRouteTests::valid() const {
  return diagnostics.empty();
}

Loaded load(const std::string& path, const Environment& environment) {
  return Loading(environment).file(path);
}

LoadedRouteTests load_route_tests(const std::string& path, const Environment& environment) {
  Sources sources;
  Findings findings(sources);
  FileReader reader;
  Tree tree;
  LoadedRouteTests loaded;
  const Node* root =
      read_file(path, nullptr, reader, sources, findings) ? read_yaml(0, tree, findings) : nullptr;
  if (root && !root->is_map())
    findings.add(Code::E102, root->place,
                 fmt::format("the file is a map, not {}", text(root->kind)),
                 "write 'tests:' at the top of the file");
  else if (root)
    loaded.file = parse_route_tests(*root, environment, findings);
  loaded.diagnostics = findings.finish();
  return loaded;
}

Loaded load_text(std::string_view yaml, const std::string& name, const Environment& environment) {
  return Loading(environment).text(yaml, name);
}

Loaded load_sent_text(std::string_view yaml) {
  return Loading().text(yaml, "text");
}

}  // namespace weir::config
