#include "h2/h2_stream.h"

#include "h2/h2_link.h"
#include "http/field_lines.h"
#include "http/hpack_writer.h"

namespace weir {
namespace {

void write_trailers(HpackWriter& out, std::string_view lines) {
  for (std::string_view name, value; next_field_line(lines, name, value);) out.field(name, value);
}

}  // namespace

void H2Stream::attach(H2Link& link) {
  DCHECK(link_ == nullptr);
  link_ = &link;
  open_ = true;
  readable_ = Stream::ended_by_peer_ = reset_ = eof_ = blocked_ = reader_news_ = writer_news_ =
      false;
  writable_ = true;
  abort_code_ = H2Error::internal_error;
  frame_ = Outbox::kNoFrame;
  end_in_outbox_ = 0;
  set_priority({});
}

void H2Stream::detach() {
  if (link_ == nullptr) return;
  if (attached()) link_->connection().detach(*this);
  drop_inbox();
  trailers_.reset();
  static_cast<StreamNews*>(this)->unlink();
  static_cast<WaitingToSend*>(this)->unlink();
  reader_ = nullptr;
  writer_ = nullptr;
  open_ = false;
  link_ = nullptr;
}

Io H2Stream::read(std::span<char> to) {
  if (reset_ && !eof_) return {Io::Status::failed};
  const size_t read = inbox_.read(to);
  if (read > 0) {
    link_->taken(*this, read, std::exchange(blocked_, false));
    readable_ = inbox_.size() > 0 || eof_;
    return {Io::Status::ok, read};
  }
  if (eof_) return {Io::Status::eof};
  readable_ = false;
  return {Io::Status::blocked};
}

// As many frames as the windows and the outbox have room for.
Io H2Stream::write(std::span<const char> head, std::span<const char> body) {
  if (reset_ || !attached()) return {Io::Status::failed};
  const size_t wanted = head.size() + body.size();
  size_t written = 0;
  while (written < wanted) {
    const size_t size = std::min(wanted - written, link_->sendable(*this));
    if (size == 0) break;
    const size_t skipped = std::min(written, head.size());
    const size_t of_head = std::min(size, head.size() - skipped);
    const size_t in_body = written - skipped;
    frame_ = link_->write_data(*this, frame_, {head.data() + skipped, of_head},
                               {body.data() + in_body, size - of_head});
    written += size;
  }
  if (written > 0) end_in_outbox_ = link_->end_of_outbox();
  if (written < wanted || link_->sendable(*this) == 0) {
    writable_ = false;
    link_->wait_for_room(*this);
  }
  return {written > 0 ? Io::Status::ok : Io::Status::blocked, written};
}

void H2Stream::send_fields(std::string_view block, bool end) {
  if (!attached()) return;
  frame_ = link_->end_of_outbox();
  link_->send_fields(*this, block, end);
  end_in_outbox_ = link_->end_of_outbox();
}

void H2Stream::end(std::string_view trailers) {
  if (!attached() || ended()) return;
  if (trailers.empty()) return link_->end_stream(*this, frame_);
  // Names and values take a few bytes more than their lines.
  const size_t size = 2 * trailers.size() + 64;
  std::unique_ptr<char[]> memory(new char[size]);
  HpackWriter block({memory.get(), size});
  write_trailers(block, trailers);
  if (!block.ok()) return abort();
  send_fields(block.block(), true);
}

void H2Stream::reset(H2Error code, bool fault) {
  if (!attached()) return;
  link_->reset(*this, code, fault);
  on_reset();
}

size_t H2Stream::unsent() const {
  if (link_ == nullptr) return 0;
  const uint64_t sent = link_->outbox().sent_position();
  return end_in_outbox_ > sent ? static_cast<size_t>(end_in_outbox_ - sent) : 0;
}

std::span<char> H2Stream::trailer_memory() {
  if (trailers_ == nullptr) trailers_.reset(new Trailers);
  return trailers_->memory;
}

void H2Stream::set_trailers(size_t size) {
  trailers_->text = {trailers_->memory, size};
}

void H2Stream::on_data(std::string_view data) {
  inbox_.append(data);
  readable_ = reader_news_ = true;
}

void H2Stream::on_end() {
  eof_ = Stream::ended_by_peer_ = readable_ = reader_news_ = true;
}

// Both observers learn of it. A whole message stays: RST_STREAM behind it only says that the rest
// of the other one is not needed (RFC 9113 8.1).
void H2Stream::on_reset() {
  reset_ = readable_ = writable_ = true;
  reader_news_ = writer_news_ = true;
  if (!eof_) drop_inbox();
  static_cast<WaitingToSend*>(this)->unlink();
}

void H2Stream::drop_inbox() {
  link_->dropped(inbox_.size());
  inbox_.clear();
}

void H2Stream::on_room() {
  if (writable_) return;
  writable_ = writer_news_ = true;
}

// Either observer may detach the stream or give it another use.
void H2Stream::tell() {
  H2Link* const link = link_;
  const uint32_t stream = id();
  if (std::exchange(writer_news_, false) && writer_ != nullptr) writer_->on_writable();
  if (link_ != link || id() != stream || !std::exchange(reader_news_, false)) return;
  if (reader_ != nullptr) reader_->on_readable();
  if (link_ == link && id() == stream && inbox_.size() > 0) blocked_ = true;
}

}  // namespace weir
