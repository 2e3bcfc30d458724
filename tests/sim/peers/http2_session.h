// Http2Session: one end of an HTTP/2 connection, on libnghttp2, which shares nothing with
// proxy/http. The owner passes it the received bytes and sends the frames that it returns.
//
// libnghttp2 checks the frames and the heads of the other side (RFC 9113). An error of the other
// side is a call of on_fault(). SETTINGS, PINGs and window updates follow an Http2Behavior; the
// library sends no window update of its own, except for padding.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "peers/ledger.h"
#include "peers/message_reader.h"

namespace weir::sim {

using Http2Fields = std::vector<std::pair<std::string, std::string>>;

struct Http2Settings {
  uint32_t window = 65535;  // of a stream
  uint32_t header_table = 4096;
  uint32_t frame_size = 16384;
  uint32_t max_streams = 100;
};

struct Http2Behavior {
  Http2Settings settings;                                   // the first ones
  std::vector<std::pair<Duration, Http2Settings>> changes;  // by age, in order
  int32_t connection_window = 0;                            // more than 65535 bytes, at first
  // Received bytes are given back to the window of their stream after a while: in parts of `part`
  // bytes at most, `parts` times, then as usual clients do; none after `withheld_after` bytes.
  int32_t part = 1 << 30;
  uint64_t parts = 0;
  Duration holds = 0ms;
  uint64_t withheld_after = ~0ull;
  size_t data = 16384;     // bytes of a DATA frame, at most
  size_t padding = 0;      // bytes of a frame, at most
  bool empty_end = false;  // END_STREAM in a frame of its own
  Duration ping_every = 3000s;
};

// A body to be sent.
struct Http2Body {
  Stream stream{};
  uint32_t number = 0;
  uint64_t size = 0;
  uint32_t trailer = 0;       // the value of the trailer field; 0: no trailers
  uint64_t stop_at = ~0ull;   // sends only so many bytes, and no end
  bool held = false;          // until release()
  bool headless_end = false;  // END_STREAM comes with the head
  uint64_t sent = 0;
};

struct Http2Frame {
  std::string bytes;  // "": there is none
  int32_t stream = 0;
  uint8_t type = 0;
  bool ends = false;  // END_STREAM
};

std::string http2_frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload);

class Http2Owner {
 public:
  virtual ~Http2Owner() = default;
  // Of a request or a response, also of an interim one.
  virtual void on_head(int32_t stream, const MessageHead& head) = 0;
  virtual void on_data(int32_t stream, std::string_view bytes) = 0;
  virtual void on_end_stream(int32_t stream, const MessageHead& trailers) = 0;
  // Both sides have ended it, or one has reset it, or a GOAWAY has.
  virtual void on_closed(int32_t stream, uint32_t error) = 0;
  virtual void on_goaway(int32_t last, uint32_t error) = 0;
  virtual void on_fault(const std::string& what) = 0;  // the other side broke a rule of HTTP/2
};

class Http2Session {
 public:
  enum class Role : uint8_t { client, server };
  Http2Session(Http2Owner& owner, Role role, const Http2Behavior& behavior, Network& network);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  void feed(std::string_view bytes);
  Http2Frame next_frame();
  void act();  // what has become due
  // The number of its stream; 0: the connection takes no more.
  int32_t send_request(const Http2Fields& fields, const Http2Body& body);
  void send_response(int32_t stream, const Http2Fields& fields, const Http2Body& body);
  void send_interim(int32_t stream, const Http2Fields& fields);
  void release(int32_t stream);  // a held body
  void reset(int32_t stream, uint32_t error);
  void send_goaway(int32_t last, uint32_t error);
  void announce_goaway();  // with the highest id
  const Http2Body* body_of(int32_t stream) const;
  int32_t last_stream() const { return nghttp2_session_get_last_proc_stream_id(session_); }
  bool settled() const { return settled_; }  // the other side's SETTINGS have come
  bool done() const;                         // it neither receives nor sends any more
  // Windows that allow the other side to send, and those that allow this side to send.
  int32_t window_for_peer(int32_t stream) const;
  int32_t window_of_peer(int32_t stream) const;
  // A PING without an answer, for so long.
  Duration unanswered_for() const;

 private:
  using Self = Http2Session;
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* self);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_chunk(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size,
                      void* self);
  static int on_closed(nghttp2_session*, int32_t stream, uint32_t error, void* self);
  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int on_unsent(nghttp2_session*, const nghttp2_frame* frame, int error, void* self);
  static int on_invalid(nghttp2_session*, const nghttp2_frame* frame, int error, void* self);
  static ssize_t choose_padding(nghttp2_session*, const nghttp2_frame* frame, size_t most,
                                void* self);
  static ssize_t read_body(nghttp2_session*, int32_t stream, uint8_t* to, size_t size,
                           uint32_t* flags, nghttp2_data_source*, void* self);
  ssize_t fill(int32_t stream, uint8_t* to, size_t size, uint32_t& flags);
  void take_head(const nghttp2_frame& frame);
  void give_back();
  void submit_window_update(int32_t stream, int32_t size);
  void submit(const Http2Settings& settings);
  const nghttp2_data_provider* provider(int32_t stream, const Http2Body& body);

  Http2Owner& owner_;
  const Http2Behavior behavior_;
  Network& network_;
  const TimePoint began_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Http2Body> bodies_;   // to be sent
  std::map<int32_t, MessageHead> heads_;  // being received
  std::set<int32_t> receiving_;           // streams that DATA has come for
  std::map<int32_t, uint32_t> resets_;    // sent by the owner
  size_t changes_ = 0;                    // of the settings
  uint64_t received_ = 0;                 // bytes of DATA
  uint64_t parts_ = 0;                    // of windows, given back
  TimePoint give_at_;
  TimePoint ping_at_ = kNever;
  TimePoint pinged_at_ = kNever;  // no answer yet
  bool settled_ = false;
  bool leaving_ = false;  // the owner has sent a GOAWAY
};

}  // namespace weir::sim
