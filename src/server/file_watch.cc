#include "server/file_watch.h"

#include "config/file_text.h"

namespace portico::server {

FileWatch::FileWatch(io::Loop& loop, std::string path, const std::string& loaded, std::function<void()> changed)
    : loop_(loop), path_(std::move(path)), loaded_(loaded), changed_(std::move(changed)) {
    set(loop_.timers(), loop_.now() + kInterval);
}

FileWatch::Stamp FileWatch::stamp() const {
    struct stat s {};
    if (::stat(path_.c_str(), &s) != 0) return {};
    return {s.st_dev, s.st_ino, static_cast<uint64_t>(s.st_size), s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
}

std::string FileWatch::content() const {
    const config::PipePatience patience;
    return config::read_file_text(path_).value_or(std::string());
}

void FileWatch::on_timer() {
    set(loop_.timers(), loop_.now() + kInterval);
    const Stamp now = stamp();
    if (now == Stamp{}) return;  // between a removal and a rename
    if (now == seen_ && !pending_) return;
    std::string text = content();
    const bool stable = pending_ && now == seen_ && text == candidate_;
    seen_ = now;
    if (!stable) {
        candidate_ = std::move(text);
        pending_ = true;
        return;
    }
    pending_ = false;
    candidate_.clear();
    if (text != loaded_) changed_();
}

}  // namespace portico::server
