#include "control/tls_validity.h"

#include <gtest/gtest.h>

#include <utility>

#include "support/log_capture.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

class TlsValidityTest : public testing::Test, protected TestLoop {
 protected:
  void advance_to(int64_t now) {
    const std::chrono::seconds step(now - std::exchange(now_, now));
    advance(step + 100ms);  // deadlines are kept in ticks
  }
  int64_t out_of_date(TlsFileKind kind) { return state_.tls_files_out_of_date[kind].value; }

  int64_t now_ = 1'000'000;
  ProcessState state_;
  TlsValidity validity_{loop, state_, [this] { return now_; }};
};

TEST_F(TlsValidityTest, ReportsWhenAFileExpiresWhileWeirRuns) {
  validity_.apply({{TlsFileKind::certificate, "a", 0, now_ + 30, {}},
                   {TlsFileKind::certificate, "a", 0, now_ + 30, {}},
                   {TlsFileKind::crl, "b", 0, now_ + 7000, {}}});
  EXPECT_EQ(out_of_date(TlsFileKind::certificate), 0);
  advance_to(now_ + 30);
  EXPECT_EQ(out_of_date(TlsFileKind::certificate), 0) << "valid during its last second";
  advance_to(now_ + 1);
  EXPECT_EQ(out_of_date(TlsFileKind::certificate), 1) << "one file, however often it is named";
  EXPECT_EQ(out_of_date(TlsFileKind::crl), 0);
  validity_.apply({});
  EXPECT_EQ(out_of_date(TlsFileKind::certificate), 0);
}

TEST_F(TlsValidityTest, FileUsedAsSeveralKindsIsReportedForEachKind) {
  validity_.apply({{TlsFileKind::certificate, "a", 0, now_ - 30, {}},
                   {TlsFileKind::authorities, "a", 0, now_ - 10, {}},
                   {TlsFileKind::certificate, "a", 0, now_ + 7000, {}},
                   {TlsFileKind::authorities, "a", 0, now_ - 10, {}}});
  EXPECT_EQ(out_of_date(TlsFileKind::certificate), 1);
  EXPECT_EQ(out_of_date(TlsFileKind::authorities), 1);
}

TEST_F(TlsValidityTest, ReportsEachFileOnceAndAgainWhenItBecomesValid) {
  LogCapture log;
  validity_.apply({{TlsFileKind::ocsp, "/o", now_ + 100, now_ + 9000, {}}});
  EXPECT_EQ(out_of_date(TlsFileKind::ocsp), 1);
  advance_to(now_ + 61);
  EXPECT_EQ(out_of_date(TlsFileKind::ocsp), 1);
  advance_to(now_ + 39);
  EXPECT_EQ(out_of_date(TlsFileKind::ocsp), 0);
  const std::string text = log.events();
  const auto count = [&](const std::string& what) {
    size_t n = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
    return n;
  };
  EXPECT_EQ(count("tls.file_out_of_date"), 1u) << text;
  EXPECT_EQ(count("1970-01-12 13:48:20 UTC"), 1u) << text;
  EXPECT_EQ(count("tls.file_valid"), 1u) << text;
}

TEST_F(TlsValidityTest, LogsThatARenewedFileIsValidOnceItsOldVersionIsNotUsed) {
  LogCapture log;
  const FileValidity old{TlsFileKind::certificate, "/c", 0, now_ - 30, {}};
  const FileValidity renewed{TlsFileKind::certificate, "/c", 0, now_ + 7000, {}};
  validity_.apply({old});
  validity_.apply({old, renewed});
  advance_to(now_ + 61);
  LOG(info, "test.now");
  validity_.apply({renewed});
  advance_to(now_ + 61);
  const std::string text = log.events();
  const size_t at = text.find("tls.file_valid");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_GT(at, text.find("test.now")) << text;
  EXPECT_EQ(text.find("tls.file_valid", at + 1), std::string::npos) << text;
}

}  // namespace
}  // namespace weir::test
