// The commands of the binary, one function each, with the process's exit status. What they print is for people (or, with --json, for
// programs); what they do is elsewhere.
#pragma once

#include <string>
#include <vector>

namespace portico::cli {

inline constexpr int kGood = 0, kFaults = 1, kUsage = 2;

// @param file  of the configuration; "-" is standard input, which no reload reads again
int run(const std::string& file, bool watch);
// Where the demo's admin pages stand unless something has that port.
inline constexpr int kDemoAdminPort = 9090;
int demo(int port);
int check(const std::string& path, bool json, bool strict);
int explain(const std::string& file, const std::string& method, const std::string& url, const std::vector<std::string>& headers,
            const std::string& from, const std::string& keys_file);
int schema(bool markdown);

// What a token is made of; empty texts were not given.
struct TokenOptions {
    std::string subject, email;
    std::vector<std::string> claims;  // name=value, the value JSON where it is some
    std::string expires = "1h";
    std::string secret, secret_file, key_file;
    std::string algorithm, key_id;
    std::string config_file, policy;
};
int token(const TokenOptions& options);

}  // namespace portico::cli
