#include "io/system_store.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

namespace portico::io {
namespace {

std::string state_of(const std::string& path) {
    struct stat s {};
    std::string text = path + '\0';
    // Followed: what a link leads to counts.
    if (stat(path.c_str(), &s) != 0) return text + "none\n";
    for (const auto number : {static_cast<int64_t>(s.st_dev), static_cast<int64_t>(s.st_ino), static_cast<int64_t>(s.st_size), static_cast<int64_t>(s.st_mtim.tv_sec),
                              static_cast<int64_t>(s.st_mtim.tv_nsec), static_cast<int64_t>(s.st_ctim.tv_sec), static_cast<int64_t>(s.st_ctim.tv_nsec)}) {
        text += std::to_string(number) + ' ';
    }
    return text + '\n';
}

std::string place(const char* variable, const char* built_in) {
    const char* named = secure_getenv(variable);
    return named == nullptr ? built_in : named;
}

}  // namespace

std::string system_store_state() {
    std::vector<std::string> states{state_of(place(X509_get_default_cert_file_env(), X509_get_default_cert_file()))};
    const std::string folders = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    for (size_t at = 0; at <= folders.size();) {
        const size_t end = std::min(folders.find(':', at), folders.size());
        std::error_code error;
        for (std::filesystem::directory_iterator file(folders.substr(at, end - at), error), last; !error && file != last; file.increment(error)) {
            states.push_back(state_of(file->path().string()));
        }
        at = end + 1;
    }
    std::ranges::sort(states);
    std::string all;
    for (const std::string& s : states) all += s;
    return all;
}

}  // namespace portico::io
