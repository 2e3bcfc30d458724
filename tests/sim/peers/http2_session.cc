#include "peers/http2_session.h"

#include <algorithm>

namespace weir::sim {
namespace {

std::vector<nghttp2_nv> name_values(const Http2Fields& fields) {
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields)
    list.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  return list;
}

// Usual clients wait until this much has come, or until the other side may have to wait.
bool is_worth(int32_t owed, int32_t open) {
  return owed > 0 && (owed >= 4096 || owed >= open / 2);
}

Http2Session& of(void* self) {
  return *static_cast<Http2Session*>(self);
}

}  // namespace

std::string http2_frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return frame.append(payload);
}

Http2Session::Http2Session(Http2Owner& owner, Role role, const Http2Behavior& behavior,
                           Network& network)
    : owner_(owner),
      behavior_(behavior),
      network_(network),
      began_(network.now()),
      give_at_(network.now()) {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_session_callbacks_new(&calls);
  nghttp2_session_callbacks_set_on_begin_headers_callback(calls, &Self::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(calls, &Self::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, &Self::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, &Self::on_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, &Self::on_closed);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls, &Self::on_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(calls, &Self::on_unsent);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(calls, &Self::on_invalid);
  nghttp2_session_callbacks_set_select_padding_callback(calls, &Self::choose_padding);
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_stream_reset_rate_limit(options, 1u << 30, 1u << 30);
  if (role == Role::client)
    nghttp2_session_client_new2(&session_, calls, this, options);
  else
    nghttp2_session_server_new2(&session_, calls, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(calls);
  submit(behavior_.settings);
  if (behavior_.connection_window > 0)
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, 0, behavior_.connection_window);
  ping_at_ = began_ + behavior_.ping_every;
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
}

void Http2Session::submit(const Http2Settings& settings) {
  std::vector<nghttp2_settings_entry> list{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.window},
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, settings.header_table},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings.frame_size}};
  if (nghttp2_session_check_server_session(session_) != 0)
    list.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.max_streams});
  else
    list.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, list.data(), list.size());
}

void Http2Session::feed(std::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) owner_.on_fault(nghttp2_strerror(static_cast<int>(taken)));
}

Http2Frame Http2Session::next_frame() {
  const uint8_t* bytes = nullptr;
  const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
  if (size <= 0) return {};
  Http2Frame frame;
  frame.bytes.assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  // The preface of a client is not a frame.
  if (frame.bytes.starts_with("PRI * ") || size < 9) return frame;
  frame.type = bytes[3];
  frame.ends = frame.type <= NGHTTP2_HEADERS && (bytes[4] & NGHTTP2_FLAG_END_STREAM) != 0;
  for (int i = 5; i < 9; ++i) frame.stream = frame.stream << 8 | bytes[i];
  return frame;
}

void Http2Session::act() {
  const Duration age = network_.now() - began_;
  while (changes_ < behavior_.changes.size() && age >= behavior_.changes[changes_].first)
    submit(behavior_.changes[changes_++].second);
  if (network_.now() >= ping_at_ && pinged_at_ == kNever) {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    pinged_at_ = network_.now();
    ping_at_ = network_.now() + behavior_.ping_every;
  }
  if (network_.now() >= give_at_) give_back();
}

void Http2Session::give_back() {
  const auto holds = static_cast<uint64_t>(behavior_.holds.count());
  if (holds > 0) give_at_ = network_.now() + Duration(network_.random().below(holds));
  if (received_ >= behavior_.withheld_after) return;
  // The library counts padding and ignored DATA, too.
  const int32_t size = nghttp2_session_get_effective_recv_data_length(session_);
  if (is_worth(size, nghttp2_session_get_local_window_size(session_)))
    submit_window_update(0, size);
  for (const int32_t stream : receiving_) {
    const int32_t owed = nghttp2_session_get_stream_effective_recv_data_length(session_, stream);
    if (parts_ < behavior_.parts && owed > 0) {
      ++parts_;
      submit_window_update(stream, std::min(owed, behavior_.part));
    } else if (is_worth(owed, nghttp2_session_get_stream_local_window_size(session_, stream))) {
      submit_window_update(stream, owed);
    }
  }
}

