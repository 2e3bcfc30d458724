// gRPC over HTTP/2: what is gRPC, its time limits, statuses and messages.
#include "http/grpc.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir {
namespace {

TEST(Grpc, IsRecognisedByItsContentType) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "application/grpc;a=b",
                           "application/grpc ; a=b", "Application/GRPC+json"})
    EXPECT_TRUE(is_grpc(type)) << type;
  for (const char* type : {"", "application/grpc-web", "application/grpc-web+proto", "text/html",
                           "application/grpcx", "application/grp", "x application/grpc"})
    EXPECT_FALSE(is_grpc(type)) << type;
}

TEST(Grpc, TimeoutHasAtMostEightDigitsAndAUnit) {
  EXPECT_EQ(parse_grpc_timeout("2H"), std::chrono::hours(2));
  EXPECT_EQ(parse_grpc_timeout("3M"), std::chrono::minutes(3));
  EXPECT_EQ(parse_grpc_timeout("4S"), 4s);
  EXPECT_EQ(parse_grpc_timeout("5m"), 5ms);
  EXPECT_EQ(parse_grpc_timeout("6u"), 6us);
  EXPECT_EQ(parse_grpc_timeout("99999999n"), 99999999ns);
  EXPECT_EQ(parse_grpc_timeout("0S"), 0s);
  EXPECT_EQ(parse_grpc_timeout("00000001S"), 1s);
  EXPECT_EQ(parse_grpc_timeout("99999999S"), std::chrono::seconds(99999999));
  EXPECT_EQ(parse_grpc_timeout("99999999H"), kMaxGrpcTimeout) << "no overflow";
  EXPECT_EQ(parse_grpc_timeout("876000H"), kMaxGrpcTimeout);
  EXPECT_EQ(parse_grpc_timeout("876001H"), kMaxGrpcTimeout);
  for (const char* value : {"", "S", "1", "100000000n", "000000001S", "1s", "1h", "-1S", "+1S",
                            "1.5S", " 1S", "1 S", "1S ", "1SS", "1x"})
    EXPECT_EQ(parse_grpc_timeout(value), std::nullopt) << value;
}

TEST(Grpc, StatusesHaveTheirNames) {
  EXPECT_STREQ(text(GrpcStatus::OK), "OK");
  EXPECT_STREQ(text(GrpcStatus::DEADLINE_EXCEEDED), "DEADLINE_EXCEEDED");
  EXPECT_STREQ(text(GrpcStatus::UNAUTHENTICATED), "UNAUTHENTICATED");
  EXPECT_STREQ(text(GrpcStatus::none), "none");
  EXPECT_STREQ(text(GrpcStatus::other), "other");
  EXPECT_EQ(kListSize<GrpcStatus>, 19u);
  EXPECT_EQ(int(GrpcStatus::UNAUTHENTICATED), 16);
  EXPECT_EQ(int(GrpcStatus::UNAVAILABLE), 14);
}

TEST(Grpc, StatusIsADecimalNumber) {
  for (unsigned i = 0; i <= 16; ++i)
    EXPECT_EQ(unsigned(parse_grpc_status(std::to_string(i))), i) << i;
  EXPECT_EQ(parse_grpc_status({}), GrpcStatus::none);
  for (const char* value : {"", "17", "99", "016", "00", "-1", "x", "1 ", "100"})
    EXPECT_EQ(parse_grpc_status(value), GrpcStatus::other) << value;
}

TEST(Grpc, StatusOfAnErrorOfWeirFollowsFromItsHttpStatus) {
  const std::pair<unsigned, GrpcStatus> rows[] = {{400, GrpcStatus::INTERNAL},
                                                  {404, GrpcStatus::UNIMPLEMENTED},
                                                  {405, GrpcStatus::UNIMPLEMENTED},
                                                  {501, GrpcStatus::UNIMPLEMENTED},
                                                  {408, GrpcStatus::DEADLINE_EXCEEDED},
                                                  {413, GrpcStatus::RESOURCE_EXHAUSTED},
                                                  {431, GrpcStatus::RESOURCE_EXHAUSTED},
                                                  {421, GrpcStatus::UNAVAILABLE},
                                                  {502, GrpcStatus::UNAVAILABLE},
                                                  {503, GrpcStatus::UNAVAILABLE},
                                                  {504, GrpcStatus::UNAVAILABLE},
                                                  {500, GrpcStatus::UNKNOWN},
                                                  {403, GrpcStatus::UNKNOWN},
                                                  {301, GrpcStatus::UNKNOWN}};
  for (const auto& [http, status] : rows) EXPECT_EQ(grpc_status_for(http), status) << http;
}

TEST(Grpc, MessageIsPercentEncoded) {
  const auto encoded = [](std::string_view message, size_t room) {
    std::vector<char> memory(room);
    return std::string(encode_grpc_message(message, memory));
  };
  EXPECT_EQ(encoded("no backend: a$&~ b", 18), "no backend: a$&~ b");
  EXPECT_EQ(encoded("100%", 12), "100%25");
  EXPECT_EQ(encoded("a\r\nb\x7f\xc3\xa9", 64), "a%0D%0Ab%7F%C3%A9");
  EXPECT_EQ(encoded(" a ", 64), "%20a%20") << "no value begins or ends with a blank";
  EXPECT_EQ(encoded(" ", 3), "%20");
  EXPECT_EQ(encoded(std::string("\0", 1), 3), "%00");
  EXPECT_EQ(encoded("abc", 2), "") << "nothing is cut";
  EXPECT_EQ(encoded("%", 2), "");
  std::vector<char> none;
  EXPECT_EQ(encode_grpc_message("x", none).data(), nullptr);
}

}  // namespace
}  // namespace weir
