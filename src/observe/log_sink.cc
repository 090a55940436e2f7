#include "observe/log_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "observe/line_writer.h"

namespace portico::observe {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kLastWrites = std::chrono::seconds(1);         // how long the end waits for what is left
constexpr auto kStuck = std::chrono::milliseconds(500);       // and for a thread that should have ended by then
constexpr auto kQuiet = std::chrono::minutes(1);               // between two tellings of a loss
constexpr auto kTryAgain = std::chrono::seconds(1);           // between two tries to open a path that could not be opened again
constexpr size_t kSpareCapacity = 1u << 20;

// A pipe without a reader is an error, rather than a start (or a reload) that waits for one.
int open_log(const std::string& path) { return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640); }

// What the sink and its thread share. The thread holds it too, for it may be left behind in a write that never returns.
class Queue {
  public:
    Queue(std::string name, std::string path, int fd, LogSinkOptions options)
        : name_(std::move(name)), path_(std::move(path)), options_(std::move(options)), writer_(fd) {}
    ~Queue() {
        if (!path_.empty()) ::close(writer_.fd());
    }

    bool write(std::string& lines) {
        const std::lock_guard lock(mutex_);
        const size_t room = options_.max_waiting - std::min(waiting_bytes_, options_.max_waiting);
        // What fits of a long text, in whole lines.
        const size_t cut = lines.size() <= room ? lines.size() : room == 0 ? 0 : lines.rfind('\n', room - 1) + 1;
        const bool all = cut == lines.size();
        dropped_ += static_cast<uint64_t>(std::count(lines.begin() + static_cast<ptrdiff_t>(cut), lines.end(), '\n'));
        lines.resize(cut);
        if (lines.empty()) return all;
        waiting_bytes_ += lines.size();
        waiting_.push_back(std::move(lines));
        lines = std::move(spare_);
        lines.clear();
        wake_.notify_one();
        return all;
    }

    void reopen() {
        const std::lock_guard lock(mutex_);
        reopen_ = true;
        wake_.notify_one();
    }

    // @returns whether the thread has ended
    bool end() {
        std::unique_lock lock(mutex_);
        ending_ = true;
        end_by_ = SteadyClock::now() + kLastWrites;
        wake_.notify_one();
        const bool ended = over_.wait_until(lock, end_by_ + kStuck, [this] { return ended_; });
        options_.lost_shard = nullptr;  // these may go now
        options_.say = nullptr;
        return ended;
    }

    // The thread's work.
    void run() {
        std::unique_lock lock(mutex_);
        while (turn(lock)) publish();
        for (const std::string& lines : waiting_) dropped_ += static_cast<uint64_t>(std::ranges::count(lines, '\n'));
        publish();
        ended_ = true;
        over_.notify_one();
    }

  private:
    using Lock = std::unique_lock<std::mutex>;

    // @returns false when there is nothing left to do
    bool turn(Lock& lock) {
        wake_.wait(lock, [this] { return ending_ || reopen_ || !waiting_.empty(); });
        // At once, not with the next line: whoever rotates the log waits for the old file to be let go.
        if (std::exchange(reopen_, false)) {
            lock.unlock();
            const int error = open_again();
            lock.lock();
            reopened(error);
            return true;
        }
        if (waiting_.empty()) return false;
        std::string lines = std::move(waiting_.front());
        waiting_.pop_front();
        const uint64_t lost = put(lock, lines);
        waiting_bytes_ -= lines.size();
        dropped_ += lost;
        if (lines.capacity() > spare_.capacity() && lines.capacity() < kSpareCapacity) spare_ = std::move(lines);
        if (lost == 0 && waiting_.empty()) {
            tell_of_loss(lock);
            say_of_recovery();
        }
        if (reopen_failed_ && SteadyClock::now() - reopen_tried_ >= kTryAgain) reopen_ = true;
        return !out_of_time();
    }

    uint64_t put(Lock& lock, std::string_view lines) {
        lock.unlock();
        const size_t lost = writer_.write(lines, [&] {
            lock.lock();
            publish();
            const bool waits = !out_of_time();
            lock.unlock();
            return waits;
        });
        lock.lock();
        if (lost > 0) reason_ = writer_.error();
        return lost;
    }

    // Both are said by whoever holds the lock, so that nobody is told once the sink has ended.
    void say_of_loss() {
        lost_since_ += dropped_;
        const auto now = SteadyClock::now();
        if (said_loss_ || !options_.say || now - said_at_ < kQuiet) return;
        said_loss_ = true;
        said_at_ = now;
        options_.say("the access log " + name_ + " cannot be written: " + (reason_ != 0 ? std::strerror(reason_) : "nobody takes its lines in time") +
                     "; lines are lost, and portico_dropped_log_lines_total counts them");
    }
    void say_of_recovery() {
        if (std::exchange(said_loss_, false) && options_.say) {
            options_.say("the access log " + name_ + " is written again: " + std::to_string(lost_since_) + (lost_since_ == 1 ? " line was" : " lines were") + " lost");
        }
        lost_since_ = 0;
        reason_ = 0;
    }

