// What this process may use of the machine: processors and memory, less what its affinity and its control groups (v2, v1) leave out. A
// group bounds those inside of it, so that the least of all levels holds. Read when it is asked; functions without state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace portico::io {

// Processors that this thread may run on, and no more than its groups' quota comes to: half a processor is one, one and a half are two.
// @param root  what stands before /proc and /sys, for tests
size_t usable_processors(const std::string& root = {});
// Bytes that its groups allow. @returns UINT64_MAX where none does
uint64_t memory_of_groups(const std::string& root = {});
// The quota alone, in thousandths of a processor. @returns UINT64_MAX where there is none
uint64_t processor_quota(const std::string& root = {});

}  // namespace portico::io
