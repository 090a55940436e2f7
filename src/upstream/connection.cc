#include "upstream/connection.h"

#include <sys/socket.h>

#include "base/text.h"
#include "upstream/endpoint.h"

namespace portico::upstream {

Duration keep_alive_hint(std::string_view value) {
    Duration hint = kForever;
    for_each_element(value, [&](std::string_view element) {
        const size_t eq = element.find('=');
        if (eq == std::string_view::npos || !iequals(trim_ows(element.substr(0, eq)), "timeout")) return;
        if (const auto seconds = parse_decimal<uint32_t>(trim_ows(element.substr(eq + 1)))) hint = std::chrono::seconds(*seconds);
    });
    return hint;
}

Connection::Connection(Endpoint& endpoint, io::Loop& loop, std::unique_ptr<io::Stream> stream)
    : endpoint_(endpoint), loop_(loop), stream_(std::move(stream)), deadline_(stream_.get()) {
    ++endpoint_.open_;
    endpoint_.meter_.add(1);
}

Connection::~Connection() {
    --endpoint_.open_;
    endpoint_.meter_.add(-1);
}

void Connection::begin() {
    resting_ = false;
    ++exchanges_;
    parser_.reset();
}

void Connection::rest(Time until) {
    rests_until_ = until;
    resting_ = true;
    deadline_.cancel();
    in_.release();
    // Last: it may already have something to say.
    stream_->watch(this);
}

bool Connection::looks_alive() const {
    const int fd = stream_->look_fd();
    if (fd < 0) return true;
    char byte;
    const ssize_t n = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

void Connection::on_peer_closed(int) {
    dead_ = true;
    if (resting_) loop_.defer(*this);
}

void Connection::on_unasked_bytes() {
    if (!resting_) return;
    dead_ = true;
    loop_.defer(*this);
}

void Connection::on_deferred() {
    if (resting_) endpoint_.drop_resting(*this);
}

}  // namespace portico::upstream
