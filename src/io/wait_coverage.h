// Which co_await of the source a test has not brought to each of its endings: the list is taken from the source, so that a new wait
// is uncovered until a test comes to it. For tests of builds with PORTICO_WATCH_WAITS only.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/wait_watch.h"

namespace portico::io::wait_watch {

// A wait that cannot end in some way.
struct Exception {
    std::string_view file;  // below src/
    std::string_view text;  // of its line
    std::vector<Ending> never;
    std::string_view why;
};

inline std::string_view name_of(Ending ending) {
    constexpr std::array<std::string_view, kEndings> kNames{"resumed", "timed out", "broken by its peer", "destroyed"};
    return kNames[static_cast<size_t>(ending)];
}

namespace coverage {

struct Wait {
    std::string file;
    uint32_t line = 0;
    std::string text;
    bool only_comes = false;
    std::array<uint64_t, kEndings> endings{};
};

inline std::vector<Wait> waits_of(const std::filesystem::path& source, std::string_view file) {
    std::vector<Wait> waits;
    std::ifstream in(source / "src" / file);
    std::string text;
    for (uint32_t line = 1; std::getline(in, text); ++line) {
        const size_t at = text.find("co_await ");
        if (at == std::string::npos || text.substr(0, at).contains("//")) continue;
        waits.push_back({std::string(file), line, text.substr(text.find_first_not_of(' ')), false, {}});
    }
    return waits;
}

// The file, or those of a folder ("redis/") but for its tests.
inline std::vector<std::string> files_of(const std::filesystem::path& source, std::string_view name) {
    if (!name.ends_with('/')) return {std::string(name)};
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(source / "src" / name)) {
        const std::string stem = entry.path().stem().string();
        const bool for_tests = stem.ends_with("_test") || stem.ends_with("_bench") || stem.ends_with("_fuzz") || stem.ends_with("_fixture") || stem.ends_with("_model");
        if (entry.is_regular_file() && !for_tests) files.push_back(std::string(name) + entry.path().filename().string());
    }
    std::ranges::sort(files);
    return files;
}

inline std::vector<Wait> waits_of(const std::filesystem::path& source, std::span<const std::string_view> files) {
    std::vector<Wait> waits;
    for (const std::string_view name : files) {
        std::vector<Wait> more;
        for (const std::string& file : files_of(source, name)) std::ranges::move(waits_of(source, file), std::back_inserter(more));
        // A file that has moved, or no longer waits, would be covered by nothing.
        if (more.empty()) more.push_back({std::string(name), 0, "no co_await here", false, {}});
        std::ranges::move(more, std::back_inserter(waits));
    }
    for (const Counts& counts : all()) {
        for (Wait& wait : waits) {
            if (wait.line != counts.line || !counts.file.ends_with("src/" + wait.file)) continue;
            wait.only_comes = wait.only_comes || counts.only_comes;
            for (size_t i = 0; i < kEndings; ++i) wait.endings[i] += counts.endings[i];
        }
    }
    return waits;
}

}  // namespace coverage

// A wait that has come to one of its endings too seldom.
struct Lack {
    std::string file;  // below src/
    uint32_t line = 0;
    Ending ending = Ending::resumed;
    uint64_t times = 0;
};

struct Coverage {
    size_t waits = 0;
    std::vector<Lack> lacks;
    uint64_t rarest = UINT64_MAX;  // the fewest times that a wait has come to one of its endings
    std::string missing;           // a line each; empty when each wait was come to, and has come to each of its endings `least` times
};

// @param source the root of the checkout; @param files below its src/; a folder ends in /
inline Coverage cover(const std::filesystem::path& source, std::span<const std::string_view> files, std::span<const Exception> exceptions,
                      uint64_t least) {
    Coverage found;
    std::vector<bool> used(exceptions.size(), false);
    for (const coverage::Wait& wait : coverage::waits_of(source, files)) {
        ++found.waits;
        uint64_t come_to = 0;
        bool excepted = false;
        for (size_t i = 0; i < kEndings; ++i) {
            const Ending ending = static_cast<Ending>(i);
            bool never = wait.only_comes && (ending == Ending::timed_out || ending == Ending::broken);
            for (size_t e = 0; e < exceptions.size(); ++e) {
                if (exceptions[e].file != wait.file || !wait.text.contains(exceptions[e].text)) continue;
                used[e] = true;
                never = never || std::ranges::find(exceptions[e].never, ending) != exceptions[e].never.end();
            }
            const uint64_t times = wait.endings[i];
            come_to += times;
            excepted = excepted || never;
            const auto complain = [&](const std::string& what) {
                found.missing += wait.file + ":" + std::to_string(wait.line) + " " + std::string(name_of(ending)) + " " + std::to_string(times) + " times, " + what + ": " + wait.text + "\n";
            };
            if (never && times > 0) complain("which an exception says it never does");
            if (never) continue;
            found.rarest = std::min(found.rarest, times);
            if (times >= least) continue;
            found.lacks.push_back({wait.file, wait.line, ending, times});
            complain("not " + std::to_string(least));
        }
        if (come_to == 0 && !excepted) found.missing += wait.file + ":" + std::to_string(wait.line) + " was never come to: " + wait.text + "\n";
    }
    for (size_t e = 0; e < exceptions.size(); ++e) {
        if (!used[e]) found.missing += "no wait in " + std::string(exceptions[e].file) + " has this exception's text: " + std::string(exceptions[e].text) + "\n";
    }
    return found;
}

}  // namespace portico::io::wait_watch
