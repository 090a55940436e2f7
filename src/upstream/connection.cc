#include "upstream/connection.h"

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

bool closes_idle(const http::ResponseHead& head) { return head.status == 408 && !head.keep_alive; }

Connection::Connection(Endpoint& endpoint, io::Loop& loop, std::unique_ptr<io::Stream> stream)
    : endpoint_(endpoint), loop_(loop), stream_(std::move(stream)),
      read_deadline_(stream_.get(), io::Direction::read), write_deadline_(stream_.get(), io::Direction::write) {
    ++endpoint_.open_;
    loop_.count_outward(1);
    endpoint_.meter_.add(1);
}

Connection::~Connection() {
    --endpoint_.open_;
    loop_.count_outward(-1);
    endpoint_.meter_.add(-1);
}

void Connection::make_room() {
    if (!in_.has_block() || in_.room() > 0) return;
    in_.compact();
    if (in_.room() > 0) return;
    io::Buffer larger;
    larger.ensure(loop_.buffers(), in_.capacity() * 2);
    larger.append(in_.view());
    in_ = std::move(larger);
}

void Connection::begin() {
    resting_ = false;
    static_cast<io::Loop::Resting&>(*this).unlink();
    ++exchanges_;
    // Those of the running configuration, which may be another than at its beginning.
    parser_.set_limits(endpoint_.limits_.heads);
    request_ = response_ = Message::none;
    parser_.reset();
}

void Connection::rest(Time until) {
    rests_until_ = until;
    resting_ = true;
    in_.release();
    loop_.rests(*this);
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

void Connection::on_needed_elsewhere() { endpoint_.drop_resting(*this); }

}  // namespace portico::upstream
