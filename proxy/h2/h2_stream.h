// H2Stream: one stream of an HTTP/2 connection, read and written like a transport: its bytes are
// the body of a message. Heads go by send_fields(), and come to the owner of the link.
//
// Owner: an Http2Request or an Http2Backend, whose base or member it is; it may be used for another
// stream after detach(). Thread: the worker's. Observers are called behind the last byte of a read
// of the connection, never from within it. What was read gives the window of the stream back: a
// reader that stops reading stops the peer.
#pragma once

#include <memory>

#include "h2/inbox.h"
#include "h2/outbox.h"
#include "h2/send_order.h"
#include "net/stream.h"

namespace weir {

class H2Link;

struct StreamNews : ListNode {};  // in the list of the link: its observers are to be called

class H2Stream : public Stream, public H2StreamState, public WaitingToSend, private StreamNews {
 public:
  explicit H2Stream(BufferPool& buffers) : inbox_(buffers) {}

  // Before the first use on a connection.
  void attach(H2Link& link);
  // Ends the use; the peer is told nothing. What was not read is given back to the connection.
  void detach();

  Io read(std::span<char> to) override;
  Io write(std::span<const char> head, std::span<const char> body) override;
  // END_STREAM with the last frame if that can still be changed; with the fields of trailers else.
  void end(std::string_view trailers) override;
  void abort() override { reset(abort_code_); }
  size_t unsent() const override;
  std::string_view trailers() const override { return trailers_ ? trailers_->text : ""; }

  // HEADERS with this block.
  void send_fields(std::string_view block, bool end);
  // `fault`: of the peer, in what the link receives; the observers learn of it as of any reset.
  void reset(H2Error code, bool fault = false);
  // What abort() tells the peer.
  void set_abort_code(H2Error code) { abort_code_ = code; }
  // Memory for the lines of trailers that come.
  std::span<char> trailer_memory();
  void set_trailers(size_t size);

 private:
  friend class H2Link;
  template <typename T, typename Tag>
  friend class IntrusiveList;
  struct Trailers {
    std::string_view text{};
    char memory[16 * 1024];
  };

  // Of the link.
  void on_data(std::string_view data);
  void on_end();
  void on_reset();
  void on_room();
  void tell();
  void drop_inbox();

  H2Link* link_ = nullptr;
  Inbox inbox_;
  std::unique_ptr<Trailers> trailers_;
  uint64_t frame_ = Outbox::kNoFrame;  // its last one
  uint64_t end_in_outbox_ = 0;         // behind its last byte
  H2Error abort_code_ = H2Error::internal_error;
  bool reader_news_ = false;
  bool writer_news_ = false;
  bool blocked_ = false;  // the reader has left bytes since the last read
  bool eof_ = false;      // follows what is in the inbox
};

}  // namespace weir
