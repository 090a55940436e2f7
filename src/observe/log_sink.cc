#include "observe/log_sink.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
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
        {
            std::lock_guard lock(mutex_);
            reopen_ = true;
        }
        wake_.notify_one();
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return ending_ || reopen_ || !waiting_.empty(); });
            // At once, not with the next line: whoever rotates the log waits for the old file to be let go.
            if (std::exchange(reopen_, false)) {
                lock.unlock();
                open_again();
                lock.lock();
                continue;
            }
            if (waiting_.empty()) return;
            std::string lines = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
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

    // A pipe's descriptor is shared with others, so it stays blocking: what poll() says it takes (PIPE_BUF, pipe(7)) is written, no
    // more, or a reader that has stopped would hold the end of the process.
    bool is_file() const {
        struct stat s {};
        return ::fstat(fd_, &s) == 0 && S_ISREG(s.st_mode);
    }
    bool out_of_time() {
        std::lock_guard lock(mutex_);
        return ending_ && std::chrono::steady_clock::now() > end_by_;
    }

    void put(std::string_view text) {
        const size_t step = is_file() ? text.size() : PIPE_BUF;
        while (!text.empty()) {
            pollfd p{fd_, POLLOUT, 0};
            if (::poll(&p, 1, 50) == 0) {
                if (out_of_time()) return;
                continue;
            }
            const ssize_t n = ::write(fd_, text.data(), std::min(text.size(), step));
            if (n > 0) {
                text.remove_prefix(static_cast<size_t>(n));
            } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
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
