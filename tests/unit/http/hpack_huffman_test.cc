// The Huffman code of RFC 7541 5.2 and Appendix B.
#include "http/hpack_huffman.h"

#include <array>
#include <vector>

#include "hpack_reading.h"

namespace weir {
namespace {

struct HpackCode {
  uint32_t code;
  int bits;
};
constexpr auto kHpackCodes = std::to_array<HpackCode>({
#define CODE(symbol, code, bits) {code, bits},
#include "http/hpack_huffman.def"
#undef CODE
});
constexpr int kEndOfString = 256;

// The codes of `symbols`, then bits of `fill` up to the next byte.
std::string huffman_encode(const std::vector<int>& symbols, char fill = '1') {
  std::string bits;
  for (const int symbol : symbols) {
    const HpackCode code = kHpackCodes[size_t(symbol)];
    for (int bit = code.bits - 1; bit >= 0; --bit) bits += code.code >> bit & 1 ? '1' : '0';
  }
  while (bits.size() % 8 != 0) bits += fill;
  std::string bytes;
  for (size_t i = 0; i < bits.size(); i += 8) {
    int byte = 0;
    for (size_t bit = i; bit < i + 8; ++bit) byte = byte * 2 + (bits[bit] == '1');
    bytes += char(byte);
  }
  return bytes;
}

std::optional<std::string> huffman_decode(std::string_view encoded) {
  std::vector<char> out(encoded.size() * 2 + 1);
  const std::optional<size_t> size = decode_huffman(encoded, out);
  if (!size) return std::nullopt;
  return std::string(out.data(), *size);
}

TEST(HpackHuffman, CodeIsComplete) {
  uint64_t leaves = 0;
  for (const HpackCode code : kHpackCodes) leaves += uint64_t(1) << (30 - code.bits);
  EXPECT_EQ(kHpackCodes.size(), 257u);
  EXPECT_EQ(leaves, uint64_t(1) << 30);
}

TEST(HpackHuffman, DecodesEverySymbolAloneAndBehindEveryOther) {
  for (int symbol = 0; symbol < kEndOfString; ++symbol) {
    EXPECT_EQ(huffman_decode(huffman_encode({symbol})), std::string(1, char(symbol))) << symbol;
    for (int next = 0; next < kEndOfString; ++next) {
      const char both[] = {char(symbol), char(next)};
      EXPECT_EQ(huffman_decode(huffman_encode({symbol, next})), std::string(both, 2))
          << symbol << ' ' << next;
    }
  }
}

TEST(HpackHuffman, DecodesTheStringsOfAppendixC) {
  EXPECT_EQ(huffman_decode(unhex("f1e3 c2e5 f23a 6ba0 ab90 f4ff")), "www.example.com");
  EXPECT_EQ(huffman_decode(unhex("a8eb 1064 9cbf")), "no-cache");
  EXPECT_EQ(huffman_decode(unhex("25a8 49e9 5ba9 7d7f")), "custom-key");
  EXPECT_EQ(huffman_decode(unhex("25a8 49e9 5bb8 e8b4 bf")), "custom-value");
  EXPECT_EQ(huffman_decode(unhex("6402")), "302");
  EXPECT_EQ(huffman_decode(unhex("640e ff")), "307");
  EXPECT_EQ(huffman_decode(unhex("aec3 771a 4b")), "private");
  EXPECT_EQ(huffman_decode(unhex("9bd9 ab")), "gzip");
}

TEST(HpackHuffman, DecodesTheEmptyString) {
  EXPECT_EQ(huffman_decode(""), "");
}

// RFC 7541 5.2: "A padding strictly longer than 7 bits MUST be treated as a decoding error."
TEST(HpackHuffman, RefusesPaddingOfMoreThanSevenBits) {
  for (int symbol = 0; symbol < kEndOfString; ++symbol) {
    EXPECT_EQ(huffman_decode(huffman_encode({symbol}) + '\xff'), std::nullopt) << symbol;
  }
  EXPECT_EQ(huffman_decode("\xff"), std::nullopt);
  EXPECT_EQ(huffman_decode("\xff\xff\xff"), std::nullopt);
}

// "A padding not corresponding to the most significant bits of the code for the EOS symbol MUST be
// treated as a decoding error."
TEST(HpackHuffman, RefusesPaddingThatIsNotAllOnes) {
  for (int symbol = 0; symbol < kEndOfString; ++symbol) {
    const int padding = (8 - kHpackCodes[size_t(symbol)].bits % 8) % 8;
    if (padding == 0 || padding >= 5) continue;  // none, or the code of "0"
    EXPECT_EQ(huffman_decode(huffman_encode({symbol}, '0')), std::nullopt) << symbol;
  }
  EXPECT_EQ(huffman_decode(unhex("07")), "0") << "code 00000 and three bits of padding";
  for (const char* wrong : {"06", "05", "03", "00"}) {
    EXPECT_EQ(huffman_decode(unhex(wrong)), std::nullopt) << wrong;
  }
}

// "A Huffman-encoded string literal containing the EOS symbol MUST be treated as a decoding error."
TEST(HpackHuffman, RefusesTheEndOfStringSymbol) {
  EXPECT_EQ(huffman_decode(huffman_encode({kEndOfString})), std::nullopt);
  EXPECT_EQ(huffman_decode(huffman_encode({'a', kEndOfString, 'a', 'a'})), std::nullopt);
  EXPECT_EQ(huffman_decode(huffman_encode({'a', 'a', kEndOfString})), std::nullopt);
}

TEST(HpackHuffman, RefusesASymbolThatIsCut) {
  const std::string encoded = huffman_encode({'\n'});  // 30 bits
  for (size_t size = 1; size < encoded.size(); ++size) {
    EXPECT_EQ(huffman_decode(encoded.substr(0, size)), std::nullopt) << size;
  }
}

TEST(HpackHuffman, CountsWhatDoesNotFitAndWritesNothingBehindItsMemory) {
  const std::string encoded = huffman_encode({'a', 'b', 'c', 'd', 'e', 'f'});
  for (size_t room = 0; room <= 7; ++room) {
    std::string memory(8, '?');
    EXPECT_EQ(decode_huffman(encoded, {memory.data(), room}), 6u);
    EXPECT_EQ(memory.substr(0, std::min<size_t>(room, 6)),
              std::string("abcdef").substr(0, std::min<size_t>(room, 6)));
    EXPECT_EQ(memory.substr(room), std::string(8 - room, '?'));
  }
}

}  // namespace
}  // namespace weir
