#include "io/loop.h"

#include <algorithm>
#include <iterator>

#include "io/epoll_backend.h"
#include "io/uring_backend.h"

namespace portico::io {
Result<std::unique_ptr<Loop>> Loop::make(BackendChoice choice, const Clock& clock) {
    std::string why;
    if (choice != BackendChoice::epoll) {
        auto uring = make_uring_backend();
        if (uring) return std::make_unique<Loop>(std::move(*uring), clock);
        if (choice == BackendChoice::uring) return fail(std::move(uring).error());
        why = uring.error().context;
    }
    auto epoll = make_epoll_backend();
    if (!epoll) return fail(std::move(epoll).error());
    auto loop = std::make_unique<Loop>(std::move(*epoll), clock);
    loop->why_not_uring_ = why;
    return loop;
}

Loop::Loop(std::unique_ptr<Backend> backend, const Clock& clock)
    : clock_(clock), now_(clock.now()), turn_time_(clock), timers_(now_), backend_(std::move(backend)) {
    backend_->set_buffers(&buffers_);
    backend_->set_turn(&turn_time_);
}

Loop::~Loop() {
    deferred_.clear();
    next_turn_.clear();
    many_.clear();
    // The backend waits for the kernel to let go of every block before the pool goes.
    backend_.reset();
}

void Loop::run() {
    while (!stop_.load(std::memory_order_acquire)) turn(kForever);
    // What was posted before the end is not lost by it.
    run_posted();
}

void Loop::stop() {
    stop_.store(true, std::memory_order_release);
    backend_->wake();
}

void Loop::post(std::function<void()> f) {
    {
        std::lock_guard lock(posted_mutex_);
        posted_.push_back(std::move(f));
    }
    if (!has_posted_.exchange(true, std::memory_order_acq_rel)) backend_->wake();
}

void Loop::turn(Duration wait) {
    ++turns_;
    // Something may also have been deferred before the first turn.
    if (!next_turn_.empty() || !deferred_.empty() || !many_.empty() || !to_run_.empty() || has_posted_.load(std::memory_order_acquire)) wait = Duration::zero();
    const Time next = timers_.next();
    if (next != Timer::kNever && wait != Duration::zero()) {
        const Time t = clock_.now();
        wait = std::min<Duration>(wait, next > t ? next - t : Duration::zero());
    }
    backend_->wait(wait);
    now_ = clock_.now();
    turn_time_.begin(now_);
    backend_->dispatch();
    {
        Turn::Share share(turn_time_);
        timers_.advance(now_, &share);
    }
    run_posted();
    IntrusiveList<Deferred, Loop> yielded;
    yielded.splice_back(next_turn_);
    while (Deferred* d = yielded.pop_front()) d->on_deferred();
    run_deferred();
    run_many();
    if (told_) {
        if (const Duration taken = turn_time_.taken(); taken >= Turn::kLong) told_(turn_time_.place(taken), taken);
    }
}

void Loop::run_deferred() {
    while (Deferred* d = deferred_.pop_front()) d->on_deferred();
}

void Loop::run_many() {
    if (many_.empty()) return;
    Turn::Share share(turn_time_);
    while (!many_.empty() && share.is_left()) many_.pop_front()->on_deferred();
    // What they ask for together goes out together.
    run_deferred();
}

void Loop::run_posted() {
    if (has_posted_.load(std::memory_order_acquire)) {
        std::lock_guard lock(posted_mutex_);
        std::ranges::move(posted_, std::back_inserter(to_run_));
        posted_.clear();
        has_posted_.store(false, std::memory_order_release);
    }
    if (to_run_.empty()) return;
    const Turn::Place place(turn_time_, Turn::kMessages);
    Turn::Share share(turn_time_);
    while (!to_run_.empty() && (share.is_left() || stop_.load(std::memory_order_acquire))) {
        const std::function<void()> f = std::move(to_run_.front());
        to_run_.pop_front();
        f();
    }
}

}  // namespace portico::io
