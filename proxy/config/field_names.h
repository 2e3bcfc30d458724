// What a configuration may say about header fields, by the table that the data path goes by as
// well. Names in any case.
#pragma once

#include <string_view>

namespace weir::config {

// The fields that weir writes itself: they frame a message or are for one connection.
bool is_written_by_weir(std::string_view name);
// Those that say who the client is and how it came.
bool is_about_client(std::string_view name);
// The known name that CGI and its heirs take this one for, as they read '_' and '-' alike; empty:
// none.
std::string_view misspelled_field(std::string_view name);

}  // namespace weir::config
