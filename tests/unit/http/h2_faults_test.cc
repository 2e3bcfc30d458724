// What a peer may not send, row by row: which error of the connection or the stream it gets.
#include "http/h2_connection.h"
#include "unit/http/h2_conversation.h"

namespace weir::h2test {
namespace {

using Type = H2FrameType;

class H2Faults : public testing::Test {
 protected:
  H2Faults() { server.establish(); }

  // A new connection with streams: 1 is open, 3 was ended by the client, 5 was reset by weir.
  static std::string error_of(std::string_view bytes) {
    Conversation server;
    server.establish();
    server.receive(headers(1, get(), 0) + headers(3, get()) + headers(5, get(), 0));
    server.connection.reset(server.stream(5), H2Error::cancel);
    server.output();
    const std::string events = server.receive(bytes);
    EXPECT_EQ(events, "") << "nothing of it is acted upon";
    const std::string goaway = server.output();
    if (server.error().empty()) return goaway;
    EXPECT_EQ(goaway, "GOAWAY 5: " + server.error().substr(0, server.error().find(' ')) + "\n");
    EXPECT_EQ(server.receive(headers(7, get())), "") << "input is ignored behind an error";
    return server.error();
  }
  static std::string opening_error(std::string_view bytes) {
    Conversation server;
    EXPECT_EQ(server.receive(bytes), "");
    EXPECT_TRUE(server.output().starts_with("GOAWAY 0: "));
    return server.error();
  }

