// FieldEdits: `headers.request` or `headers.response` of a route, in the form that message writers
// use. Immutable; owned by a Route.
#pragma once

#include <vector>

#include "config/model.h"
#include "http/field_changes.h"

namespace weir {

class FieldEdits {
 public:
  FieldEdits() = default;
  explicit FieldEdits(config::HeaderEdits edits)
      : edits_(std::move(edits)),
        set(texts(edits_.set)),
        add(texts(edits_.add)),
        remove(edits_.remove.begin(), edits_.remove.end()) {}
  // A copy needs views of its own strings. A move does not move the strings: the views stay valid.
  FieldEdits(const FieldEdits& other) : FieldEdits(other.edits_) {}
  FieldEdits(FieldEdits&&) noexcept = default;
  FieldEdits& operator=(FieldEdits other) noexcept {
    edits_ = std::move(other.edits_);
    set = std::move(other.set);
    add = std::move(other.add);
    remove = std::move(other.remove);
    return *this;
  }

 private:
  static std::vector<FieldText> texts(const config::NamedValues& values) {
    std::vector<FieldText> texts;
    for (const config::NamedValue& value : values) texts.push_back({value.name, value.value});
    return texts;
  }

  config::HeaderEdits edits_;

 public:
  std::vector<FieldText> set, add;  // views of edits_, therefore after it
  std::vector<std::string_view> remove;

  // In bytes, as written into a message.
  size_t size() const {
    size_t bytes = 0;
    for (const std::vector<FieldText>* fields : {&set, &add})
      for (const FieldText& field : *fields)
        bytes += field.name.size() + field.value.size() + std::string_view(": \r\n").size();
    return bytes;
  }
};

}  // namespace weir
