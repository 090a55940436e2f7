#include "server/file_watch.h"

namespace portico::server {

FileWatch::FileWatch(io::Loop& loop, const config::FilesRead::Digests& loaded, Changed changed)
    : loop_(loop), loaded_(loaded), changed_(std::move(changed)) {
    set(loop_.timers(), loop_.now() + kInterval);
}

FileWatch::Stamp FileWatch::stamp_of(const std::string& path) {
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return {};
    return {s.st_dev, s.st_ino, static_cast<uint64_t>(s.st_size), s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_ctim.tv_sec, s.st_ctim.tv_nsec};
}

bool FileWatch::has_changed(const std::string& path, std::optional<uint64_t> loaded, Watched& watched) {
    const Stamp now = stamp_of(path);
    if (now == Stamp{}) return false;  // between a removal and a rename
    // It may be as it was, and the last load have read another, or nothing: while it was away.
    if (now == watched.seen && !watched.pending && watched.candidate == loaded) return false;
    const config::PipePatience patience;  // it may have become a pipe just now
    const auto text = config::read_file_text(path);
    const std::optional<uint64_t> content = text ? std::optional(config::FilesRead::digest_of(*text)) : std::nullopt;
    const bool stable = watched.pending && now == watched.seen && content == watched.candidate;
    watched = {now, content, !stable};
    return stable && loaded != content;
}

void FileWatch::on_timer() {
    set(loop_.timers(), loop_.now() + kInterval);
    std::erase_if(watched_, [&](const auto& w) { return !loaded_.contains(w.first); });
    const std::string* changed = nullptr;
    bool writing = false;
    for (const auto& [path, content] : loaded_) {
        Watched& watched = watched_[path];
        if (has_changed(path, content, watched)) changed = &path;
        writing |= watched.pending;
    }
    if (changed == nullptr) return;
    // Of the owner's list, which a load writes anew.
    const std::string path = *changed;
    config::FilesRead::Digests at_rest;
    // Of what is no file nobody looks at the content: a pipe's goes when it is read.
    for (const auto& [name, watched] : watched_) {
        if (watched.seen != Stamp{}) at_rest.emplace(name, watched.candidate);
    }
    // Together with those that are not at rest yet; and what was not read may be written once more before it is.
    if (writing || !changed_(path, at_rest)) watched_[path].pending = true;
}

}  // namespace portico::server
