// nginx as a real backend: curl receives the same response through weir as directly: the same
// bytes, status and end-to-end fields.
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "http/chars.h"
#include "support/config_text.h"
#include "support/file_text.h"
#include "support/foreign_server.h"
#include "support/http_peer.h"
#include "support/proxy_process.h"
#include "support/weir_build.h"

namespace weir {
namespace {

const size_t kLargest = weir_is_sanitized() ? 64 << 20 : 1 << 30;

// A file of this size: a block of the pattern here and there, and holes.
void write_sparse(const std::string& path, size_t size) {
  std::ofstream out(path, std::ios::binary);
  constexpr size_t kStep = (8 << 20) + 4711, kBlock = 65536;
  for (size_t at = 0; at<size; at += size> 10 * kStep ? kStep : kBlock) {
    out.seekp(std::streamoff(at));
    out << pattern(at, std::min(kBlock, size - at));
  }
  out.close();
  std::filesystem::resize_file(path, size);
}

// nginx, whose files a test may write.
class Nginx {
 public:
  Nginx() { std::filesystem::create_directories(file("dav")); }
  const Address& address() const { return address_; }
  std::string directory() const { return server_.folder(); }
  std::string file(const std::string& name) const { return server_.folder() + "files/" + name; }

 private:
  std::string blocks() const {
    return fmt::format(R"(http {{ {}
  sendfile on; keepalive_timeout 65s; client_max_body_size 0;
  types {{ text/plain txt; application/octet-stream bin; }}
  server {{
    listen {};
    root files;
    location /gzip/ {{ alias files/; gzip on; gzip_types *; gzip_min_length 1; }}
    location /chunked/ {{ alias files/; sub_filter never-there x; sub_filter_types *; }}
    location /dav/ {{ dav_methods PUT DELETE; create_full_put_path on; }}
    location /moved {{ return 301 /elsewhere; }}
    location /nothing {{ return 204; }}
    location /teapot {{ add_header X-Twice one always; add_header X-Twice two always; return 418 short; }}
  }}
}})",
                       kNginxInItsFolder, address_.text());
  }

  const Address address_ = free_address();
  const ForeignServer server_ = ForeignServer::nginx(blocks(), {address_});
};

// A response, without the fields of one connection or one moment.
struct Seen {
  int code = -1;  // of curl
  std::string status;
  std::vector<std::string> fields;  // in the order of their names
  std::string body;
};

class NginxBackendTest : public testing::Test {
 protected:
  // Returns the exit code; the output goes to standard error.
  int shell(const std::string& line) const {
    const int status = std::system(line.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static std::string url(const Address& at, const std::string& path) {
    return "http://" + at.text() + path;
  }
  Seen fetch(const Address& at, const std::string& path, const std::string& options) {
    const std::string head = nginx_.directory() + "/head", body = nginx_.directory() + "/got";
    std::filesystem::remove(body);
    Seen seen;
    seen.code = shell("curl -sS --noproxy '*' --max-time 60 -H 'Host: files.example' -D " + head +
                      " -o " + body + " " + options + " " + url(at, path));
    std::istringstream lines(file_text(head));
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.starts_with("HTTP/")) {
        seen.status = line.substr(line.find(' '));  // of the last one: 100 comes before it
        seen.fields.clear();
      } else if (!line.empty() && !is_of_one_connection(line)) {
        seen.fields.push_back(without_boundary(line));
      }
    }
    std::sort(seen.fields.begin(), seen.fields.end());
    // For HEAD, curl writes the head to this file, too.
    if (options.find("-I") == options.npos) seen.body = without_boundary(file_text(body));
    return seen;
  }
  static bool is_of_one_connection(std::string_view line) {
    const std::string_view name = line.substr(0, line.find(':'));
    for (std::string_view one : {"connection", "keep-alive", "transfer-encoding", "date"})
      if (iequals(name, one)) return true;
    return false;
  }
  // nginx numbers the boundaries of multipart/byteranges.
  static std::string without_boundary(const std::string& text) {
    if (text.find("boundary=") == text.npos && text.find("\r\n--0") == text.npos) return text;
    constexpr size_t kSize = 20;
    std::string result(text);
    for (size_t at = 0; at + kSize <= result.size(); ++at) {
      if (result[at] != '0') continue;
      if (result.find_first_not_of("0123456789", at) >= at + kSize)
        result.replace(at, kSize, "BOUNDARY");
    }
    return result;
  }
  void expect_same(const std::string& path, const std::string& options = {},
                   const std::string& status = {}) {
    const Seen direct = fetch(nginx_.address(), path, options);
    const Seen through = fetch(bind_, path, options);
    const std::string what = options + " " + path;
    EXPECT_EQ(direct.code, 0) << what;
    EXPECT_EQ(through.code, 0) << what;
    EXPECT_EQ(through.status, direct.status) << what;
    EXPECT_THAT(through.fields, testing::ContainerEq(direct.fields)) << what;
    EXPECT_TRUE(through.body == direct.body)
        << what << ": " << through.body.size() << " and " << direct.body.size() << " bytes";
    if (!status.empty()) {
      EXPECT_TRUE(direct.status.starts_with(" " + status)) << what << direct.status;
    }
  }
  std::string field_of(const std::string& path, const std::string& name) {
    for (const std::string& field : fetch(nginx_.address(), path, "").fields)
      if (field.starts_with(name + ": ")) return field.substr(name.size() + 2);
    return {};
  }

  Nginx nginx_;
  const Address bind_ = free_address();
  ProxyProcess weir_{config_text(http_listener("web", bind_, "cluster: nginx"),
                                 cluster("nginx", {nginx_.address()}), "logging: {level: warn}\n")};
};

