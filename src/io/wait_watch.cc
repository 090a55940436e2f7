#include "io/wait_watch.h"

#include <map>
#include <memory>
#include <mutex>

namespace portico::io::wait_watch {
namespace {

struct Register {
    std::mutex mutex;
    std::map<std::pair<const char*, uint32_t>, std::unique_ptr<Place>> places;
};

Register& the_register() {
    static Register places;
    return places;
}

}  // namespace

Place& place(const std::source_location& at) {
    Register& r = the_register();
    const std::lock_guard lock(r.mutex);
    std::unique_ptr<Place>& found = r.places[{at.file_name(), at.line()}];
    if (found == nullptr) {
        found = std::make_unique<Place>();
        found->file = at.file_name();
        found->line = at.line();
    }
    return *found;
}

std::vector<Counts> all() {
    Register& r = the_register();
    const std::lock_guard lock(r.mutex);
    std::vector<Counts> counts;
    for (const auto& [key, place] : r.places) {
        Counts& one = counts.emplace_back();
        one.place = place.get();
        one.file = place->file;
        one.line = place->line;
        one.only_comes = place->only_comes.load(std::memory_order_relaxed);
        for (size_t i = 0; i < kEndings; ++i) one.endings[i] = place->endings[i].load(std::memory_order_relaxed);
    }
    return counts;
}

}  // namespace portico::io::wait_watch
