// A request that ends in the middle of its body while its response is relayed: its backend must
// neither wait for the rest nor take the part for the whole, and the response is cut, unless weir
// has received all of it.
#include "unit/exchange/versions_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CutUploads : public VersionsFixture {
 protected:
  // Both bodies are on their way.
  void begin_both() {
    begin_upload();
    client_sends("part");
    answer_delimited();
    backend_sends("hello");
    ASSERT_EQ(at_client(), "hello");
  }
  void send_too_much() { client_sends(std::string(70'000, 'x')); }
  void expect_both_cut() {
    EXPECT_EQ(backend.given_up, 1);
    EXPECT_THAT(at_backend(), Not(HasSubstr("|"))) << "a part that looks whole";
    EXPECT_EQ(at_client(), "hello");
  }
  uint64_t errors(RequestError error) { return metrics.listener(0).request_errors[error].value; }
};

INSTANTIATE_TEST_SUITE_P(Sides, CutUploads, all_sides(), name_of);

TEST_P(CutUploads, OfTooLargeBodiesEndBothSides) {
  begin_both();
  send_too_much();
  EXPECT_EQ(outcome(), "abort bad_request");
  expect_both_cut();
  EXPECT_EQ(errors(RequestError::body_too_large), 1u);
}

TEST_P(CutUploads, OfMalformedBodiesEndBothSides) {
  begin_both();
  if (client_streams())
    client_ends("x-large: " + std::string(40'000, 'x') + "\r\n");
  else
    client.stream.sends("no size\r\n");
  EXPECT_EQ(outcome(), "abort bad_request");
  expect_both_cut();
  EXPECT_EQ(errors(client_streams() ? RequestError::header_too_large : RequestError::malformed),
            1u);
}

TEST_P(CutUploads, OfClientsThatFinishInTheMiddleEndBothSides) {
  if (client_streams()) return;  // END_STREAM is the end of a whole body
  begin_both();
  client.stream.finishes();
  EXPECT_EQ(outcome(), "abort client_closed");
  expect_both_cut();
  EXPECT_EQ(errors(RequestError::client_abort), 1u);
}

TEST_P(CutUploads, EndTheBackendsSideBeforeTheClientHasReceivedItsPart) {
  begin_both();
  client.stream.has_not_acknowledged(5);
  send_too_much();
  EXPECT_EQ(outcome(), "open");
  expect_both_cut();
  client.stream.has_not_acknowledged(0);
  advance(1s);
  EXPECT_EQ(outcome(), "abort bad_request");
}

TEST_P(CutUploads, LeaveTheHealthOfTheBackendAlone) {
  begin_both();
  send_too_much();
  ASSERT_EQ(outcome(), "abort bad_request");
  const BackendCells& cells = current->cluster(0).cells_of(backend.last_backend);
  for (const BackendError error : {BackendError::truncated, BackendError::protocol,
                                   BackendError::reset, BackendError::timeout})
    EXPECT_EQ(cells.request_errors[error].value, 0u);
}

// weir has received the end of the response, and the client has not taken it yet.
TEST_P(CutUploads, DeliverAResponseThatIsWhole) {
  begin_both();
  client.stream.has_room_for(3);
  if (backend_streams())
    backend_sends("world"), backend_ends();
  else
    backend.stream->sends("5\r\nworld\r\n0\r\n\r\n");
  send_too_much();
  EXPECT_EQ(outcome(), "open");
  EXPECT_TRUE(backend.stream->aborted);
  client.stream.takes_everything();
  EXPECT_EQ(at_client(), "helloworld|");
  EXPECT_EQ(outcome(), "linger");
  EXPECT_THAT(at_backend(), Not(HasSubstr("|")));
}

}  // namespace
}  // namespace weir::test
