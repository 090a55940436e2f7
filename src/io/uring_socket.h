// A TCP connection as the io_uring backend's completions see it, and the operations that it submits. Private to src/io; a
// UringStream owns one, and the kernel may outlive the stream (uring_stream.h).
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>

#include "io/stream.h"
#include "io/uring_buffers.h"
#include "io/uring_files.h"

namespace portico::io {

class UringBackend;
class UringStream;

// Low bits of a completion's user_data: which operation of the target it is.
enum class UringTag : uint8_t { none, receive_many, receive_one, send, poll_in, poll_out, target };

struct alignas(16) UringSocket {
    explicit UringSocket(UringBackend& b, int descriptor) : backend(b), fd(descriptor) {}

    // Every idle connection has one: its members lie so that they take 112 bytes. Rounds of the backend have 48 bits: at a million in a
    // second they last for nine years.
    UringBackend& backend;
    UringStream* owner = nullptr;
    StreamOp* reader = nullptr;
    StreamOp* writer = nullptr;
    // Blocks of operations that were given up while the kernel may still use them.
    struct GivenUp {
        Buffer late;   // of a receive_one: it may be filled already, and what it brought is the next read's
        Buffer write;  // of a send
    };
    std::unique_ptr<GivenUp> given_up;  // once there was one
    uint64_t armed_in : 48 = 0;  // the round in which the receive was armed
    uint16_t first = ProvidedBuffers::kNone;  // provided buffers that came while nobody read: a chain of theirs
    uint64_t drained_in : 48 = 0;             // the round in which a reception left the socket empty
    uint16_t last = ProvidedBuffers::kNone;
    int fd;
    int error = 0;           // the stream broke: every later read says so
    uint32_t send_left = 0;  // of the pending write
    uint32_t sent = 0;
    uint32_t one_at = 0;    // how far into its block a receive_one writes
    uint32_t one_room = 0;  // and how much at most
    int32_t place = RegisteredFiles::kNone;
    uint32_t undelivered = 0;  // receptions that the ring has brought in this round and that nobody has looked at yet
    uint16_t in_flight = 0;
    uint16_t waiting = 0;  // provided buffers of the chain
    uint16_t offset = 0;   // already taken from the first
    uint8_t sends = 0;     // until it is registered
    bool many_armed : 1 = false, one_armed : 1 = false, send_armed : 1 = false, poll_in_armed : 1 = false, poll_out_armed : 1 = false;
    bool many_cancelled : 1 = false;
    bool eof : 1 = false;
    bool reset : 1 = false;       // a write has met the peer's reset: no end that is read is one in order
    bool waits_read : 1 = false;  // the reader waits for readiness only (splice)
    bool waits_write : 1 = false;
    bool starved : 1 = false;  // the receive ended because the provided buffers ran out

    // Submit an operation, or its end. Each submitted one keeps the socket alive until count_out().
    void arm_many();
    void arm_one(const StreamOp& op);
    void arm_send(const char* data, uint32_t size);
    void arm_poll(unsigned events, UringTag tag);
    void cancel_many();
    // For whoever watches while nobody reads: a receive or, where the provided buffers ran out, only what tells that there is something.
    void arm_watch();
    // Gives back the provided buffers that nobody read.
    void drop_waiting();
    // A read found the end.
    void end() {
        if (reset) error = ECONNRESET;
        else eof = true;
    }
    // Bytes were received that nobody read.
    bool has_bytes() const { return has_late_bytes() || first != ProvidedBuffers::kNone; }
    bool has_late_bytes() const { return given_up != nullptr && !given_up->late.empty(); }
    // A receive_one was given up, and has not said what became of it, or what it brought was not read.
    bool has_late() const { return given_up != nullptr && given_up->late.has_block(); }
    GivenUp& give_up() {
        if (given_up == nullptr) given_up = std::make_unique<GivenUp>();
        return *given_up;
    }
    // @requires nothing is under way
    void close();
    void count_in();
    void count_out();
};
static_assert(sizeof(UringSocket) == 112);

}  // namespace portico::io
