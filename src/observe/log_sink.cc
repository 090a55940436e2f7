#include "observe/log_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <deque>

namespace portico::observe {
namespace {

constexpr size_t kMaxWaiting = 8u << 20;

class FileSink final : public LogSink {
  public:
    FileSink(std::string path, int fd) : path_(std::move(path)), fd_(fd), thread_([this] { run(); }) {}

    ~FileSink() override {
        {
            std::lock_guard lock(mutex_);
            ending_ = true;
            end_by_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        }
        wake_.notify_one();
        thread_.join();
        if (fd_ > 2) ::close(fd_);
    }

    bool write(std::string& lines) override {
        if (lines.empty()) return true;
        bool kept = true;
        {
            std::lock_guard lock(mutex_);
            if (waiting_bytes_ + lines.size() > kMaxWaiting) {
                kept = false;
                lines.clear();
            } else {
                waiting_bytes_ += lines.size();
                waiting_.push_back(std::move(lines));
                lines = std::move(spare_);
                lines.clear();
            }
        }
        if (kept) wake_.notify_one();
        return kept;
    }

    void reopen() override {
        std::lock_guard lock(mutex_);
        reopen_ = true;
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            std::string lines = std::move(waiting_.front());
            waiting_.pop_front();
            const bool again = std::exchange(reopen_, false);
            lock.unlock();
            if (again) open_again();
            put(lines);
            lock.lock();
            waiting_bytes_ -= lines.size();
            if (lines.capacity() > spare_.capacity() && lines.capacity() < (1u << 20)) spare_ = std::move(lines);
            if (ending_ && std::chrono::steady_clock::now() > end_by_) return;
        }
    }

    void open_again() {
        if (path_.empty()) return;
        const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0) return;  // the old file goes on being written: better than nothing
        ::close(fd_);
        fd_ = fd;
    }

    void put(std::string_view text) {
        while (!text.empty()) {
            const ssize_t n = ::write(fd_, text.data(), text.size());
            if (n > 0) {
                text.remove_prefix(static_cast<size_t>(n));
            } else if (n < 0 && errno == EAGAIN) {
                pollfd p{fd_, POLLOUT, 0};
                ::poll(&p, 1, 100);
                std::lock_guard lock(mutex_);
                if (ending_ && std::chrono::steady_clock::now() > end_by_) return;
            } else if (n < 0 && errno != EINTR) {
                return;  // a closed pipe or a full disk: these lines are lost, the gateway is not
            }
        }
    }

    std::string path_;
    int fd_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::string> waiting_;
    size_t waiting_bytes_ = 0;
    std::string spare_;
    bool ending_ = false;
    bool reopen_ = false;
    std::chrono::steady_clock::time_point end_by_{};
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<LogSink>> LogSink::make(const std::string& file) {
    if (file == "stdout") return std::make_unique<FileSink>("", 1);
    if (file == "stderr") return std::make_unique<FileSink>("", 2);
    const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return fail(Fault::io, "opening the log " + file, errno);
    return std::make_unique<FileSink>(file, fd);
}

}  // namespace portico::observe
