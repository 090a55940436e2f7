#include "observe/log_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

namespace portico::observe {
namespace {

// A folder of its own for each test.
class LogSinkTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "portico-log-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        std::signal(SIGPIPE, SIG_IGN);  // as the server does
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const { return folder_ + "/" + name; }
    std::string content(const std::string& name) const {
        std::ifstream file(path(name));
        return (std::ostringstream() << file.rdbuf()).str();
    }
    // The sink's thread writes when it gets to it: waits for that, for two seconds at most.
    static bool soon(const std::function<bool()>& holds) {
        for (int i = 0; i < 2000; ++i) {
            if (holds()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }
    std::unique_ptr<LogSink> open(const std::string& name) const {
        auto sink = LogSink::make(path(name));
        EXPECT_TRUE(sink) << sink.error().context;
        return sink ? std::move(*sink) : nullptr;
    }

    std::string folder_;
};

bool put(LogSink& sink, std::string lines) { return sink.write(lines); }

// A named pipe with its reading end held here, so that the test decides when the sink can write.
class Pipe {
  public:
    explicit Pipe(const std::string& path) {
        EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
        fd_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    }
    ~Pipe() { close(); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    std::string take() {
        std::string out(64 * 1024, 0);
        const ssize_t n = ::read(fd_, out.data(), out.size());
        out.resize(n > 0 ? static_cast<size_t>(n) : 0);
        return out;
    }

  private:
    int fd_ = -1;
};

TEST_F(LogSinkTest, lines_are_in_the_file_once_the_sink_is_gone) {
    auto sink = open("log");
    std::string expected;
    for (int i = 0; i < 1000; ++i) {
        std::string line = "line " + std::to_string(i) + "\n";
        expected += line;
        EXPECT_TRUE(sink->write(line));
        EXPECT_EQ(line, "");
    }
    sink.reset();
    EXPECT_EQ(content("log"), expected);
}

TEST_F(LogSinkTest, lines_are_written_without_waiting_for_the_end) {
    const auto sink = open("log");
    EXPECT_TRUE(put(*sink, "now\n"));
    EXPECT_TRUE(soon([&] { return content("log") == "now\n"; }));
}

TEST_F(LogSinkTest, what_was_in_the_file_stays) {
    std::ofstream(path("log")) << "before\n";
    put(*open("log"), "after\n");
    EXPECT_EQ(content("log"), "before\nafter\n");
}

TEST_F(LogSinkTest, a_file_that_cannot_be_opened_is_named) {
    const auto sink = LogSink::make(path("no/such/folder"));
    ASSERT_FALSE(sink);
    EXPECT_EQ(sink.error().fault, Fault::io);
    EXPECT_EQ(sink.error().system, ENOENT);
    EXPECT_NE(sink.error().context.find("no/such/folder"), std::string::npos);
}

TEST_F(LogSinkTest, the_log_is_not_for_everybody_to_read) {
    open("log");
    struct stat status {};
    ASSERT_EQ(::stat(path("log").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0007, 0u);
}

TEST_F(LogSinkTest, reopening_goes_on_in_a_new_file) {
    const auto sink = open("log");
    put(*sink, "old\n");
    ASSERT_TRUE(soon([&] { return content("log") == "old\n"; }));
    std::filesystem::rename(path("log"), path("log.1"));
    sink->reopen();
    put(*sink, "new\n");
    EXPECT_TRUE(soon([&] { return content("log") == "new\n"; }));
    EXPECT_EQ(content("log.1"), "old\n");
}

// Whoever rotates logs looks for the new file, and frees the old one's room: neither may wait for the next request.
TEST_F(LogSinkTest, reopening_does_not_wait_for_a_line) {
    const auto sink = open("log");
    std::filesystem::rename(path("log"), path("log.1"));
    sink->reopen();
    EXPECT_TRUE(soon([&] { return std::filesystem::exists(path("log")); }));
}

TEST_F(LogSinkTest, where_the_new_file_cannot_be_opened_the_old_one_is_kept) {
    std::filesystem::create_directory(path("sub"));
    const auto sink = open("sub/log");
    put(*sink, "1\n");
    ASSERT_TRUE(soon([&] { return content("sub/log") == "1\n"; }));
    std::filesystem::rename(path("sub"), path("moved"));
    sink->reopen();
    put(*sink, "2\n");
    EXPECT_TRUE(soon([&] { return content("moved/log") == "1\n2\n"; }));
}

TEST_F(LogSinkTest, standard_output_is_not_closed_or_reopened) {
    {
        auto sink = LogSink::make("stdout");
        ASSERT_TRUE(sink);
        (*sink)->reopen();
        put(**sink, "\n");
    }
    EXPECT_GE(::fcntl(1, F_GETFD), 0);
}

TEST_F(LogSinkTest, past_8_mib_lines_are_dropped_and_the_writer_is_told) {
    Pipe pipe(path("pipe"));
    auto sink = open("pipe");
    const std::string mib = std::string((1 << 20) - 1, 'x') + "\n";
    int kept = 0;
    while (kept < 20 && put(*sink, mib)) ++kept;
    EXPECT_EQ(kept, 8);
    std::string lines = mib;
    EXPECT_FALSE(sink->write(lines));
    EXPECT_EQ(lines, "");
    // What was kept arrives whole once somebody reads, and there is room again.
    size_t got = 0;
    EXPECT_TRUE(soon([&] {
        for (;;) {
            const size_t n = pipe.take().size();
            got += n;
            if (n == 0) return got >= 8u << 20;
        }
    }));
    EXPECT_EQ(got, 8u << 20);
    EXPECT_TRUE(soon([&] { return put(*sink, "again\n"); }));
    EXPECT_TRUE(soon([&] { return pipe.take() == "again\n"; }));
}

TEST_F(LogSinkTest, a_reader_that_has_stopped_does_not_hold_up_the_end) {
    Pipe pipe(path("pipe"));
    auto sink = open("pipe");
    put(*sink, std::string(1 << 20, 'x'));
    const auto begin = std::chrono::steady_clock::now();
    // On failure the reader goes, so that the test ends.
    std::atomic<bool> ended = false;
    std::thread rescue([&] {
        for (int i = 0; i < 60 && !ended; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
        pipe.close();
    });
    sink.reset();
    ended = true;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
    rescue.join();
}

TEST_F(LogSinkTest, a_reader_that_has_gone_costs_only_its_lines) {
    Pipe pipe(path("pipe"));
    const auto sink = open("pipe");
    pipe.close();
    EXPECT_TRUE(put(*sink, "lost\n"));
    EXPECT_TRUE(put(*sink, "lost too\n"));
}

// What the sink counts as lost.
struct Losses {
    Registry registry;
    Counter lost = registry.counter("lost", "");
    LogSinkOptions options() {
        LogSinkOptions o;
        o.lost_shard = &registry.new_shard();
        o.lost = lost;
        o.after_loss = [](uint64_t lines) { return std::to_string(lines) + " lost\n"; };
        return o;
    }
    int64_t count() const { return registry.value(Gauge{lost.cell}); }
};

TEST_F(LogSinkTest, A38_lines_that_a_full_disk_does_not_take_are_counted) {
    Losses losses;
    const auto sink = LogSink::make("/dev/full", losses.options());
    for (int i = 0; i < 400; ++i) put(**sink, "a line\nand another\n");
    EXPECT_TRUE(soon([&] { return losses.count() == 800; })) << losses.count();
}

TEST_F(LogSinkTest, A38_the_beginning_of_a_line_that_finds_no_room_is_taken_back) {
    Losses losses;
    std::signal(SIGXFSZ, SIG_IGN);  // as the server does
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto sink = LogSink::make(path("log"), losses.options());
    rlimit small = before;
    small.rlim_cur = 1000;  // ninety-nine lines, and a tenth of the next
    ::setrlimit(RLIMIT_FSIZE, &small);
    std::string lines;
    for (int i = 0; i < 150; ++i) lines += "123456789\n";
    lines.insert(0, "x\n");
    put(**sink, lines);
    EXPECT_TRUE(soon([&] { return losses.count() == 51; })) << losses.count();
    ::setrlimit(RLIMIT_FSIZE, &before);
    put(**sink, "after\n");
    EXPECT_TRUE(soon([&] { return content("log").ends_with("9\nafter\n51 lost\n"); })) << content("log");
    EXPECT_EQ(content("log").size(), 2u + 990 + 6 + 8);
}

TEST_F(LogSinkTest, A33_of_a_text_that_does_not_fit_the_lines_that_do_are_kept_and_the_rest_is_told_of) {
    Losses losses;
    Pipe pipe(path("pipe"));
    LogSinkOptions options = losses.options();
    options.max_waiting = 100;
    const auto sink = LogSink::make(path("pipe"), options);
    EXPECT_FALSE(put(**sink, std::string(60, 'a') + "\n" + std::string(30, 'b') + "\n" + std::string(30, 'c') + "\n"));
    std::string got;
    const std::string expected = std::string(60, 'a') + "\n" + std::string(30, 'b') + "\n1 lost\n";
    EXPECT_TRUE(soon([&] {
        got += pipe.take();
        return got == expected;
    })) << got;
    EXPECT_EQ(losses.count(), 1);
}

TEST_F(LogSinkTest, A33_a_pipe_without_a_reader_is_an_error_rather_than_a_wait) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const auto sink = LogSink::make(path("pipe"));
    ASSERT_FALSE(sink);
    EXPECT_EQ(sink.error().system, ENXIO);
}

TEST_F(LogSinkTest, A38_a_pipes_lines_are_whole_however_full_it_is) {
    Pipe pipe(path("pipe"));
    {
        auto sink = open("pipe");
        std::string lines;
        for (int i = 0; i < 4000; ++i) lines += std::string(static_cast<size_t>(1 + i % 90), 'x') + "\n";
        put(*sink, lines);
    }
    // The sink has gone, and the pipe holds what it took: no line is cut.
    std::string got;
    for (std::string part; !(part = pipe.take()).empty();) got += part;
    EXPECT_GT(got.size(), 4096u);
    EXPECT_TRUE(got.ends_with("x\n"));
    size_t number = 0;
    std::istringstream read(got);
    for (std::string line; std::getline(read, line); ++number) EXPECT_EQ(line.size(), 1 + number % 90);
}

TEST_F(LogSinkTest, lines_of_several_writers_are_never_mixed) {
    {
        const auto sink = open("log");
        std::vector<std::thread> writers;
        for (char c = 'a'; c < 'e'; ++c) {
            writers.emplace_back([&, c] {
                for (int i = 0; i < 200; ++i) put(*sink, std::string(100, c) + "\n");
            });
        }
        for (auto& w : writers) w.join();
    }
    std::ifstream file(path("log"));
    int count = 0;
    for (std::string line; std::getline(file, line); ++count) EXPECT_EQ(line, std::string(100, line[0]));
    EXPECT_EQ(count, 800);
}

// What a sink says, from its own thread.
class Said {
  public:
    LogSinkOptions options() {
        LogSinkOptions options;
        options.say = [this](const std::string& line) {
            const std::lock_guard lock(mutex_);
            lines_.push_back(line);
        };
        return options;
    }
    std::vector<std::string> lines() const {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

TEST_F(LogSinkTest, T57_a_full_disk_is_said_once_with_its_reason) {
    Said said;
    auto sink = LogSink::make("/dev/full", said.options());
    ASSERT_TRUE(sink);
    for (int i = 0; i < 5; ++i) {
        put(**sink, "line\n");
        ASSERT_TRUE(soon([&] { return !said.lines().empty(); }));
    }
    sink->reset();
    ASSERT_EQ(said.lines().size(), 1u);
    EXPECT_EQ(said.lines()[0], "the access log /dev/full cannot be written: No space left on device; lines are lost, and portico_dropped_log_lines_total counts them");
}

TEST_F(LogSinkTest, T57_that_lines_are_taken_again_is_said_with_how_many_were_lost) {
    Said said;
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_IGN);
    auto sink = LogSink::make(path("log"), said.options());
    ASSERT_TRUE(sink);
    const rlimit small{10, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    put(**sink, "more than ten bytes\nand a second\n");
    EXPECT_TRUE(soon([&] { return said.lines().size() == 1; }));
    ::setrlimit(RLIMIT_FSIZE, &before);
    put(**sink, "taken\n");
    EXPECT_TRUE(soon([&] { return said.lines().size() == 2; }));
    sink->reset();
    ASSERT_EQ(said.lines().size(), 2u);
    EXPECT_EQ(said.lines()[0], "the access log " + path("log") + " cannot be written: File too large; lines are lost, and portico_dropped_log_lines_total counts them");
    EXPECT_EQ(said.lines()[1], "the access log " + path("log") + " is written again: 2 lines were lost");
    EXPECT_EQ(content("log"), "taken\n");
}

TEST_F(LogSinkTest, T57_a_path_that_cannot_be_opened_again_is_said_and_tried_until_it_can) {
    Said said;
    std::filesystem::create_directory(path("sub"));
    auto sink = LogSink::make(path("sub/log"), said.options());
    ASSERT_TRUE(sink);
    std::filesystem::rename(path("sub"), path("moved"));
    for (int i = 0; i < 3; ++i) (*sink)->reopen();
    ASSERT_TRUE(soon([&] { return said.lines().size() == 1; }));
    EXPECT_EQ(said.lines()[0], "the access log " + path("sub/log") + " cannot be opened again: No such file or directory; lines go on into the file that was open");
    put(**sink, "old\n");
    EXPECT_TRUE(soon([&] { return content("moved/log") == "old\n"; }));
    std::filesystem::create_directory(path("sub"));
    EXPECT_TRUE(soon([&] {
        put(**sink, "new\n");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return content("sub/log").starts_with("new\n");
    }));
    sink->reset();
    ASSERT_EQ(said.lines().size(), 2u);
    EXPECT_EQ(said.lines()[1], "the access log " + path("sub/log") + " is open again");
}

TEST_F(LogSinkTest, T57_whether_a_file_could_be_opened_is_seen_without_making_it) {
    EXPECT_FALSE(LogSink::obstacle_to(path("log")));
    EXPECT_FALSE(std::filesystem::exists(path("log")));
    EXPECT_FALSE(LogSink::obstacle_to("stdout"));
    EXPECT_FALSE(LogSink::obstacle_to("/dev/full"));
    EXPECT_EQ(LogSink::obstacle_to(folder_)->why, "Is a directory");
    EXPECT_EQ(LogSink::obstacle_to(path("none/log"))->why, "there is no folder " + path("none"));
    std::ofstream(path("file")) << "";
    EXPECT_EQ(LogSink::obstacle_to(path("file/log"))->why, "Not a directory");
}

}  // namespace
}  // namespace portico::observe