  Conversation server;
  const std::string protocol = "PROTOCOL_ERROR protocol";
  const std::string frame_size = "FRAME_SIZE_ERROR frame_size";
  const std::string flow_control = "FLOW_CONTROL_ERROR flow_control";
};

// RFC 9113 3.4
TEST_F(H2Faults, ConnectionBeginsWithThePrefaceAndSettings) {
  const std::string preface(kH2Preface);
  EXPECT_EQ(opening_error("GET / HTTP/1.1\r\n\r\n"), protocol);
  EXPECT_EQ(opening_error("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"), protocol);
  EXPECT_EQ(opening_error(preface + headers(1, get())), protocol);
  EXPECT_EQ(opening_error(preface + ping()), protocol);
  EXPECT_EQ(opening_error(preface + settings_ack()), protocol);
  EXPECT_EQ(opening_error(preface + "HTTP/1.1 400 Bad Request"), protocol);
}

// RFC 9113 6.1, 6.2, 6.3, 6.4, 6.10
TEST_F(H2Faults, FramesOfStreamsOnStream0) {
  EXPECT_EQ(error_of(data(0, "x")), protocol);
  EXPECT_EQ(error_of(headers(0, get())), protocol);
  EXPECT_EQ(error_of(frame(Type::priority, 0, 0, "12345")), protocol);
  EXPECT_EQ(error_of(rst(0)), protocol);
  EXPECT_EQ(error_of(frame(Type::continuation, kH2EndHeaders, 0)), protocol);
}

// RFC 9113 6.5, 6.7, 6.8, RFC 9218 7.1
TEST_F(H2Faults, FramesOfTheConnectionOnAStream) {
  EXPECT_EQ(error_of(frame(Type::settings, 0, 1)), protocol);
  EXPECT_EQ(error_of(frame(Type::ping, 0, 1, "12345678")), protocol);
  EXPECT_EQ(error_of(frame(Type::goaway, 0, 1, "12345678")), protocol);
  EXPECT_EQ(error_of(frame(Type::priority_update, 0, 1, "\0\0\0\1u=1")), protocol);
}

// RFC 9113 4.2, 6.4, 6.5, 6.7, 6.8, 6.9
TEST_F(H2Faults, FramesOfAWrongSize) {
  const std::string large(kH2FrameSize + 1, '\0');
  EXPECT_EQ(error_of(data(1, large)), frame_size);
  EXPECT_EQ(error_of(frame(Type::headers, kH2EndHeaders, 7, large)), frame_size);
  EXPECT_EQ(error_of(frame(Type(0xa), 0, 0, large)), frame_size);
  EXPECT_EQ(error_of(frame(Type::settings, 0, 0, "12345")), frame_size);
  EXPECT_EQ(error_of(frame(Type::settings, kH2Ack, 0, "123456")), frame_size);
  for (const char* const text : {"", "1234567", "123456789"})
    EXPECT_EQ(error_of(frame(Type::ping, 0, 0, text)), frame_size);
  for (const char* const text : {"", "123", "12345"}) {
    EXPECT_EQ(error_of(frame(Type::rst_stream, 0, 1, text)), frame_size);
    EXPECT_EQ(error_of(frame(Type::window_update, 0, 0, text)), frame_size);
    EXPECT_EQ(error_of(frame(Type::window_update, 0, 1, text)), frame_size);
  }
  EXPECT_EQ(error_of(frame(Type::goaway, 0, 0, "1234567")), frame_size);
  EXPECT_EQ(error_of(frame(Type::priority_update, 0, 0, "123")), frame_size);
}

// RFC 9113 4.2: "too small to contain mandatory frame data"
TEST_F(H2Faults, FramesWithoutTheFieldsOfTheirFlags) {
  EXPECT_EQ(error_of(frame(Type::data, kH2Padded, 1)), frame_size);
  EXPECT_EQ(error_of(frame(Type::headers, kH2Padded | kH2EndHeaders, 7)), frame_size);
  EXPECT_EQ(error_of(frame(Type::headers, kH2Priority | kH2EndHeaders, 7, "1234")), frame_size);
  EXPECT_EQ(error_of(frame(Type::headers, kH2Padded | kH2Priority | kH2EndHeaders, 7,
                           std::string(5, '\0'))),
            frame_size);
}

// RFC 9113 6.3: a stream error
TEST_F(H2Faults, PriorityOfAWrongSize) {
  server.receive(headers(1, get(), 0));
  EXPECT_EQ(server.receive(frame(Type::priority, 0, 1, "1234")), "reset 1: FRAME_SIZE_ERROR\n");
  EXPECT_EQ(server.output(), "RST_STREAM 1: FRAME_SIZE_ERROR\n");
  EXPECT_EQ(server.receive(frame(Type::priority, 0, 7, "123456")), "");
  EXPECT_EQ(server.output(), "") << "RST_STREAM is not sent for an idle stream (6.4)";
}

// RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1
TEST_F(H2Faults, SettingsOutOfRange) {
  EXPECT_EQ(error_of(settings({{2, 2}})), protocol);
  EXPECT_EQ(error_of(settings({{8, 2}})), protocol);
  EXPECT_EQ(error_of(settings({{9, 2}})), protocol);
  EXPECT_EQ(error_of(settings({{5, 16383}})), protocol);
  EXPECT_EQ(error_of(settings({{5, 1 << 24}})), protocol);
  EXPECT_EQ(error_of(settings({{4, 1u << 31}})), flow_control);
  EXPECT_EQ(server.receive(settings({{2, 1}, {5, (1 << 24) - 1}, {4, kH2MaxWindow}})),
            "settings\n");
  server.receive(settings({{8, 1}}));
  server.receive(settings({{8, 0}}));
  EXPECT_EQ(server.error(), protocol) << "RFC 8441 3: 0 behind 1";
}

// RFC 9113 5.1.1
TEST_F(H2Faults, EvenIds) {
  EXPECT_EQ(error_of(headers(8, get())), protocol);
  EXPECT_EQ(error_of(data(8, "x")), protocol);
  EXPECT_EQ(error_of(rst(2)), protocol);
  EXPECT_EQ(error_of(window_update(2, 1)), protocol);
  EXPECT_EQ(error_of(frame(Type::priority_update, 0, 0, u32(2))), protocol);
  EXPECT_EQ(error_of(frame(Type::priority_update, 0, 0, u32(0))), protocol);
}

// RFC 9113 5.1, 5.1.1: a request at or below the last id
TEST_F(H2Faults, RequestOnAStreamThatHasEnded) {
  EXPECT_EQ(error_of(headers(5, get())), protocol);
  Conversation with_gaps;
  with_gaps.establish();
  with_gaps.receive(headers(7, get()));
  EXPECT_EQ(with_gaps.receive(headers(3, get())), "") << "never run as a request";
  EXPECT_EQ(with_gaps.error(), protocol);
}

// RFC 9113 5.1: idle
TEST_F(H2Faults, FramesOnAStreamThatHasNotBegun) {
  EXPECT_EQ(error_of(data(7, "x")), protocol);
  EXPECT_EQ(error_of(rst(7)), protocol);
  EXPECT_EQ(error_of(window_update(7, 1)), protocol);
}

// RFC 9113 5.1: half-closed (remote)
TEST_F(H2Faults, DataAndHeadersBehindTheEnd) {
  server.receive(headers(1, get()) + headers(3, get()));
  EXPECT_EQ(server.receive(data(1, "x")), "reset 1: STREAM_CLOSED\n");
  EXPECT_EQ(server.receive(headers(3, {{"x", "y"}})), "reset 3: STREAM_CLOSED\n");
  EXPECT_EQ(server.output(), "RST_STREAM 1: STREAM_CLOSED\nRST_STREAM 3: STREAM_CLOSED\n");
  EXPECT_EQ(server.receive(headers(5, get()) + window_update(5, 1)), get_events(5));
  EXPECT_EQ(server.error(), "");
}

// RFC 9113 5.1: closed
TEST_F(H2Faults, FramesOnAStreamThatWeirHasResetAreIgnored) {
  const std::string all = data(5, "x") + padded(5, "x", 3, kEnd) + headers(5, {{"x", "y"}}) +
                          rst(5) + window_update(5, 1) + window_update(5, 0) +
                          frame(Type::priority, 0, 5, "12345");
  EXPECT_EQ(error_of(all), "");
}

// RFC 9113 6.1, 6.2
TEST_F(H2Faults, PaddingLargerThanThePayload) {
  EXPECT_EQ(error_of(frame(Type::data, kH2Padded, 1, "\1")), protocol);
  EXPECT_EQ(error_of(frame(Type::data, kH2Padded, 1, "\4abc")), protocol);
  EXPECT_EQ(error_of(frame(Type::data, kH2Padded, 5, "\4abc")), protocol) << "of a reset stream";
  EXPECT_EQ(error_of(frame(Type::headers, kH2Padded | kH2EndHeaders, 7, "\4abc")), protocol);
  EXPECT_EQ(error_of(frame(Type::headers, kH2Padded | kH2Priority | kH2EndHeaders, 7,
                           "\2"
                           "12345"
                           "a")),
            protocol);
}

// RFC 9113 4.3, 6.10
TEST_F(H2Faults, FramesWithinAHeaderBlock) {
  const std::string open = frame(Type::headers, kEnd, 7, block(get()));
  for (const std::string& other :
       {data(1, "x"), headers(9, get()), frame(Type::continuation, kH2EndHeaders, 1), ping(),
        settings(), window_update(0, 1), frame(Type(0xa), 0, 0)})
    EXPECT_EQ(error_of(open + other), protocol);
  EXPECT_EQ(error_of(frame(Type::continuation, kH2EndHeaders, 1)), protocol) << "a stray one";
}

// RFC 9113 8.4: a client cannot push
TEST_F(H2Faults, PushPromise) {
  EXPECT_EQ(error_of(frame(Type::push_promise, kH2EndHeaders, 1, u32(2))), protocol);
}

// RFC 9113 6.9, 6.9.1
TEST_F(H2Faults, WindowUpdates) {
  EXPECT_EQ(error_of(window_update(0, 0)), protocol);
  EXPECT_EQ(error_of(window_update(0, 1u << 31)), protocol) << "only the reserved bit";
  EXPECT_EQ(error_of(window_update(0, kH2MaxWindow - kH2Window + 1)), flow_control);
  server.receive(headers(1, get(), 0) + headers(3, get(), 0));
  EXPECT_EQ(server.receive(window_update(1, 0)), "reset 1: PROTOCOL_ERROR\n");
  EXPECT_EQ(server.receive(window_update(3, kH2MaxWindow - kH2Window)), "");
  EXPECT_EQ(server.receive(window_update(3, 1)), "reset 3: FLOW_CONTROL_ERROR\n");
  EXPECT_EQ(server.output(), "RST_STREAM 1: PROTOCOL_ERROR\nRST_STREAM 3: FLOW_CONTROL_ERROR\n");
}

// RFC 9113 6.9.1
TEST_F(H2Faults, DataBeyondTheWindowOfAStream) {
  server.take = false;
  server.receive(headers(1, get(), 0));
  server.receive(repeat(data(1, std::string(13107, 'x')), 5));
  EXPECT_EQ(server.receive(data(1, "")), "");
  EXPECT_EQ(server.receive(data(1, "y")), "reset 1: FLOW_CONTROL_ERROR\n");
  EXPECT_EQ(server.output(), "RST_STREAM 1: FLOW_CONTROL_ERROR\n");
}

// RFC 9113 6.9.1
TEST_F(H2Faults, DataBeyondTheWindowOfTheConnection) {
  server.take = false;
  server.connection.hold_window(true);
  std::string bodies;
  for (const uint32_t id : {1u, 3u, 5u, 7u})
    bodies += headers(id, get(), 0) + repeat(data(id, std::string(13107, 'x')), 5);
  server.receive(bodies + headers(9, get(), 0) + data(9, "1234"));
  EXPECT_EQ(server.error(), "");
  server.receive(data(9, "5"));
  EXPECT_EQ(server.error(), flow_control);
}

// RFC 9113 4.3
TEST_F(H2Faults, BlockThatCannotBeDecoded) {
  EXPECT_EQ(error_of(frame(Type::headers, kH2EndHeaders, 5, "\x80")),
            "COMPRESSION_ERROR compression");
  server.receive(frame(Type::headers, kH2EndHeaders, 1, "\x80"));
  EXPECT_EQ(server.error(), "COMPRESSION_ERROR compression");
}

// RFC 9113 8.1
TEST_F(H2Faults, TrailersWithoutEndStream) {
  server.receive(headers(1, get(), 0));
  EXPECT_EQ(server.receive(headers(1, {{"x", "y"}}, 0)), "reset 1: PROTOCOL_ERROR\n");
  EXPECT_EQ(server.output(), "RST_STREAM 1: PROTOCOL_ERROR\n");
}

}  // namespace
}  // namespace weir::h2test
