#include "http/field_filter.h"

#include <algorithm>

namespace weir {
namespace {

// A bit for each known name with one of the flags.
consteval uint64_t with_any(unsigned flags) {
  uint64_t bits = 0;
  for (size_t id = 1; id < detail::kKnownFields.size(); ++id) {
    if ((detail::kKnownFields[id].flags & flags) != 0) bits |= uint64_t(1) << id;
  }
  return bits;
}

}  // namespace

// Known names are bits; only the others are compared as text.
FieldFilter::FieldFilter(const MessageHead& head, const FieldChanges& changes)
    : changes_(changes), dropped_(with_any(kHopByHop | kWritten)) {
  if (head.connection_names_fields()) drop_named_by_connection(head);
  for (const FieldText& field : changes.own) drop_named(field.id);
  for (const FieldText& field : changes.set) drop_named(field.id);
  for (std::string_view name : changes.remove) drop_named(field_id(name));
}

void FieldFilter::drop_untrusted() {
  dropped_ |= with_any(kClaim);
  drops_claims_ = true;
}

void FieldFilter::drop_named(FieldId id) {
  if (id != FieldId::other) return drop(id);
  compares_text_ = true;
}

// RFC 9110 7.6.1, except for fields that a client must not be able to remove by naming them.
void FieldFilter::drop_named_by_connection(const MessageHead& head) {
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::connection) continue;
    std::string_view list = head.field_value(i);
    for (std::string_view option; next_member(list, option);) {
      if (option.empty()) continue;
      const FieldId id = field_id(option);
      if (id == FieldId::other && option_count_ < options_.size())
        options_[option_count_++] = {option.data(), option.size()};
      else if (!has_flag(id, kProtected))
        drop(id);
    }
  }
}

bool FieldFilter::passes_unknown(std::string_view name) const {
  if (!all(kNameText, name) && is_alias(name)) return false;
  if (drops_claims_ && is_forwarding_claim(name)) return false;
  for (size_t i = 0; i < option_count_; ++i)
    if (iequals({options_[i].data, options_[i].size}, name)) return false;
  if (!compares_text_) return true;
  const auto alike = [name](const FieldText& field) { return looks_alike(field.name, name); };
  return std::none_of(changes_.own.begin(), changes_.own.end(), alike) &&
         std::none_of(changes_.set.begin(), changes_.set.end(), alike) &&
         std::none_of(changes_.remove.begin(), changes_.remove.end(),
                      [name](std::string_view removed) { return looks_alike(removed, name); });
}

}  // namespace weir
