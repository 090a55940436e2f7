// Published suites of cases (RFC 9535, JSON, JWS), read where they lie and not copied. A clone without them is whole all the same: what is
// not there is left out, and the test says so. For tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace portico {

// Where a suite lies: in the folder that PORTICO_SUITES names, or in the one beside the checkout.
// @param source_dir  the checkout
inline std::filesystem::path published_suite(std::string_view source_dir, std::string_view name) {
    const char* const set = std::getenv("PORTICO_SUITES");
    const bool named = set != nullptr && *set != '\0';
    return (named ? std::filesystem::path(set) : std::filesystem::path(source_dir) / "../shared/suites") / name;
}

}  // namespace portico

// Ends the test as one that was left out. A folder without the suite is no fault of the code, whoever named the folder.
#define PORTICO_SKIP_WITHOUT(path) \
    if (std::error_code unseen; !std::filesystem::exists(path, unseen)) GTEST_SKIP() << (path) << " is not there: PORTICO_SUITES names the folder of the published suites"
