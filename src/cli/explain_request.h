// The request that `explain` is asked about, made of the words of the command line. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace portico::cli {

// What is wrong with the `-H` of the command line, in a sentence: a request with such a line would never be made.
std::optional<std::string> slip_of_headers(const std::vector<std::string>& headers);
// The head as a client would send it.
// @param url  a path, or a whole URL, whose authority becomes Host where no header says one
std::string request_bytes(const std::string& method, const std::string& url, const std::vector<std::string>& headers);

}  // namespace portico::cli
