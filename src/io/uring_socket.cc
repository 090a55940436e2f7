#include "io/uring_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "io/uring_backend_impl.h"

namespace portico::io {
namespace {

constexpr uint8_t kSendsOfOneThatLasts = 16;

}  // namespace

void UringSocket::count_in() {
    ++in_flight;
    ++backend.in_flight;
}
void UringSocket::count_out() {
    --in_flight;
    --backend.in_flight;
}

void UringSocket::arm_many() {
    io_uring_sqe* e = backend.entry();
    backend.prepare_receive(e, fd);
    io_uring_sqe_set_data64(e, UringBackend::data_of(this, UringTag::receive_many));
    many_armed = true;
    many_cancelled = false;
    starved = false;
    armed_in = backend.round();
    count_in();
}

void UringSocket::arm_one(const StreamOp& op) {
    io_uring_sqe* e = backend.entry();
    one_room = backend.turn().most_bytes(op.room());
    io_uring_prep_recv(e, fd, op.buffer->tail(), one_room, 0);
    io_uring_sqe_set_data64(e, UringBackend::data_of(this, UringTag::receive_one));
    one_at = op.buffer->capacity() - op.buffer->room();
    one_armed = true;
    count_in();
}

void UringSocket::arm_send(const char* data, uint32_t size) {
    io_uring_sqe* e = backend.entry();
    // WAITALL: the kernel sends the rest by itself when the socket has room again.
    io_uring_prep_send(e, fd, data, size, MSG_NOSIGNAL | MSG_WAITALL);
    // One that has answered a few times will go on: registering it costs what some ten sends save.
    if (place == RegisteredFiles::kNone && ++sends == kSendsOfOneThatLasts) place = backend.files().add(fd);
    if (place != RegisteredFiles::kNone) {
        e->fd = place;
        e->flags |= IOSQE_FIXED_FILE;
    }
    io_uring_sqe_set_data64(e, UringBackend::data_of(this, UringTag::send));
    send_armed = true;
    count_in();
}

void UringSocket::arm_poll(unsigned events, UringTag tag) {
    io_uring_sqe* e = backend.entry();
    io_uring_prep_poll_add(e, fd, events);
    io_uring_sqe_set_data64(e, UringBackend::data_of(this, tag));
    if (tag == UringTag::poll_in) poll_in_armed = true;
    else poll_out_armed = true;
    count_in();
}

void UringSocket::arm_watch() {
    if (many_armed) return;
    if (!starved) arm_many();
    else if (!poll_in_armed) arm_poll(POLLIN | POLLRDHUP, UringTag::poll_in);
}

void UringSocket::cancel_many() {
    if (!many_armed || many_cancelled) return;
    many_cancelled = true;
    backend.cancel(UringBackend::data_of(this, UringTag::receive_many));
}

void UringSocket::drop_waiting() {
    while (first != ProvidedBuffers::kNone) {
        const uint16_t id = first;
        first = backend.provided().next(id);
        backend.provided().give_back(id);
    }
    last = ProvidedBuffers::kNone;
    waiting = 0;
}

void UringSocket::close() {
    const bool kept = place != RegisteredFiles::kNone && !backend.files().remove(std::exchange(place, RegisteredFiles::kNone));
    // Closing ends nothing that the kernel still holds.
    if (kept) ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
}

}  // namespace portico::io
