#include "upstream/connection.h"

#include "upstream/endpoint.h"

namespace portico::upstream {

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
