// The client's side of one exchange over HTTP/1.1: the request's body out of the connection's bytes, the answer into them.
// Lives in H1Server::serve_one's frame.
#pragma once

#include "edge/h1_server.h"
#include "gateway/client_side.h"
#include "http/h1/parser.h"
#include "http/h1/writer.h"

namespace portico::edge {

class H1Exchange final : public gateway::ClientSide {
  public:
    H1Exchange(H1Server& server, gateway::Exchange& exchange);
    // However the exchange ended, its record has the byte counts, and a response that was begun and not finished ends by a reset:
    // an end in order would make it look whole (RFC 9112 §8).
    ~H1Exchange() override;

    io::Task<io::IoResult> read_body(io::Buffer& into) override;
    Fault body_fault() const override { return body_fault_; }
    const http::FieldList& request_trailers() const override { return decoder_.trailers(); }
    bool body_finished() const override { return finished_; }
    void limit_body(uint64_t bytes) override { body_limit_ = bytes; }
    gateway::BodyPace& body_pace() override { return pace_; }
    io::Task<bool> send_interim(int status, const http::FieldList& fields) override;
    io::Task<bool> send_head(const gateway::ResponseOut& head, io::Buffer& part, bool last) override;
    io::Task<bool> send_body(io::Buffer& part, bool last) override;
    io::Task<bool> send_end(const http::FieldList& trailers) override;
    void abort_response() override;
    void set_times(Duration idle, Time total) override;
    io::Stream* body_source(uint64_t& left, io::Until& until) override;
    void source_spliced(uint64_t bytes) override;
    io::Stream* body_sink(io::Until& until) override;
    void sink_spliced(uint64_t bytes) override { bytes_out_ += bytes; }
    void end_spliced() override { response_ = Response::whole; }
    uint64_t bytes_in() const override { return bytes_in_; }
    uint64_t bytes_out() const override { return bytes_out_; }

    // Bytes of the connection's buffer that this exchange's head took; the body begins there.
    void begin_body(uint32_t offset) { body_at_ = offset; }
    // After the answer. @returns true when the connection can carry another request
    bool settle();
    // Leaves what came behind this request to the next. The request's views are gone with it: the exchange is complete by then.
    void pass_on_rest();

  private:
    enum class Coding : uint8_t { none, length, chunked, until_close };
    // How far the response has come: its last byte is handed to the stream, and then has left.
    enum class Response : uint8_t { none, begun, ending, whole };

    void record_bytes() {
        x_.record.bytes_in = bytes_in_;
        x_.record.bytes_out = bytes_out_;
    }
    bool can_go_on();
    void finish_body();
    io::IoResult body_failed(Fault fault);
    void take_buffered(io::Buffer& into, uint64_t max);
    void put_back(std::string_view rest, bool from_buffer);
    // What is left of a body of known length, lies in the buffer already and was begun by nobody is passed over.
    void skip_buffered();
    // When an operation that begins now must be over.
    Time due() const;
    io::Until read_until();
    // More of the body from the stream, at the pace that is asked.
    io::Task<io::IoResult> read_at_pace(io::Buffer& into, uint32_t max);
    io::Until write_until();
    bool keep_alive(const gateway::ResponseOut& head);
    void write_head(http::h1::Output& out, const gateway::ResponseOut& head);
    // What became of a write. @returns false when the client is gone
    bool written(io::IoResult sent, uint32_t size);
    io::Task<bool> write(io::Buffer& buffer);
    // The rest of the response has left, or there was none.
    bool nothing_left();

    H1Server& server_;
    gateway::Exchange& x_;
    io::Buffer out_;
    io::Buffer carry_;  // bytes that a read brought behind a chunked body: the next request's
    http::h1::ChunkedDecoder decoder_{http::h1::SpaceBeforeColon::refused};
    uint64_t body_limit_;
    gateway::BodyPace pace_;
    uint64_t left_ = 0;  // of a request body of known length
    uint64_t bytes_in_ = 0;
    uint64_t bytes_out_ = 0;
    io::SteadyDeadline write_deadline_;
    Duration idle_;
    Time total_ = io::Timer::kNever;
    uint32_t body_at_ = 0;
    Fault body_fault_ = Fault::client_gone;
    Coding coding_ = Coding::none;
    Response response_ = Response::none;
    bool body_begun_ = false;  // somebody reads it: what lies in the buffer is theirs
    bool finished_ = false;
    bool bodiless_ = false;  // HEAD, 204, 304
    bool keep_ = true;
    bool gone_ = false;
};

}  // namespace portico::edge
