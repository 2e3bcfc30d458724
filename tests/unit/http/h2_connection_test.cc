#include "http/h2_connection.h"

#include "unit/http/h2_conversation.h"

namespace weir {
namespace {

using namespace h2test;

TEST(H2Connection, ServerBeginsWithSettingsAndTheWindowOfTheConnection) {
  Conversation server;
  EXPECT_EQ(server.start, "SETTINGS 3=100 9=1 6=32768\nWINDOW_UPDATE 0: 196609\n");
  server.establish();
  EXPECT_EQ(server.receive(headers(1, get())), get_events(1));
  server.connection.send_fields(server.stream(1), "block", false);
  server.send_data(1, 5);
  server.connection.send_end(server.stream(1));
  EXPECT_EQ(server.output(), "HEADERS 1: block\nDATA 1: 5\nDATA 1: 0 END_STREAM\n");
  EXPECT_FALSE(server.attached(1));
}

}  // namespace
}  // namespace weir
