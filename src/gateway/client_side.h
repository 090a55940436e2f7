// The client's side of an exchange, as the gateway sees it: a request body to read, an answer to send. Implemented by
// edge/h1_server (and, later, h2_server): nothing here knows how a message is framed.
#pragma once

#include <cstdint>

#include "gateway/body_pace.h"
#include "http/message.h"
#include "io/buffer.h"
#include "io/stream.h"
#include "io/task.h"

namespace portico::gateway {

// The head of an answer as the gateway wants it. The server adds what belongs to its protocol and its connection:
// framing, Connection, Date, Via, X-Request-ID.
struct ResponseOut {
    int status = 0;
    std::string_view reason{};
    http::FieldList fields;
    http::BodyLength body;  // until_close: of unknown length
    bool close = false;     // the client's connection is not to be used again
    void clear() {
        status = 0;
        reason = {};
        fields.clear();
        body = {};
        close = false;
    }
};

class ClientSide {
  public:
    virtual ~ClientSide() = default;

    // Reads more of the request's body, decoded, behind what is in `into` (takes a block where there is none).
    // @returns > 0 bytes; 0 at the body's end; < 0 when it failed: body_fault() says how
    virtual io::Task<io::IoResult> read_body(io::Buffer& into) = 0;
    virtual Fault body_fault() const = 0;
    // Trailer fields, once read_body() has returned 0. Views live as long as the exchange.
    virtual const http::FieldList& request_trailers() const = 0;
    // True once the whole request body was read.
    virtual bool body_finished() const = 0;
    // The most that read_body() may bring in all (body_too_large beyond it); the listener's limit at first.
    virtual void limit_body(uint64_t bytes) = 0;
    // How fast it comes, until the response's head is sent: read_body() fails where that is too slow (body_too_slow), and whoever moves its
    // bytes around the server counts them here.
    virtual BodyPace& body_pace() = 0;

    // 100 and 103 and their kind, before the answer. Not sent to HTTP/1.0 clients (true all the same).
    // @returns false when the client is gone, as everywhere below
    virtual io::Task<bool> send_interim(int status, const http::FieldList& fields) = 0;
    // The head and the first part of the body; `last`: that part is all of it. `part` is left empty.
    // @requires once per exchange
    virtual io::Task<bool> send_head(const ResponseOut& head, io::Buffer& part, bool last) = 0;
    // More of the body. @param part leaves it empty; wants kPartHeadroom bytes of headroom and kPartTailroom of room
    virtual io::Task<bool> send_body(io::Buffer& part, bool last) = 0;
    // The end of a body whose last part was sent without `last`, with trailers (dropped where they cannot be sent).
    virtual io::Task<bool> send_end(const http::FieldList& trailers) = 0;
    // The answer cannot be finished: the client must see that it is broken (RST, or RST_STREAM).
    virtual void abort_response() = 0;

    // What one read of the request's body, or one write to the client, may take from its beginning (kForever: any time), and
    // when all of them must be over (kNever: never). Holds for those that begin from now on; at first the listener's.
    virtual void set_times(Duration idle, Time total) = 0;

    // The stream where the bytes of the body pass as they are (a plain connection and a known length): for splice.
    // Otherwise nullptr. The caller moves exactly the bytes that are left and says so with *_spliced. @param until the timer for
    // waits on it, with the time for one that begins now
    virtual io::Stream* body_source(uint64_t& left, io::Until& until) = 0;
    virtual void source_spliced(uint64_t bytes) = 0;
    virtual io::Stream* body_sink(io::Until& until) = 0;
    virtual void sink_spliced(uint64_t bytes) = 0;
    // The last byte of the announced length was moved around the server.
    virtual void end_spliced() = 0;

    virtual uint64_t bytes_in() const = 0;
    virtual uint64_t bytes_out() const = 0;
};

inline constexpr uint32_t kPartHeadroom = 24;
inline constexpr uint32_t kPartTailroom = 8;

}  // namespace portico::gateway
