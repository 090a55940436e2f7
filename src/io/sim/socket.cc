#include "io/sim/socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/sim/network.h"

namespace portico::io {

void SimSocket::join(const std::shared_ptr<SimSocket>& a, const std::shared_ptr<SimSocket>& b) {
    a->peer_ = b;
    b->peer_ = a;
}

ssize_t SimSocket::receive(char* into, size_t most) {
    if (there_.empty()) return reset_there_ ? -ECONNRESET : end_there_ ? 0 : -EAGAIN;
    size_t n = std::min(most, there_.size());
    if (n > 1 && net_.chance().one_in(net_.weather().short_one_in)) n = net_.chance().between(1, n);
    std::memcpy(into, there_.data(), n);
    there_.erase(0, n);
    if (const auto peer = peer_.lock(); peer != nullptr && peer->user_ != nullptr) peer->user_->on_room();
    return static_cast<ssize_t>(n);
}

size_t SimSocket::room() const {
    const auto peer = peer_.lock();
    if (peer == nullptr || peer->closed_) return capacity_;  // it is on its way before it is known that nobody is there
    return peer->capacity_ - std::min(peer->capacity_, peer->there_.size() + peer->flying_.size());
}

bool SimSocket::writable() const { return reset_there_ || room() > 0; }

ssize_t SimSocket::send(std::string_view bytes, bool together) {
    if (reset_there_) return -EPIPE;
    const auto peer = peer_.lock();
    if (peer == nullptr) return -EPIPE;
    size_t n = std::min(bytes.size(), room());
    if (n == 0) return -EAGAIN;
    if (n > 1 && !together && net_.chance().one_in(net_.weather().short_one_in)) n = net_.chance().between(1, n);
    peer->flying_.append(bytes.substr(0, n));
    peer->flown_ += n;
    if (together) peer->together_ = peer->flying_.size();
    peer->depart();
    return static_cast<ssize_t>(n);
}

void SimSocket::begin_write() {
    if (const auto peer = peer_.lock()) peer->writes_.push_back({peer->flown_, came_, ended()});
}

std::optional<SimSocket::Known> SimSocket::peer_knew(uint64_t offset) {
    while (writes_.size() > 1 && writes_[1].at <= offset) writes_.pop_front();
    return writes_.empty() || writes_.front().at > offset ? std::nullopt : std::optional(writes_.front());
}

void SimSocket::shut_down() {
    const auto peer = peer_.lock();
    if (peer == nullptr || peer->end_sent_) return;
    peer->end_sent_ = true;
    peer->depart();
}

void SimSocket::close(bool abort) {
    if (closed_) return;
    closed_ = true;
    user_ = nullptr;
    const auto peer = peer_.lock();
    if (peer == nullptr) return;
    if (abort || !there_.empty()) return peer->break_off();
    if (peer->end_sent_) return;
    peer->end_sent_ = true;
    peer->depart();
}

// The sender has broken it off: what has not left its own kernel yet is lost.
void SimSocket::break_off() {
    if (reset_sent_) return;
    reset_sent_ = true;
    const size_t lost = net_.weather().seed == 0 ? 0 : net_.chance().between(0, flying_.size());
    flying_.resize(flying_.size() - lost);
    together_ = std::min(together_, flying_.size());
    depart();
}

void SimSocket::depart() {
    if (moving_) return;
    moving_ = true;
    net_.later(net_.delay(), [self = shared_from_this()] { self->arrive(); });
}

void SimSocket::arrive() {
    moving_ = false;
    if (closed_) {
        // Nobody is there to take them: the sender is told so, and what it was still to get is lost.
        const bool bytes = !flying_.empty();
        flying_.clear();
        const auto peer = peer_.lock();
        if (bytes && peer != nullptr && !peer->closed_) peer->break_off();
        return;
    }
    size_t n = flying_.size();
    if (n > 1 && n > together_ && net_.chance().one_in(net_.weather().short_one_in)) n = net_.chance().between(std::max<size_t>(together_, 1), n);
    there_.append(flying_, 0, n);
    came_ += n;
    flying_.erase(0, n);
    together_ -= std::min(together_, n);
    if (flying_.empty()) {
        end_there_ |= end_sent_;
        reset_there_ |= reset_sent_;
    } else {
        depart();
    }
    if (user_ == nullptr) return;
    user_->on_came();
    if (reset_there_ && user_ != nullptr) user_->on_room();
}

}  // namespace portico::io
