#include "tls/tls_loading.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>

#include "base/hash.h"

namespace weir {
namespace {

std::string digest_of(std::string_view content) {
  return fmt::format("{:016x}{:016x}", hash_bytes(content, 0), hash_bytes(content, 1));
}

const char* name_of(TlsFileKind kind) {
  switch (kind) {
    case TlsFileKind::certificate: return "the certificate";
    case TlsFileKind::authorities: return "the authorities";
    case TlsFileKind::crl: return "the revocation list";
    case TlsFileKind::ocsp: return "the OCSP response";
  }
  CHECK_UNREACHABLE();
}

const char* effect_of(TlsFileKind kind) {
  switch (kind) {
    case TlsFileKind::certificate: return "peers that verify it refuse it";
    case TlsFileKind::authorities: return "no certificate of theirs is accepted";
    case TlsFileKind::crl: return "clients whose certificates it is about are refused";
    case TlsFileKind::ocsp: return "weir does not send it";
  }
  CHECK_UNREACHABLE();
}

}  // namespace

std::string utc_text(int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string FileValidity::describe(int64_t now) const {
  const bool many = kind == TlsFileKind::authorities;
  if (now > until)
    return fmt::format("{} in '{}' expired on {}: {}", name_of(kind), path, utc_text(until),
                       effect_of(kind));
  return fmt::format("{} in '{}' {} not valid before {}: until then {}", name_of(kind), path,
                     many ? "are" : "is", utc_text(from),
                     has_stand_in ? "the previous one is used" : effect_of(kind));
}

TlsLoading::TlsLoading(Duration patience) : reader_(patience), now_(std::time(nullptr)) {}

TlsLoading::~TlsLoading() {
  for (auto& [path, content] : contents_)
    if (content) OPENSSL_cleanse(content->data(), content->size());
}

Result<std::string_view> TlsLoading::read(const std::string& path) {
  auto found = contents_.find(path);
  if (found == contents_.end()) {
    found = contents_.emplace(path, reader_.read(path, kMostBytes)).first;
    if (found->second) digests_[path] = digest_of(*found->second);
  }
  const Result<std::string>& content = found->second;
  if (!content)
    return Error{fmt::format("cannot read '{}': {}", path, content.error().message), ""};
  if (content->size() > kMostBytes)
    return Error{fmt::format("'{}' is larger than {} MiB", path, kMostBytes >> 20), ""};
  return std::string_view(*content);
}

std::vector<std::string> TlsLoading::list(const std::string& folder,
                                          bool (*wanted)(std::string_view name)) {
  using Paths = std::vector<std::string>;
  Paths paths = reader_
                    .ask<Paths>(folder,
                                [folder, wanted] {
                                  Paths found;
                                  std::error_code error;
                                  std::filesystem::directory_iterator at(folder, error), end;
                                  for (; !error && at != end; at.increment(error))
                                    if (wanted(at->path().filename().native()))
                                      found.push_back(at->path().native());
                                  return found;
                                })
                    .value_or(Paths());
  std::sort(paths.begin(), paths.end());
  return paths;
}

const std::string& TlsLoading::digest(const std::string& path) const {
  static const std::string kNone;
  const auto found = digests_.find(path);
  return found != digests_.end() ? found->second : kNone;
}

void TlsLoading::report(config::Code code, const config::Location& at, std::string message,
                        std::string hint) {
  if (stopped() && std::exchange(reported_silent_, true)) return;
  findings_.push_back({code, at, subject_ + std::move(message), std::move(hint)});
  errors_ += findings_.back().is_error();
}

}  // namespace weir
