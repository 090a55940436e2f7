// Looks whether a file has become another: by its identity, size and time, then by its content, which must be the same twice,
// 200 ms apart: half a file is often valid YAML without its guards. A change is what differs from what was loaded last, by whatever
// asked for that. Control thread only.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "io/loop.h"

namespace portico::server {

class FileWatch final : private io::Timer {
  public:
    static constexpr Duration kInterval = std::chrono::milliseconds(200);

    // @param loaded  what was read for the last load, kept by the owner
    FileWatch(io::Loop& loop, std::string path, const std::string& loaded, std::function<void()> changed);

  private:
    // What tells one writing of a file from another without reading it.
    struct Stamp {
        uint64_t device = 0, inode = 0, size = 0;
        int64_t seconds = 0, nanos = 0;
        bool operator==(const Stamp&) const = default;
    };
    Stamp stamp() const;
    std::string content() const;
    void on_timer() override;

    io::Loop& loop_;
    std::string path_;
    const std::string& loaded_;
    std::function<void()> changed_;
    Stamp seen_;             // none at first: the file may have changed since it was loaded
    std::string candidate_;  // seen once
    bool pending_ = false;
};

}  // namespace portico::server