TEST_F(NginxBackendTest, FilesOfAllSizesAreTheSame) {
  for (const size_t size : {0, 1, 1024, 16 * 1024 - 1, 16 * 1024, 100'000, 1 << 20, 10 << 20}) {
    const std::string name = fmt::format("{}.bin", size);
    write_sparse(nginx_.file(name), size);
    expect_same("/" + name, {}, "200");
    expect_same("/" + name, "-I", "200");
    expect_same("/" + name, "-0", "200");
    expect_same("/chunked/" + name, {}, "200");
    expect_same("/chunked/" + name, "-0", "200");
  }
}

TEST_F(NginxBackendTest, TheLargestFileIsTheSame) {
  write_sparse(nginx_.file("large.bin"), kLargest);
  EXPECT_EQ(shell("curl -sS --noproxy '*' " + url(bind_, "/large.bin") + " | cmp - " +
                  nginx_.file("large.bin")),
            0);
  EXPECT_EQ(weir_.scrape().sum("weir_connections_ended_total", {{"reason", "error"}}), 0);
  EXPECT_LT(weir_.resident_bytes(), size_t{512} << 20);
}

TEST_F(NginxBackendTest, RangesAreTheSame) {
  write_sparse(nginx_.file("a.bin"), 300'000);
  for (const char* range :
       {"0-0", "0-99", "100-", "-100", "299999-", "0-299999", "5-10,100000-100010"})
    expect_same("/a.bin", fmt::format("-r {}", range), "206");
  expect_same("/a.bin", "-r 300000-", "416");
  expect_same("/a.bin", "-r 0-99 -H 'If-Range: \"other\"'", "200");
}

TEST_F(NginxBackendTest, CompressedAndChunkedResponsesAreTheSame) {
  std::ofstream(nginx_.file("a.txt")) << std::string(200'000, 'a') << pattern(0, 50'000);
  for (const char* options :
       {"", "-H 'Accept-Encoding: gzip'", "-H 'Accept-Encoding: gzip' -I", "--compressed"}) {
    expect_same("/gzip/a.txt", options, "200");
    expect_same("/chunked/a.txt", options, "200");
  }
  for (const Address& at : {nginx_.address(), bind_}) {
    HttpPeer peer(Socket::connect(at));
    const HttpMessage answer = peer.ask(http_get("/gzip/a.txt", "Accept-Encoding: gzip\r\n"));
    EXPECT_EQ(answer.field("transfer-encoding"), "chunked");
    EXPECT_EQ(answer.field("content-encoding"), "gzip");
    EXPECT_TRUE(answer.whole);
  }
}

TEST_F(NginxBackendTest, ConditionalRequestsAndErrorsAreTheSame) {
  write_sparse(nginx_.file("a.bin"), 5000);
  const std::string etag = field_of("/a.bin", "ETag");
  ASSERT_NE(etag, "");
  expect_same("/a.bin", "-H 'If-None-Match: " + etag + "'", "304");
  expect_same("/a.bin", "-I -H 'If-None-Match: " + etag + "'", "304");
  expect_same("/a.bin", "-H 'If-Match: \"other\"'", "412");
  expect_same("/a.bin", "-H 'If-Modified-Since: " + field_of("/a.bin", "Last-Modified") + "'",
              "304");
  expect_same("/missing", {}, "404");
  expect_same("/missing", "-I", "404");
  expect_same("/moved", {}, "301");
  expect_same("/nothing", {}, "204");
  expect_same("/teapot", {}, "418");
  expect_same("/a.bin", "--data-binary some", "405");
}

TEST_F(NginxBackendTest, UploadsArriveComplete) {
  const std::string local = nginx_.directory() + "/local";
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{1000}, size_t{3} << 20, size_t{64} << 20}) {
    write_sparse(local, size);
    int n = 0;
    for (const char* how : {"-T %", "-T - <%", "-0 -T %", "-H Expect: -T %"}) {
      const std::string name = fmt::format("dav/{}-{}", size, n++);
      std::string options = how;
      options.replace(options.find('%'), 1, local);
      if (const size_t at = options.find("Expect:"); at != options.npos)
        options.replace(at, 7, "'Expect:'");
      EXPECT_EQ(shell("curl -sS --noproxy '*' --fail --max-time 60 " + url(bind_, "/" + name) +
                      " " + options),
                0)
          << name << ' ' << how;
      EXPECT_EQ(shell("cmp " + local + " " + nginx_.file(name)), 0) << name << ' ' << how;
    }
  }
  expect_same("/dav/1000-0", {}, "200");
}

TEST_F(NginxBackendTest, ManyFilesOnOneConnectionAreTheSame) {
  std::string names;
  for (int i = 0; i < 50; ++i) {
    write_sparse(nginx_.file(fmt::format("{}.bin", i)), size_t(i) * i * 400);
    names += fmt::format(" {}", url(bind_, fmt::format("/{}{}.bin", i % 3 ? "" : "chunked/", i)));
  }
  const std::string all = nginx_.directory() + "/all";
  ASSERT_EQ(shell("curl -sS --noproxy '*' --fail" + names + " >" + all), 0);
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += file_text(nginx_.file(fmt::format("{}.bin", i)));
  EXPECT_TRUE(file_text(all) == expected);
  EXPECT_EQ(weir_.scrape().sum("weir_connections_total"), 1);
  EXPECT_EQ(weir_.scrape().sum("weir_backend_connects_total"), 1);
}

}  // namespace
}  // namespace weir
