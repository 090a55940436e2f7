// Looks whether the configuration, or a file that it names, has become another: by its identity, size and time, then by its content, which must
// be the same twice, 200 ms apart: half a file is often valid YAML without its guards. What a name leads to is looked at, so that a symbolic link
// that is exchanged on the way counts, as in mounted ConfigMaps and Secrets of Kubernetes. A change is what differs from what was loaded last, by
// whatever asked for that; while a file is still being written, nothing is told. Control thread only.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "config/file_text.h"
#include "io/loop.h"

namespace portico::server {

class FileWatch final : private io::Timer {
  public:
    static constexpr Duration kInterval = std::chrono::milliseconds(200);

    // Told the path of a file that is another now, while all of them are at rest, with what each was seen to hold. @returns whether just
    // that was read: else it is told again, once it has been judged anew
    using Changed = std::function<bool(const std::string& path, const config::FilesRead::Digests& at_rest)>;

    // @param loaded  what was read for the last load, kept by the owner
    FileWatch(io::Loop& loop, const config::FilesRead::Digests& loaded, Changed changed);

  private:
    // What tells one writing of a file from another without reading it.
    struct Stamp {
        uint64_t device = 0, inode = 0, size = 0;
        int64_t seconds = 0, nanos = 0;                  // of its content
        int64_t changed_seconds = 0, changed_nanos = 0;  // of it, its owner or who may read it
        bool operator==(const Stamp&) const = default;
    };
    struct Watched {
        Stamp seen;              // none at first: the file may have changed since it was loaded
        std::optional<uint64_t> candidate;  // of the content that was seen last; none: it could not be read
        bool pending = false;
    };
    // @returns nothing for what is no file, such as a pipe, whose content goes when it is read
    static Stamp stamp_of(const std::string& path);
    // Whether it rests as another than it was loaded.
    static bool has_changed(const std::string& path, std::optional<uint64_t> loaded, Watched& watched);
    void on_timer() override;

    io::Loop& loop_;
    const config::FilesRead::Digests& loaded_;
    Changed changed_;
    std::map<std::string, Watched> watched_;
};

}  // namespace portico::server
