#include "io/machine_share.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace portico::io {
namespace {

std::optional<uint64_t> number_in(std::ifstream& in) {
    uint64_t n = 0;
    if (in >> n) return n;
    return std::nullopt;
}

// The group of this process in a hierarchy: of cgroup v2 where no controller is named, else of the v1 hierarchy that has it.
std::optional<std::string> group_of(const std::string& root, std::string_view controller) {
    std::ifstream in(root + "/proc/self/cgroup");
    for (std::string line; std::getline(in, line);) {
        const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const bool is_it = controller.empty() ? controllers == ",," : controllers.find("," + std::string(controller) + ",") != std::string::npos;
        if (is_it) return line.substr(second + 1);
    }
    return std::nullopt;
}

// The least that `read` finds in a hierarchy's folders from the group's up to its mount. A container may see its own group as the mount,
// whatever its path is called outside.
uint64_t least_of(const std::string& mount, std::string group, const std::function<uint64_t(const std::string&)>& read) {
    uint64_t least = read(mount);
    if (!group.starts_with('/')) return least;
    while (group.size() > 1) {
        least = std::min(least, read(mount + group));
        group.resize(group.rfind('/'));
    }
    return least;
}

// "50000 100000", or "max 100000".
uint64_t quota_v2(const std::string& folder) {
    std::ifstream in(folder + "/cpu.max");
    const auto quota = number_in(in);
    const auto period = quota ? number_in(in) : std::nullopt;
    return period && *period > 0 ? *quota * 1000 / *period : UINT64_MAX;
}

uint64_t quota_v1(const std::string& folder) {
    std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
    int64_t quota = -1;
    if (!(quota_file >> quota) || quota <= 0) return UINT64_MAX;
    const auto period = number_in(period_file);
    return period && *period > 0 ? static_cast<uint64_t>(quota) * 1000 / *period : UINT64_MAX;
}

uint64_t bytes_in(const std::string& file) {
    std::ifstream in(file);
    const auto bytes = number_in(in);
    return bytes && *bytes > 0 ? *bytes : UINT64_MAX;
}

size_t processors_of_affinity() {
    // A machine may have more than a set of the usual size holds: the kernel says EINVAL then.
    for (size_t most = 1024; most <= (1u << 20); most *= 4) {
        std::vector<cpu_set_t> sets(most / 1024 + 1);
        const size_t bytes = sets.size() * sizeof(cpu_set_t);
        if (::sched_getaffinity(0, bytes, sets.data()) != 0) continue;
        return static_cast<size_t>(CPU_COUNT_S(bytes, sets.data()));
    }
    return std::thread::hardware_concurrency();
}

}  // namespace

uint64_t processor_quota(const std::string& root) {
    uint64_t quota = least_of(root + "/sys/fs/cgroup", group_of(root, "").value_or(""), quota_v2);
    if (const auto group = group_of(root, "cpu")) {
        for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"}) quota = std::min(quota, least_of(root + mount, *group, quota_v1));
    }
    return quota;
}

size_t usable_processors(const std::string& root) {
    const uint64_t quota = processor_quota(root);
    const uint64_t whole = quota == UINT64_MAX ? quota : (quota + 999) / 1000;
    return std::max<size_t>(1, std::min<uint64_t>(processors_of_affinity(), whole));
}

uint64_t memory_of_groups(const std::string& root) {
    uint64_t least = least_of(root + "/sys/fs/cgroup", group_of(root, "").value_or(""), [](const std::string& folder) { return bytes_in(folder + "/memory.max"); });
    if (const auto group = group_of(root, "memory")) {
        least = std::min(least, least_of(root + "/sys/fs/cgroup/memory", *group, [](const std::string& folder) { return bytes_in(folder + "/memory.limit_in_bytes"); }));
    }
    return least;
}

}  // namespace portico::io
