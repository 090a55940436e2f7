#include "policy/basic/htpasswd.h"

#include <algorithm>

#include "base/text.h"
#include "base/text_table.h"
#include "json/document.h"
#include "json/writer.h"

namespace portico::policy::basic {
namespace {

// A name becomes a claim, and a claim is text.
bool is_text(std::string_view name) {
    std::string quoted;
    json::append_string(quoted, name);
    const auto document = json::Document::parse(quoted);
    const bool control = std::ranges::any_of(name, [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; });
    return document && document->root().string() == name && !control;
}

}  // namespace

std::vector<User> read_htpasswd(std::string_view text, std::vector<HtpasswdFault>& faults) {
    std::vector<User> users;
    TextSet seen;
    size_t number = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = trim_ows(text.substr(at, end - at));
        at = end + 1;
        ++number;
        if (line.ends_with('\r')) line = trim_ows(line.substr(0, line.size() - 1));
        if (line.empty() || line.starts_with('#')) continue;
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) {
            faults.push_back({number, "expected user:hash"});
            continue;
        }
        const std::string name(line.substr(0, colon));
        if (!is_text(name)) {
            faults.push_back({number, "a user's name is UTF-8 without control characters"});
            continue;
        }
        std::string fault;
        auto hash = PasswordHash::parse(line.substr(colon + 1), fault);
        if (!hash) faults.push_back({number, "the user \"" + name + "\": " + fault});
        else if (!seen.insert(name).second) faults.push_back({number, "the user \"" + name + "\" stands twice"});
        else users.push_back({name, std::move(*hash)});
    }
    return users;
}

}  // namespace portico::policy::basic