    void tell_of_loss(Lock& lock) {
        publish();
        if (untold_ == 0 || !options_.after_loss) return;
        const uint64_t told = untold_;
        if (put(lock, options_.after_loss(told)) == 0) untold_ -= told;
    }

    void publish() {
        if (dropped_ == 0) return;
        say_of_loss();
        if (options_.lost_shard != nullptr) options_.lost_shard->add(options_.lost, dropped_);
        untold_ += std::exchange(dropped_, 0);
    }

    bool out_of_time() const { return ending_ && SteadyClock::now() > end_by_; }

    // @returns why not, as errno
    int open_again() {
        if (path_.empty()) return 0;
        const int fd = open_log(path_);
        if (fd < 0) return errno;  // the old file goes on being written: better than nothing
        ::close(writer_.fd());
        writer_.use(fd);
        return 0;
    }

    void reopened(int error) {
        const bool failed_before = std::exchange(reopen_failed_, error != 0);
        reopen_tried_ = SteadyClock::now();
        if (failed_before == reopen_failed_ || !options_.say) return;
        if (error != 0) options_.say("the access log " + path_ + " cannot be opened again: " + std::strerror(error) + "; lines go on into the file that was open");
        else options_.say("the access log " + path_ + " is open again");
    }

    const std::string name_;  // as the operator knows it
    const std::string path_;  // empty: a descriptor of the process's, which stays open
    LogSinkOptions options_;
    LineWriter writer_;  // the thread's
    std::mutex mutex_;   // for all below
    std::condition_variable wake_, over_;
    std::deque<std::string> waiting_;
    size_t waiting_bytes_ = 0;
    std::string spare_;
    uint64_t dropped_ = 0;  // lines, not yet counted
    uint64_t untold_ = 0;   // counted, not yet told
    uint64_t lost_since_ = 0;  // lines, since the last that was taken
    int reason_ = 0;           // why, as errno
    bool said_loss_ = false;
    SteadyClock::time_point said_at_ = SteadyClock::now() - kQuiet;
    bool reopen_failed_ = false;
    SteadyClock::time_point reopen_tried_{};
    bool ending_ = false, ended_ = false, reopen_ = false;
    SteadyClock::time_point end_by_{};
};

class QueuedSink final : public LogSink {
  public:
    explicit QueuedSink(std::shared_ptr<Queue> queue) : queue_(std::move(queue)), thread_([queue = queue_] { queue->run(); }) {}
    ~QueuedSink() override {
        if (queue_->end()) thread_.join();
        else thread_.detach();
    }
    bool write(std::string& lines) override { return lines.empty() || queue_->write(lines); }
    void reopen() override { queue_->reopen(); }

  private:
    std::shared_ptr<Queue> queue_;
    std::thread thread_;
};

}  // namespace

std::optional<LogSink::Obstacle> LogSink::obstacle_to(const std::string& file) {
    if (file == "stdout" || file == "stderr") return std::nullopt;
    struct stat s {};
    if (::stat(file.c_str(), &s) == 0) {
        if (S_ISDIR(s.st_mode)) return Obstacle{std::strerror(EISDIR)};
        if (::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0) return Obstacle{std::strerror(errno), errno == EACCES};
        return std::nullopt;
    }
    if (errno != ENOENT) return Obstacle{std::strerror(errno), errno == EACCES};
    const size_t slash = file.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
    if (::stat(folder.c_str(), &s) != 0) return Obstacle{"there is no folder " + folder, errno == EACCES};
    if (!S_ISDIR(s.st_mode)) return Obstacle{folder + " is not a folder"};
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) return Obstacle{std::strerror(errno), errno == EACCES};
    return std::nullopt;
}

Result<std::unique_ptr<LogSink>> LogSink::make(const std::string& file, LogSinkOptions options) {
    const bool standard = file == "stdout" || file == "stderr";
    const int fd = file == "stdout" ? STDOUT_FILENO : file == "stderr" ? STDERR_FILENO : open_log(file);
    if (fd < 0) {
        const int error = errno;
        return fail(Fault::io, "the access log " + file + " cannot be opened: " + std::strerror(error), error);
    }
    return std::make_unique<QueuedSink>(std::make_shared<Queue>(file, standard ? "" : file, fd, std::move(options)));
}

}  // namespace portico::observe