void Http2Session::submit_window_update(int32_t stream, int32_t size) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, stream, size);
}

const nghttp2_data_provider* Http2Session::provider(int32_t stream, const Http2Body& body) {
  static const nghttp2_data_provider kProvider{{}, &Self::read_body};
  if (body.headless_end) return nullptr;
  if (stream > 0) bodies_[stream] = body;
  return &kProvider;
}

int32_t Http2Session::send_request(const Http2Fields& fields, const Http2Body& body) {
  const auto list = name_values(fields);
  if (nghttp2_session_check_request_allowed(session_) == 0) return 0;
  const int32_t stream = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                                provider(0, body), nullptr);
  if (stream <= 0) return 0;
  provider(stream, body);
  return stream;
}

void Http2Session::send_response(int32_t stream, const Http2Fields& fields, const Http2Body& body) {
  const auto list = name_values(fields);
  nghttp2_submit_response(session_, stream, list.data(), list.size(), provider(stream, body));
}

void Http2Session::send_interim(int32_t stream, const Http2Fields& fields) {
  const auto list = name_values(fields);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream, nullptr, list.data(), list.size(),
                         nullptr);
}

void Http2Session::release(int32_t stream) {
  const auto body = bodies_.find(stream);
  if (body == bodies_.end() || !std::exchange(body->second.held, false)) return;
  nghttp2_session_resume_data(session_, stream);
}

void Http2Session::reset(int32_t stream, uint32_t error) {
  resets_[stream] = error;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error);
}

void Http2Session::send_goaway(int32_t last, uint32_t error) {
  leaving_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, error, nullptr, 0);
}

void Http2Session::announce_goaway() {
  leaving_ = true;
  nghttp2_submit_shutdown_notice(session_);
}

const Http2Body* Http2Session::body_of(int32_t stream) const {
  const auto body = bodies_.find(stream);
  return body == bodies_.end() ? nullptr : &body->second;
}

bool Http2Session::done() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

int32_t Http2Session::window_for_peer(int32_t stream) const {
  return std::min(nghttp2_session_get_stream_local_window_size(session_, stream),
                  nghttp2_session_get_local_window_size(session_));
}

int32_t Http2Session::window_of_peer(int32_t stream) const {
  return std::min(nghttp2_session_get_stream_remote_window_size(session_, stream),
                  nghttp2_session_get_remote_window_size(session_));
}

Duration Http2Session::unanswered_for() const {
  return pinged_at_ == kNever ? 0ns : network_.now() - pinged_at_;
}

ssize_t Http2Session::read_body(nghttp2_session*, int32_t stream, uint8_t* to, size_t size,
                                uint32_t* flags, nghttp2_data_source*, void* self) {
  return of(self).fill(stream, to, size, *flags);
}

ssize_t Http2Session::fill(int32_t stream, uint8_t* to, size_t size, uint32_t& flags) {
  const auto found = bodies_.find(stream);
  if (found == bodies_.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Http2Body& body = found->second;
  if (body.held || body.sent >= body.stop_at) return NGHTTP2_ERR_DEFERRED;
  const uint64_t left = std::min(body.size, body.stop_at) - body.sent;
  const uint64_t part = 1 + network_.random().below(behavior_.data);
  const uint64_t n = std::min<uint64_t>({size, left, part});
  const std::string bytes = stream_bytes(body.stream, body.number, body.sent, n);
  std::copy(bytes.begin(), bytes.end(), to);
  body.sent += n;
  const bool apart = behavior_.empty_end && n > 0;
  if (body.sent < body.size || body.stop_at <= body.size || apart) return static_cast<ssize_t>(n);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (body.trailer != 0) {
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const Http2Fields fields{{"x-trailer", std::to_string(body.trailer)}};
    const auto list = name_values(fields);
    nghttp2_submit_trailer(session_, stream, list.data(), list.size());
  }
  return static_cast<ssize_t>(n);
}

ssize_t Http2Session::choose_padding(nghttp2_session*, const nghttp2_frame* frame, size_t most,
                                     void* self) {
  Http2Session& session = of(self);
  const size_t size = frame->hd.length;
  if (session.behavior_.padding == 0 || most <= size) return static_cast<ssize_t>(size);
  const size_t room = std::min({most - size, session.behavior_.padding, size_t{255}});
  return static_cast<ssize_t>(size + session.network_.random().below(room + 1));
}

int Http2Session::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  of(self).heads_[frame->hd.stream_id] = {};
  return 0;
}

