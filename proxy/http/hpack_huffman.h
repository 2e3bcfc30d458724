// Decodes the Huffman code of HPACK, RFC 7541 5.2 and Appendix B. weir encodes nothing with it.
// Pure function over a constant table, any thread, no allocation.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace weir {

// The size of the decoded text, also when it is larger than `out`, which then holds its beginning;
// `out` may be empty. Null for a string that is not valid: it contains EOS, or its padding has more
// than seven bits or a bit that is not one.
[[nodiscard]] std::optional<size_t> decode_huffman(std::string_view encoded, std::span<char> out);

}  // namespace weir
