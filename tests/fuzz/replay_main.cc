// Runs a fuzz target over files and directories, for compilers without libFuzzer. An input that
// takes too long fails like one that crashes.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds kAllowed(10);  // under sanitizers, on a busy machine

bool run(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> input{std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>()};
  const auto start = std::chrono::steady_clock::now();
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  if (std::chrono::steady_clock::now() - start < kAllowed) return true;
  std::fprintf(stderr, "%s takes longer than %d s\n", path.c_str(),
               static_cast<int>(kAllowed.count()));
  return false;
}

}  // namespace

int main(int count, char** paths) {
  std::vector<fs::path> files;
  for (int i = 1; i < count; ++i) {
    if (!fs::is_directory(paths[i]))
      files.emplace_back(paths[i]);
    else
      for (const auto& entry : fs::recursive_directory_iterator(paths[i]))
        if (entry.is_regular_file()) files.push_back(entry.path());
  }
  bool good = !files.empty();
  for (const fs::path& file : files) good = run(file) && good;
  std::printf("%zu inputs\n", files.size());
  return good ? 0 : 1;
}