int Http2Session::on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                            size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                            void* self) {
  const std::string key(reinterpret_cast<const char*>(name), name_size);
  const std::string text(reinterpret_cast<const char*>(value), value_size);
  auto& fields = of(self).heads_[frame->hd.stream_id].fields;
  const auto [field, first] = fields.try_emplace(key, text);
  if (!first) field->second += ", " + text;
  return 0;
}

int Http2Session::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  Http2Session& session = of(self);
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS: session.take_head(*frame); break;
    case NGHTTP2_DATA:
      if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        session.owner_.on_end_stream(frame->hd.stream_id, {});
      break;
    case NGHTTP2_SETTINGS: session.settled_ = true; break;
    case NGHTTP2_GOAWAY:
      session.owner_.on_goaway(frame->goaway.last_stream_id, frame->goaway.error_code);
      break;
    case NGHTTP2_PING:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) session.pinged_at_ = kNever;
      break;
    default: break;
  }
  return 0;
}

void Http2Session::take_head(const nghttp2_frame& frame) {
  const int32_t stream = frame.hd.stream_id;
  const auto found = heads_.find(stream);
  if (found == heads_.end()) return;
  const MessageHead head = std::move(found->second);
  heads_.erase(found);
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool pseudo = !head.fields.empty() && head.fields.begin()->first.starts_with(":");
  if (pseudo) owner_.on_head(stream, head);
  if (ends) owner_.on_end_stream(stream, pseudo ? MessageHead() : head);
}

int Http2Session::on_chunk(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes,
                           size_t size, void* self) {
  Http2Session& session = of(self);
  session.receiving_.insert(stream);
  session.received_ += size;
  session.owner_.on_data(stream, {reinterpret_cast<const char*>(bytes), size});
  return 0;
}

int Http2Session::on_closed(nghttp2_session*, int32_t stream, uint32_t error, void* self) {
  Http2Session& session = of(self);
  session.receiving_.erase(stream);
  session.heads_.erase(stream);
  session.owner_.on_closed(stream, error);
  session.bodies_.erase(stream);
  return 0;
}

// An error that the library answers by itself is one of the other side.
int Http2Session::on_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  Http2Session& session = of(self);
  const int32_t stream = frame->hd.stream_id;
  if (frame->hd.type == NGHTTP2_RST_STREAM && !session.resets_.contains(stream) &&
      frame->rst_stream.error_code != NGHTTP2_REFUSED_STREAM)
    session.owner_.on_fault(fmt::format("stream {} answered with {}", stream,
                                        nghttp2_http2_strerror(frame->rst_stream.error_code)));
  if (frame->hd.type == NGHTTP2_GOAWAY && !session.leaving_)
    session.owner_.on_fault(
        fmt::format("answered with GOAWAY: {}", nghttp2_http2_strerror(frame->goaway.error_code)));
  return 0;
}

// A request that waited for a place, and does not get one any more.
int Http2Session::on_unsent(nghttp2_session*, const nghttp2_frame* frame, int, void* self) {
  const bool request =
      frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  return request ? on_closed(nullptr, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM, self) : 0;
}

int Http2Session::on_invalid(nghttp2_session*, const nghttp2_frame* frame, int error, void* self) {
  if (error == NGHTTP2_ERR_REFUSED_STREAM) return 0;
  of(self).owner_.on_fault(fmt::format("frame of type {} on stream {}: {}", frame->hd.type,
                                       frame->hd.stream_id, nghttp2_strerror(error)));
  return 0;
}

}  // namespace weir::sim
