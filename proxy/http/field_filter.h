// FieldFilter: decides which received fields of a message are relayed: of its head, whether it is a
// request, an interim or a final response, and of its trailers. Nothing else decides that.
//
// It keeps views of the head's buffer and of the changes: both must outlive it. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "http/field_changes.h"
#include "http/message.h"

namespace weir {

class FieldFilter {
 public:
  FieldFilter() {
  }  // NOLINT: options_ beyond option_count_ is never read; relays all but is_alias()
  FieldFilter(const MessageHead& head, const FieldChanges& changes);

  void drop(FieldId id) { dropped_ |= bit(id); }
  // Drops the fields of an untrusted peer about its client: kClaim, and all other X-Forwarded-*.
  void drop_untrusted();
  bool drops(FieldId id) const { return (dropped_ & bit(id)) != 0; }

  bool passes(FieldId id, std::string_view name) const {
    return id != FieldId::other ? !drops(id) : passes_unknown(name);
  }
  // RFC 9110 6.5.1, and as for a field of the head.
  bool passes_as_trailer(std::string_view name) const {
    const FieldId id = field_id(name);
    return !has_flag(id, kNoTrailer) && passes(id, name);
  }

 private:
  struct Option {
    const char* data;
    size_t size;
  };
  static constexpr uint64_t bit(FieldId id) { return uint64_t(1) << unsigned(id); }

  void drop_named(FieldId id);
  void drop_named_by_connection(const MessageHead& head);
  bool passes_unknown(std::string_view name) const;

  FieldChanges changes_;
  uint64_t dropped_ = 0;
  bool compares_text_ = false;
  bool drops_claims_ = false;
  uint32_t option_count_ = 0;
  std::array<Option, kMaxConnectionOptions>
      options_;  // of Connection: names that weir does not know
};

}  // namespace weir
