#include "config/file_text.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

namespace portico::config {
namespace {

class FileText : public ::testing::Test {
  protected:
    FileText() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
    ~FileText() override {
        ::unlink(path().c_str());
        ::rmdir(folder_.c_str());
    }
    std::string path() const { return folder_ + "/file"; }
    const std::string& folder() const { return folder_; }

  private:
    std::string folder_ = "/tmp/portico-file-text-XXXXXX";
};

TEST_F(FileText, IsTheContentWholeWhateverItsLength) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{64 << 10}, size_t{(64 << 10) + 1}, size_t{1 << 20}}) {
        const std::string content(size, '\0');
        std::ofstream(path(), std::ios::binary) << content;
        EXPECT_EQ(read_file_text(path()).value(), content);
    }
}

TEST_F(FileText, OfADirectoryIsAnErrorAndNoException) {
    EXPECT_EQ(read_file_text(folder()).error().system, EISDIR);
}

TEST_F(FileText, OfAMissingFileIsAnError) {
    EXPECT_EQ(read_file_text(path()).error().system, ENOENT);
}

TEST_F(FileText, OfAPipeThatNobodyWritesToIsAnErrorInTime) {
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    const PipePatience patience;
    EXPECT_EQ(read_file_text(path()).error().system, ETIMEDOUT);
}

TEST_F(FileText, OfSeveralPipesAreErrorsInTheTimeOfAll) {
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    const auto begun = std::chrono::steady_clock::now();
    const PipePatience patience(std::chrono::milliseconds(100), std::chrono::milliseconds(250));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(read_file_text(path()).error().system, ETIMEDOUT);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(1500));
}

// As `-c <(decrypt portico.yaml)` has it.
TEST_F(FileText, OfAPipeMayTakeItsTimeWhereNobodySaysOtherwise) {
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    std::thread writer([this] {
        std::ofstream pipe(path());
        std::this_thread::sleep_for(std::chrono::milliseconds(1200));
        pipe << "late";
    });
    EXPECT_EQ(read_file_text(path()).value(), "late");
    writer.join();
}

TEST_F(FileText, OfAPipeIsWhatIsWrittenToIt) {
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    std::thread writer([this] { std::ofstream(path()) << "first, " << std::flush << "last"; });
    EXPECT_EQ(read_file_text(path()).value(), "first, last");
    writer.join();
}

TEST_F(FileText, OfAPipeIntoWhichSomebodyDripsIsAnErrorInTime) {
    ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
    std::atomic<bool> over = false;
    std::thread writer([&] {
        std::ofstream pipe(path());
        while (!over) {
            pipe << "#" << std::flush;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    });
    const PipePatience patience;
    EXPECT_EQ(read_file_text(path()).error().system, ETIMEDOUT);
    over = true;
    writer.join();
}

TEST_F(FileText, WithoutEndIsAnError) {
    EXPECT_EQ(read_file_text("/dev/zero").error().system, EFBIG);
}

}  // namespace
}  // namespace portico::config
