// Events and frames depend on the bytes of the peer, not on how they were split; and the owner may
// do anything from within an event.
#include "http/h2_connection.h"
#include "unit/http/h2_conversation.h"

namespace weir::h2test {
namespace {

using Type = H2FrameType;

// Every kind of frame, padded and split, faults of streams, ignored streams.
std::string everything() {
  const std::string fields = block(get("/continued"));
  std::string bytes = settings({{4, 100}, {3, 7}});
  bytes += headers(1, get("/one"), 0) + padded(1, "first", 7) + data(1, "second");
  bytes += frame(Type::headers, kEnd | kH2Padded, 3, "\2" + fields.substr(0, 5) + "12");
  bytes += frame(Type::continuation, 0, 3, fields.substr(5, 9));
  bytes += frame(Type::continuation, 0, 3);
  bytes += frame(Type::continuation, kH2EndHeaders, 3, fields.substr(14));
  bytes += headers(1, {{"trailer", "yes"}}) + settings_ack() + settings({{4, 70000}});
  bytes += headers(5, get("/five"), 0) + rst(5) + data(5, "stale") + headers(5, {{"x", "y"}});
  bytes += frame(Type::headers, kEnd | kH2EndHeaders | kH2Priority, 7, "12345" + block(get()));
  bytes += window_update(0, 70000) + window_update(7, 5) + ping("12345678") + data(3, "late");
  bytes += frame(Type::priority, 0, 7, "12345") + frame(Type::priority, 0, 7, "1234");
  bytes += frame(Type::priority_update, 0, 0, u32(9) + "u=5");
  bytes += frame(Type::priority_update, 0, 0, u32(9) + std::string(100, 'x'));
  bytes += frame(Type(0x42), 0, 3, "whatever");
  bytes += headers(9, get("/nine"), 0) + padded(9, "", 3) + data(9, "", kEnd);
  bytes += goaway(0, H2Error::no_error, "debug") + goaway(0, H2Error(9), std::string(99, 'd'));
  return bytes;
}

class H2Splitting : public testing::Test {
 protected:
  struct Result {
    std::string events, frames, error;
    unsigned patience = 0;
    bool operator==(const Result&) const = default;
  };

  static Result receive(const std::vector<std::string_view>& pieces) {
    Conversation server;
    Result result;
    for (const std::string_view piece : pieces) result.events += server.receive(piece);
    join_data(result.events);
    result.frames = server.output();
    result.error = server.error();
    result.patience = server.connection.patience().left();
    return result;
  }
  // DATA is handed on as it comes.
  static void join_data(std::string& events) {
    for (const std::string id : {"1", "9"}) {
      const std::string line = "data " + id + ": ";
      size_t at = events.find(line);
      for (size_t next; at != std::string::npos;) {
        const size_t end = events.find('\n', at);
        next = end + 1;
        if (events.compare(next, line.size(), line) != 0) {
          at = events.find(line, next);
          continue;
        }
        events.erase(end, 1 + line.size());
      }
    }
  }
  static void expect_independent(const std::string& bytes) {
    const std::string all = std::string(kH2Preface) + bytes;
    const Result whole = receive({all});
    const std::string_view view = all;
    for (size_t at = 1; at < all.size(); ++at)
      ASSERT_EQ(receive({view.substr(0, at), view.substr(at)}), whole) << "split at " << at;
    std::vector<std::string_view> single;
    for (size_t at = 0; at < all.size(); ++at) single.push_back(view.substr(at, 1));
    ASSERT_EQ(receive(single), whole);
    ASSERT_FALSE(whole.events.empty());
  }
  friend void PrintTo(const Result& result, std::ostream* out) {
    *out << result.events << "--\n" << result.frames << "--\n" << result.error;
  }
};

TEST_F(H2Splitting, ChangesNothing) {
  expect_independent(everything());
}

TEST_F(H2Splitting, ChangesNoError) {
  const std::string begin = settings() + headers(1, get(), 0);
  for (const std::string& fault :
       {window_update(0, 0), data(1, std::string(20000, 'x')).substr(0, 40),
        ping().substr(0, 3) + "x",
        frame(Type::data, kH2Padded, 1,
              "\x09"
              "12"),
        settings({{3, 1}, {4, 1u << 31}, {6, 1}}),
        frame(Type::headers, kH2EndHeaders, 3, "\x82\x80\x82"), headers(2, get()), data(3, "x"),
        frame(Type::headers, 0, 3, "\x82") + ping()})
    expect_independent(begin + fault + ping());
}

// The events of everything(), each of them once the one in which the owner acts.
class H2Reentrance : public testing::Test {
 protected:
  static std::vector<std::string> lines() {
    Conversation server;
    server.establish();
    std::vector<std::string> all;
    std::string events = server.receive(everything());
    for (size_t end; (end = events.find('\n')) != std::string::npos; events.erase(0, end + 1))
      all.push_back(events.starts_with("data") ? events.substr(0, 8) : events.substr(0, end));
    return all;
  }
};

TEST_F(H2Reentrance, OwnerMayResetAllStreamsInEveryEvent) {
  for (const bool destroy : {false, true}) {
    for (const std::string& line : lines()) {
      Conversation server;
      server.establish();
      bool done = false;
      server.when = line;
      server.then = [&] {
        done = true;
        for (auto& [id, stream] : server.streams) {
          server.connection.reset(*stream, H2Error::cancel);
          if (destroy && !line.starts_with("data")) stream.reset();
        }
      };
      server.receive(everything());
      EXPECT_TRUE(done) << line;
      EXPECT_EQ(server.error(), "") << line;
    }
  }
}

TEST_F(H2Reentrance, OwnerMayEndAllStreamsInEveryEvent) {
  for (const std::string& line : lines()) {
    Conversation server;
    server.establish();
    server.when = line;
    server.then = [&] {
      for (auto& [id, stream] : server.streams) server.connection.send_end(*stream);
    };
    server.receive(everything());
    EXPECT_EQ(server.error(), "") << line;
  }
}

TEST_F(H2Reentrance, NoEventFollowsAnErrorOfTheOwner) {
  for (const std::string& line : lines()) {
    Conversation server;
    server.establish();
    server.when = line;
    server.then = [&] {
      server.connection.fail(H2Error::internal_error, H2ErrorReason::protocol, "the owner");
    };
    const std::string events = server.receive(everything());
    EXPECT_NE(events.find(line), std::string::npos);
    EXPECT_EQ(events.find('\n', events.rfind(line)), events.size() - 1) << line << "\n" << events;
    EXPECT_EQ(server.error(), "INTERNAL_ERROR protocol");
  }
}

}  // namespace
}  // namespace weir::h2test
