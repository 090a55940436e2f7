#include "io/machine_share.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace portico::io {
namespace {

// A machine's files as a process sees them.
class Machine {
  public:
    Machine() {
        char name[] = "/tmp/portico-machine-XXXXXX";
        root_ = ::mkdtemp(name);
    }
    ~Machine() { std::filesystem::remove_all(root_); }
    Machine& file(const std::string& path, const std::string& text) {
        std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
        std::ofstream(root_ + path) << text;
        return *this;
    }
    const std::string& root() const { return root_; }

  private:
    std::string root_;
};

TEST(MachineShare, T56_a_quota_of_a_group_bounds_the_processors) {
    Machine v2;
    v2.file("/proc/self/cgroup", "0::/system.slice/portico.service\n").file("/sys/fs/cgroup/system.slice/portico.service/cpu.max", "50000 100000\n");
    EXPECT_EQ(processor_quota(v2.root()), 500u);
    EXPECT_EQ(usable_processors(v2.root()), 1u);
    Machine v1;
    v1.file("/proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n")
        .file("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "150000\n")
        .file("/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(processor_quota(v1.root()), 1500u);
}

TEST(MachineShare, T56_the_least_of_all_levels_holds) {
    Machine m;
    m.file("/proc/self/cgroup", "0::/a/b\n").file("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n").file("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    EXPECT_EQ(processor_quota(m.root()), 2000u);
    m.file("/sys/fs/cgroup/a/b/cpu.max", "100000 100000\n");
    EXPECT_EQ(processor_quota(m.root()), 1000u);
}

TEST(MachineShare, T56_a_container_that_sees_its_group_as_the_mount_is_bounded) {
    Machine m;
    m.file("/proc/self/cgroup", "0::/\n").file("/sys/fs/cgroup/cpu.max", "25000 100000\n");
    EXPECT_EQ(processor_quota(m.root()), 250u);
    Machine v1;
    v1.file("/proc/self/cgroup", "2:cpu:/kubepods/x\n").file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000").file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
    EXPECT_EQ(processor_quota(v1.root()), 3000u);
}

TEST(MachineShare, without_a_quota_the_affinity_decides) {
    Machine m;
    EXPECT_EQ(processor_quota(m.root()), UINT64_MAX);
    m.file("/proc/self/cgroup", "0::/\n3:cpu:/\n").file("/sys/fs/cgroup/cpu.max", "max 100000\n").file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    EXPECT_EQ(processor_quota(m.root()), UINT64_MAX);
    // On a thread of its own, whose affinity is not the other tests'.
    std::thread([&] {
        cpu_set_t all, one;
        ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
        EXPECT_EQ(usable_processors(m.root()), static_cast<size_t>(CPU_COUNT(&all)));
        CPU_ZERO(&one);
        for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i) {
            if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
        }
        ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
        EXPECT_EQ(usable_processors(m.root()), 1u);
    }).join();
}

TEST(MachineShare, memory_of_groups_is_found_at_every_level) {
    Machine m;
    EXPECT_EQ(memory_of_groups(m.root()), UINT64_MAX);
    m.file("/proc/self/cgroup", "0::/system.slice/portico.service\n").file("/sys/fs/cgroup/system.slice/portico.service/memory.max", "268435456\n");
    EXPECT_EQ(memory_of_groups(m.root()), 268435456u);
    m.file("/proc/self/cgroup", "5:memory:/docker/x\n").file("/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "1048576\n");
    EXPECT_EQ(memory_of_groups(m.root()), 1048576u);
}

}  // namespace
}  // namespace portico::io
